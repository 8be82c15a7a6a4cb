"""What was promised of conversations, as far as a rehearsal can tell whether it was kept.

The first answer counts from when the customer began to wait, the resolution from the opening to the end; silences do
not pause it. The next answers are not looked at: what is said between the first and the end is not part of a day.
"""

from __future__ import annotations

from typing import NamedTuple

from contracts.policy import Calendar, Policy, Queue, Sla
from router.domain.hours import add_open


class Due(NamedTuple):
    """When it is at risk, and when it is broken; None: not promised, or not within five years."""

    risk_ms: int | None = None
    broken_ms: int | None = None


NEVER = Due()


class Promises:
    """Those of a policy, and its care for what agents have."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        default = {policy.default_queue: Queue(policy.default_queue)}
        self._queues = default | {queue.name: queue for queue in policy.queues}

    def sla(self, name: str | None) -> Sla | None:
        return self._policy.slas.get(name) if name is not None else None

    def queue(self, name: str) -> Queue:
        return self._queues.get(name) or self._queues[self._policy.default_queue]

    def first_response(self, sla: Sla, since_ms: int) -> Due:
        return self._due(sla, since_ms, sla.first_response_s)

    def resolution(self, sla: Sla, since_ms: int) -> Due:
        return self._due(sla, since_ms, sla.resolution_s)

    def unanswered(self, queue: Queue, since_ms: int) -> int | None:
        """When its agent will have left the customer without an answer for too long."""
        if queue.unanswered_s is None:
            return None
        return add_open(self._calendar(queue.hours), since_ms, queue.unanswered_s)

    def _due(self, sla: Sla, since_ms: int, seconds: int | None) -> Due:
        if seconds is None:
            return NEVER
        hours = self._calendar(sla.hours)
        return Due(add_open(hours, since_ms, round(seconds * sla.at_risk)), add_open(hours, since_ms, seconds))

    def _calendar(self, name: str | None) -> Calendar | None:
        return self._policy.calendars.get(name) if name is not None else None


def urgency(sla: Sla, due: Due, at_ms: int) -> int:
    """What the priority is raised by at that moment, as long as it is not met."""
    if due.broken_ms is not None and at_ms >= due.broken_ms:
        return max(sla.at_risk_priority, sla.breach_priority)
    return sla.at_risk_priority if due.risk_ms is not None and at_ms >= due.risk_ms else 0


def kept(due: Due, met_ms: int | None, until_ms: int) -> bool | None:
    """Whether it was; None: nothing was promised, or it ended otherwise before the time was over."""
    if due.broken_ms is None:
        return None
    if met_ms is not None:
        return met_ms <= due.broken_ms
    return False if until_ms >= due.broken_ms else None
