"""Answers for the API, computed from rows: readers have the store, not the owner's memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from contracts.agent import AgentState
from contracts.codec import moment
from contracts.policy import Policy
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


def available(state: AgentState) -> bool:
    """Whether the agent can be given work as far as presence goes; their capacity is another matter."""
    return blocked(state.agent, state.presence) is None


def summaries(policy: Policy, agents: Iterable[AgentState], work: Iterable[Work]) -> list[QueueSummary]:
    """One for each queue of the policy, in its order; linear in agents and work."""
    held, seated = list(work), list(agents)
    names = list(dict.fromkeys([*(queue.name for queue in policy.queues), policy.default_queue]))
    teams = {queue.name: frozenset(queue.teams) for queue in policy.queues}
    return [
        _summary(name, teams.get(name, frozenset()), seated, [item for item in held if item.queue == name])
        for name in names
    ]


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


def _summary(name: str, teams: frozenset[str], agents: list[AgentState], work: list[Work]) -> QueueSummary:
    members = [state for state in agents if name in state.agent.queues or not teams.isdisjoint(state.agent.teams)]
    since = [item.waiting_since_ms for item in work if item.state == "waiting"]
    return QueueSummary(
        queue=name,
        waiting=len(since),
        offered=sum(item.state == "offered" for item in work),
        assigned=sum(item.state == "assigned" for item in work),
        idle=sum(item.state == "idle" for item in work),
        wrap_up=sum(item.state == "wrap_up" for item in work),
        oldest=moment(min(since)) if since else None,
        agents=len(members),
        available=sum(available(state) for state in members),
    )
