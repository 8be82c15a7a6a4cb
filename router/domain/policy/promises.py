"""Promises that a policy makes and cannot keep, and words that it has not got."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contracts.codec import iso, moment
from contracts.policy import Calendar, Policy, Queue, Sla
from router.domain.hours import is_open, next_change, open_between
from router.domain.policy.names import BUILT_IN_TEXTS, uses
from router.domain.policy.problem import Place, PolicyProblem

_LOOKS: Final = 100
"""So many openings and closings of a queue are looked at: a month or two of them."""
_BUILT_IN_LANGUAGES: Final = frozenset({"en", "ja"})


def impatient(policy: Policy) -> Iterator[PolicyProblem]:
    """Queues that take longer over their ways than they have promised."""
    for number, queue in enumerate(policy.queues):
        for name in promised(policy, queue):
            sla, place = policy.slas[name], ("policy", "queues", number)
            first = sla.first_response_s
            if first is not None and queue.prefer_wait_s > first:
                told = f"{queue.prefer_wait_s} s are longer than the first answer that {name!r} promises in {first} s"
                yield PolicyProblem((*place, "prefer_wait_s"), told, "warning")
            if first is not None and queue.offer_timeout_s >= first and not queue.auto_accept:
                told = f"one missed offer takes {queue.offer_timeout_s} s, and {name!r} promises an answer in {first} s"
                yield PolicyProblem((*place, "offer_timeout_s"), told, "warning")


def promised(policy: Policy, queue: Queue) -> list[str]:
    """The promises that work of this queue may have, each once."""
    named = [queue.sla, *(rule.sla for rule in policy.rules if rule.queue in (None, queue.name))]
    return [name for name in dict.fromkeys(named) if name is not None and name in policy.slas]


def impossible(policy: Policy, at_ms: int) -> Iterator[PolicyProblem]:
    """Promises whose time runs out while the queue is closed, with the moment at which one would."""
    for queue in policy.queues:
        hours = policy.calendars.get(queue.hours or "")
        for name in promised(policy, queue) if hours is not None else ():
            assert hours is not None
            sla = policy.slas[name]
            found = _too_long_closed(hours, sla, policy.calendars.get(sla.hours or ""), at_ms)
            if found is not None:
                place: Place = ("policy", "slas", name, "first_response_s")
                yield PolicyProblem(place, _unanswerable(queue, sla, *found), "warning")


def _too_long_closed(hours: Calendar, sla: Sla, clock: Calendar | None, at_ms: int) -> tuple[int, int] | None:
    """From when to when the queue is closed while as much of the promise's time passes as there is."""
    if sla.first_response_s is None or clock == hours:
        return None
    begin = None if is_open(hours, at_ms) else at_ms
    for _ in range(_LOOKS):
        change = next_change(hours, at_ms)
        if change is None:
            return None
        if begin is not None and open_between(clock, begin, change) >= sla.first_response_s:
            return begin, change
        begin = None if is_open(hours, change) else change
        at_ms = change
    return None


def _unanswerable(queue: Queue, sla: Sla, begin: int, end: int) -> str:
    return (
        f"{sla.first_response_s} s cannot be kept by {queue.name!r}: it is closed from {iso(moment(begin))} to "
        f"{iso(moment(end))}, and the promise's time runs meanwhile; give both the same hours"
    )


def wordless(policy: Policy) -> Iterator[PolicyProblem]:
    """Texts that are told and are missing in a language that customers of this policy speak."""
    spoken = _spoken(policy)
    for name in sorted(_told(policy)):
        has = {_stem(language) for language in policy.texts.get(name, {})}
        missing = spoken - has - (_BUILT_IN_LANGUAGES if name in BUILT_IN_TEXTS else frozenset())
        if missing:
            listed = ", ".join(repr(language) for language in sorted(missing))
            told = f"no text {name!r} in {listed}; who speaks that is told it in another language"
            yield PolicyProblem(("policy", "texts", name), told, "warning")


def _told(policy: Policy) -> set[str]:
    """The texts that may be told to somebody."""
    told = {name for kind, name, _ in uses(policy) if kind == "text"}
    for queue in policy.queues:
        if queue.announce is not None:
            told |= {"position", "moved"} if queue.announce.position or queue.announce.estimate else set()
            told |= {"alternative"} if queue.announce.long_s is not None else set()
    return told & {*policy.texts, *BUILT_IN_TEXTS}


def _spoken(policy: Policy) -> set[str]:
    """The languages that the policy speaks of: in texts, titles and rules."""
    named = [language for texts in policy.texts.values() for language in texts]
    named += [language for queue in policy.queues for language in queue.titles]
    named += [language for rule in policy.rules for language in rule.when.languages]
    return {_stem(language) for language in named}


def _stem(language: str) -> str:
    return language.lower().partition("-")[0]
