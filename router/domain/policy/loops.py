"""Overflows and escalations that lead back to where they began."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from contracts.codec import iso, moment
from contracts.policy import Overflow, Policy, Queue
from router.domain.hours import is_open
from router.domain.policy.kinds import moments
from router.domain.policy.problem import Place, PolicyProblem


class Step(NamedTuple):
    """One way out of a queue into another."""

    queue: str
    to: str
    when: str
    at: int | None
    place: Place

    def __str__(self) -> str:
        return f"{self.queue!r} {_WHEN[self.when].format(at=self.at)} to {self.to!r}"


_WHEN = {
    "waited": "after {at} s",
    "closed": "when it is closed",
    "full": "when {at} wait",
    "predicted": "when {at} s are predicted",
    "unstaffed": "when nobody is signed in",
    "declined": "when it was declined too often",
}


def loops(policy: Policy) -> Iterator[PolicyProblem]:
    """Each ring of queues once. One of waiting times alone always closes, and keeps the policy out: nobody can have
    meant it, and work would stop wherever it came to last. The others close only while all their conditions hold."""
    steps = [step for number, queue in enumerate(policy.queues) for step in _steps(queue, number)]
    for ring in rings(steps):
        told = ", ".join(str(step) for step in ring)
        if all(step.when == "waited" for step in ring):
            yield PolicyProblem(ring[0].place, f"a loop of overflows: {told}, and so on")
        elif not any(step.when == "closed" for step in ring):
            yield PolicyProblem(ring[0].place, f"this can lead back: {told}, and so on", "warning")


def closed_rings(policy: Policy, at_ms: int) -> Iterator[PolicyProblem]:
    """Rings in which closed queues send work round, when all of them are closed at once."""
    steps = [step for number, queue in enumerate(policy.queues) for step in _steps(queue, number)]
    hours = {queue.name: policy.calendars.get(queue.hours or "") for queue in policy.queues}
    for ring in rings([step for step in steps if step.when == "closed"]):
        shut = [hours[step.queue] for step in ring]
        for when in (first for first, *_ in moments(policy, at_ms).values()):
            if not any(is_open(calendar, when) for calendar in shut):
                told = ", ".join(str(step) for step in ring)
                sentence = f"this can lead back: {told}, and so on, for example at {iso(moment(when))}"
                yield PolicyProblem(ring[0].place, sentence, "warning")
                break


def rings(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """A shortest way back for each queue that has one, each ring once."""
    seen: set[frozenset[str]] = set()
    for first in steps:
        ring = _way_back(first, steps)
        names = frozenset(step.queue for step in ring)
        if ring and names not in seen:
            seen.add(names)
            yield ring


def _way_back(first: Step, steps: Iterable[Step]) -> list[Step]:
    """From this step on, back to its queue; empty when no way leads there."""
    leaving: dict[str, list[Step]] = {}
    for step in steps:
        leaving.setdefault(step.queue, []).append(step)
    ways = deque([[first]])
    reached = {first.to}
    while ways:
        way = ways.popleft()
        if way[-1].to == first.queue:
            return way
        for step in leaving.get(way[-1].to, ()):
            if step.to not in reached or step.to == first.queue:
                reached.add(step.to)
                ways.append([*way, step])
    return []


def _steps(queue: Queue, number: int) -> Iterator[Step]:
    place: Place = ("policy", "queues", number)
    for index, overflow in enumerate(queue.overflow):
        if _leaves(queue, overflow):
            at = (*place, "overflow", index, "queue")
            yield Step(queue.name, overflow.queue or "", overflow.when, overflow.at, at)
    if queue.escalate is not None and queue.declines:
        yield Step(queue.name, queue.escalate, "declined", None, (*place, "escalate"))


def _leaves(queue: Queue, overflow: Overflow) -> bool:
    return overflow.do in ("queue", "voicemail", "mail") and overflow.queue not in (None, queue.name)
