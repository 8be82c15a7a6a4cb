"""Names: each is declared once, and whoever uses one that is declared nowhere is told the nearest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from contracts.policy import Match, Policy, Queue, Rule
from router.domain.dispatch.cost import DEFAULTS
from router.domain.policy.problem import Place, PolicyProblem, unknown

BUILT_IN_TEXTS: Final = (
    "position", "closed", "full", "late", "alternative", "callback", "callback_noted", "voicemail", "mail", "moved",
)  # fmt: skip
"""Told in English and Japanese without being declared."""

Use = tuple[str, str, Place]
"""What kind of name, the name, and where it is used."""


class Declared(NamedTuple):
    """The names that a policy declares, by kind as they are called in sentences."""

    names: dict[str, frozenset[str]]

    @classmethod
    def of(cls, policy: Policy) -> Declared:
        return cls(
            {
                "queue": frozenset(queue.name for queue in policy.queues),
                "calendar": frozenset(policy.calendars),
                "promise": frozenset(policy.slas),
                "text": frozenset({*policy.texts, *BUILT_IN_TEXTS}),
                "channel class": frozenset({*DEFAULTS, *policy.classes}),
                **({"skill": frozenset(policy.skills)} if policy.skills else {}),
            }
        )

    def has(self, kind: str, name: str) -> bool:
        """Whether it is declared; of a kind that need not be declared every name is."""
        return kind not in self.names or name in self.names[kind]


def twice_or_empty(policy: Policy) -> Iterator[PolicyProblem]:
    if not policy.queues:
        yield PolicyProblem(("policy", "queues"), "there is no queue; work would have nowhere to wait")
    for kind, names in (("queues", [queue.name for queue in policy.queues]), ("rules", [r.name for r in policy.rules])):
        counted = Counter(names)
        for place, name in enumerate(names):
            if not name.strip():
                yield PolicyProblem(("policy", kind, place, "name"), "the name is empty")
            elif counted[name] > 1 and names.index(name) != place:
                yield PolicyProblem(("policy", kind, place, "name"), f"{name!r} is there twice")


def undeclared(policy: Policy) -> Iterator[PolicyProblem]:
    """Every use of a name that the policy does not declare."""
    declared = Declared.of(policy)
    for kind, name, place in uses(policy):
        if (kind != "queue" or policy.queues) and not declared.has(kind, name):
            yield PolicyProblem(place, unknown(kind, name, declared.names[kind]))


def uses(policy: Policy) -> Iterator[Use]:
    """Every name that the policy uses, with its place."""
    yield "queue", policy.default_queue, ("policy", "default_queue")
    for number, queue in enumerate(policy.queues):
        yield from _of_queue(queue, ("policy", "queues", number))
    for number, rule in enumerate(policy.rules):
        yield from _of_rule(rule, ("policy", "rules", number))
    for name, sla in policy.slas.items():
        yield from _one("calendar", sla.hours, ("policy", "slas", name, "hours"))
        yield from _one("text", sla.notice, ("policy", "slas", name, "notice"))


def _of_queue(queue: Queue, place: Place) -> Iterator[Use]:
    yield from _one("calendar", queue.hours, (*place, "hours"))
    yield from _one("promise", queue.sla, (*place, "sla"))
    yield from _one("queue", queue.escalate, (*place, "escalate"))
    for number, overflow in enumerate(queue.overflow):
        at = (*place, "overflow", number)
        yield from _one("queue", overflow.queue, (*at, "queue"))
        yield from _one("text", overflow.text, (*at, "text"))
        yield from _many("channel class", overflow.classes, (*at, "classes"))
    if queue.announce is not None:
        yield from _many("channel class", queue.announce.classes, (*place, "announce", "classes"))


def _of_rule(rule: Rule, place: Place) -> Iterator[Use]:
    yield from _one("queue", rule.queue, (*place, "queue"))
    yield from _one("promise", rule.sla, (*place, "sla"))
    yield from _of_match(rule.when, (*place, "when"))
    yield from _of_match(rule.unless or Match(), (*place, "unless"))
    for number, need in enumerate(rule.skills):
        yield "skill", need.skill, (*place, "skills", number, "skill")
    for number, step in enumerate(rule.relax):
        at = (*place, "relax", number)
        yield from (("skill", name, (*at, "levels", name)) for name in step.levels)
        yield from _many("skill", (name for name in step.drop if name != "*"), (*at, "drop"))
        yield from _many("queue", step.queues, (*at, "queues"))


def _of_match(match: Match, place: Place) -> Iterator[Use]:
    yield from _many("calendar", match.open, (*place, "open"))
    yield from _many("calendar", match.closed, (*place, "closed"))


def _one(kind: str, name: str | None, place: Place) -> Iterator[Use]:
    if name is not None:
        yield kind, name, place


def _many(kind: str, names: Iterable[str], place: Place) -> Iterator[Use]:
    for number, name in enumerate(names):
        yield kind, name, (*place, number)
