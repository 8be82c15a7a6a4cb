"""Answers for the API, computed from rows: readers have the store, not the owner's memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from contracts.agent import AgentState
from contracts.codec import moment
from contracts.policy import Policy, Queue
from router.domain.dispatch.opening import Opening
from router.domain.dispatch.pace import Pace, wait_ms
from router.domain.dispatch.presence import blocked
from router.domain.dispatch.work import Work


class QueueSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue at a glance."""

    queue: str
    waiting: int = 0
    offered: int = 0
    assigned: int = 0
    """Of those who have an agent, the ones whose customer is not silent."""
    idle: int = 0
    wrap_up: int = 0
    oldest: datetime | None = None
    """Since when the longest waiting customer waits."""
    agents: int = 0
    """Who serve it."""
    available: int = 0
    """Of those, who can be given work as far as presence goes."""
    on_shift: int = 0
    """Of those who serve it, whose shift runs now, or who have none."""
    open: bool | None = None
    """By its hours; always, when it keeps none."""
    changes_at: datetime | None = None
    """When it opens or closes; None: it does not."""
    estimate_s: int | None = None
    """The wait of somebody who comes now to its end, in seconds. None: it keeps no record of how fast it moves, is
    closed or has nobody at work, or too little has happened."""


def available(state: AgentState) -> bool:
    """Whether the agent can be given work as far as presence goes; their capacity is another matter."""
    return blocked(state.agent, state.presence) is None


def summaries(
    policy: Policy,
    agents: Iterable[AgentState],
    work: Iterable[Work],
    openings: Mapping[str, Opening] | None = None,
    paces: Mapping[str, Pace] | None = None,
    at_ms: int = 0,
) -> list[QueueSummary]:
    """One for each queue of the policy, in its order; linear in agents and work."""
    seated, held = list(agents), dict[str, list[Work]]()
    for item in work:
        held.setdefault(item.queue, []).append(item)
    queues = {policy.default_queue: Queue(policy.default_queue)} | {queue.name: queue for queue in policy.queues}
    found = []
    for name in dict.fromkeys([*(queue.name for queue in policy.queues), policy.default_queue]):
        queue = queues[name]
        summary = _summary(queue, seated, held.get(name, []))
        opening = (openings or {}).get(queue.hours or "") or Opening(True)
        found.append(_with_times(summary, opening, (paces or {}).get(name), at_ms))
    return found


def waiting(work: Iterable[Work], queue: str) -> list[Work]:
    """The queue's line, first to last."""
    line = [item for item in work if item.queue == queue and item.state == "waiting"]
    return sorted(line, key=lambda item: item.line_key)


def position(work: Iterable[Work], conversation: str) -> int | None:
    """Its place in its queue, from 1; None when it does not wait."""
    items = list(work)
    mine = next((item for item in items if item.conversation == conversation and item.state == "waiting"), None)
    if mine is None:
        return None
    return 1 + sum(
        item.line_key < mine.line_key for item in items if item.state == "waiting" and item.queue == mine.queue
    )


def _summary(queue: Queue, agents: Sequence[AgentState], work: Sequence[Work]) -> QueueSummary:
    teams = frozenset(queue.teams)
    members = [state for state in agents if queue.name in state.agent.queues or not teams.isdisjoint(state.agent.teams)]
    since = [item.waiting_since_ms for item in work if item.state == "waiting"]
    return QueueSummary(
        queue=queue.name,
        waiting=len(since),
        offered=sum(item.state == "offered" for item in work),
        assigned=sum(item.state == "assigned" for item in work),
        idle=sum(item.state == "idle" for item in work),
        wrap_up=sum(item.state == "wrap_up" for item in work),
        oldest=moment(min(since)) if since else None,
        agents=len(members),
        available=sum(available(state) for state in members),
        on_shift=sum(state.agent.enabled and state.presence.on_shift is not False for state in members),
    )


def _with_times(summary: QueueSummary, opening: Opening, pace: Pace | None, at_ms: int) -> QueueSummary:
    wait = wait_ms(pace, summary.waiting + 1, at_ms, summary.available, silent=summary.waiting > 0)
    return replace(
        summary,
        open=opening.open,
        changes_at=None if opening.changes_ms is None else moment(opening.changes_ms),
        estimate_s=-(-wait // 1000) if wait is not None and opening.open else None,
    )
