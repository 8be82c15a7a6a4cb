"""Numbers that mean nothing, or nothing good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from contracts.policy import ChannelClass, Overflow, Policy, Queue, Rule, Sla
from router.domain.policy.problem import Place, PolicyProblem


class Range(NamedTuple):
    """From the least to the most; None: without end. ``unit`` as it stands in the sentence."""

    least: int
    most: int | None = None
    unit: str = ""

    def holds(self, value: float) -> bool:
        return value >= self.least and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.most is not None:
            return f"must be from {self.least} to {self.most}"
        if self.least == 0:
            return "must not be negative"
        return f"must be at least {self.least}{self.unit}"


_POSITIVE: Final = Range(1, unit=" second")
_NOT_NEGATIVE: Final = Range(0)
_PRIORITY: Final = Range(-100, 100)
_POLICY: Final = dict.fromkeys(("presence_grace_s", "forget_decline_s", "aging_s"), _NOT_NEGATIVE)
_QUEUE: Final = {
    **dict.fromkeys(("offer_timeout_s", "idle_after_s", "unanswered_s"), _POSITIVE),
    **dict.fromkeys(("prefer_wait_s", "wrap_up_s", "declines"), _NOT_NEGATIVE),
    **dict.fromkeys(("priority", "escalate_priority"), _PRIORITY),
}
_ANNOUNCE: Final = {**dict.fromkeys(("every_s", "long_s"), _POSITIVE), "first_after_s": _NOT_NEGATIVE}
_CLASS: Final = {**dict.fromkeys(("weight", "limit", "wrap_up_s"), _NOT_NEGATIVE), "expected_s": _POSITIVE}
_RULE: Final = {"priority": _PRIORITY, "weight": _NOT_NEGATIVE}
_MATCH: Final = {
    **dict.fromkeys(("earlier_at_least", "earlier_at_most"), _NOT_NEGATIVE),
    "earlier_within_s": _POSITIVE,
}
_SLA: Final = {
    **dict.fromkeys(("first_response_s", "next_response_s", "resolution_s"), _POSITIVE),
    **dict.fromkeys(("at_risk_priority", "breach_priority"), _PRIORITY),
}
_LEVEL: Final = Range(1, 5)


def out_of_range(policy: Policy) -> Iterator[PolicyProblem]:
    """Each number beyond what it can mean."""
    yield from _ranges(policy, _POLICY, ("policy",))
    for number, queue in enumerate(policy.queues):
        yield from _queue(queue, ("policy", "queues", number))
    for name, costs in policy.classes.items():
        yield from _class(costs, ("policy", "classes", name))
    for number, rule in enumerate(policy.rules):
        yield from _rule(rule, ("policy", "rules", number))
    for name, sla in policy.slas.items():
        yield from _sla(sla, ("policy", "slas", name))


def _ranges(value: msgspec.Struct, ranges: dict[str, Range], place: Place) -> Iterator[PolicyProblem]:
    for name, range in ranges.items():
        found = getattr(value, name)
        if found is not None and not range.holds(found):
            yield PolicyProblem((*place, name), f"{found} {range}" if range.most else str(range))


def _queue(queue: Queue, place: Place) -> Iterator[PolicyProblem]:
    yield from _ranges(queue, _QUEUE, place)
    if queue.announce is not None:
        yield from _ranges(queue.announce, _ANNOUNCE, (*place, "announce"))
    for number, overflow in enumerate(queue.overflow):
        yield from _overflow(queue, overflow, (*place, "overflow", number))


_NEED_AT: Final = {"full": "how many wait", "predicted": "the seconds predicted", "waited": "the seconds waited"}


def _overflow(queue: Queue, overflow: Overflow, place: Place) -> Iterator[PolicyProblem]:
    needed = _NEED_AT.get(overflow.when)
    if needed is not None and overflow.at is None:
        yield PolicyProblem((*place, "at"), f"{overflow.when!r} needs a number: {needed}")
    elif overflow.at is not None and overflow.at < 1:
        yield PolicyProblem((*place, "at"), f"{overflow.at} would always apply; must be at least 1")
    if overflow.do == "queue" and overflow.queue is None:
        yield PolicyProblem((*place, "queue"), "'queue' needs the queue that it moves to")
    if overflow.do == "queue" and overflow.queue == queue.name:
        yield PolicyProblem((*place, "queue"), f"{queue.name!r} would overflow into itself")


def _class(costs: ChannelClass, place: Place) -> Iterator[PolicyProblem]:
    yield from _ranges(costs, _CLASS, place)
    if costs.limit == 0:
        yield PolicyProblem(
            (*place, "limit"), "0 means that nobody is given any, but for agents' own limits", "warning"
        )
    if costs.exclusive and costs.interruptible:
        yield PolicyProblem((*place, "interruptible"), "what is exclusive cannot be interruptible too")


def _rule(rule: Rule, place: Place) -> Iterator[PolicyProblem]:
    yield from _ranges(rule, _RULE, place)
    for part, match in (("when", rule.when), ("unless", rule.unless)):
        if match is not None:
            yield from _ranges(match, _MATCH, (*place, part))
    for number, need in enumerate(rule.skills):
        if not _LEVEL.holds(need.level):
            yield PolicyProblem((*place, "skills", number, "level"), f"{need.level} {_LEVEL}")
    yield from _relax(rule, place)


def _relax(rule: Rule, place: Place) -> Iterator[PolicyProblem]:
    asked = {need.skill: need.level for need in rule.skills}
    for number, step in enumerate(rule.relax):
        at = (*place, "relax", number)
        if step.after_s < 0:
            yield PolicyProblem((*at, "after_s"), "must not be negative")
        if number and step.after_s < rule.relax[number - 1].after_s:
            yield PolicyProblem(
                (*at, "after_s"), "steps stand in order of time; this one is earlier than the one before"
            )
        for skill, level in step.levels.items():
            if not _LEVEL.holds(level):
                yield PolicyProblem((*at, "levels", skill), f"{level} {_LEVEL}")
            elif level >= asked.get(skill, 6):
                sentence = f"{level} is not less than the {asked[skill]} that is asked for, so nothing relaxes"
                yield PolicyProblem((*at, "levels", skill), sentence, "warning")
        if not step.levels and not step.drop and not step.queues:
            yield PolicyProblem(at, "it relaxes nothing", "warning")


def _sla(sla: Sla, place: Place) -> Iterator[PolicyProblem]:
    yield from _ranges(sla, _SLA, place)
    if not 0 < sla.at_risk <= 1:
        yield PolicyProblem((*place, "at_risk"), f"{sla.at_risk} is no part of a whole; must be more than 0, at most 1")
    if (sla.first_response_s, sla.next_response_s, sla.resolution_s) == (None, None, None):
        yield PolicyProblem(place, "it promises nothing", "warning")
