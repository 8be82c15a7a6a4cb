"""An agent in the owner's memory: what they hold and what they could still take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import milliseconds, moment
from contracts.decision import RuledOut
from router.domain.dispatch.presence import blocked
from router.domain.dispatch.work import Work

Verdict = RuledOut | Literal["eligible"]
Standing = tuple[Verdict, ...]
"""For each channel class of the desk, in its order: whether the agent can take such work now, or why not."""


class Seat:
    """One agent. ``used`` is what everything held weighs, offers included, so that two offers never share a place.

    ``used`` stays within ``agent.capacity``, and each class within its limit, in every state, because nothing is given
    that does not fit. The one exception is asked for: when somebody lowers the capacity or a limit below what is held,
    the agent keeps what they have, and gets nothing new until it fits again.
    """

    __slots__ = ("agent", "counts", "idle_ms", "offers", "presence", "standing", "used", "work")

    def __init__(self, state: AgentState, held: Iterable[Work]) -> None:
        self.agent: Agent = state.agent
        self.presence: Presence = state.presence
        self.idle_ms = 0 if state.idle_since is None else milliseconds(state.idle_since)
        self.work: dict[str, None] = dict.fromkeys(state.work)
        self.offers: dict[str, None] = dict.fromkeys(state.offers)
        self.used = 0
        self.counts: dict[str, int] = {}
        self.standing: Standing = ()
        for work in held:
            self._count(work, 1)

    @property
    def id(self) -> str:
        return self.agent.id

    @property
    def spare(self) -> int:
        return self.agent.capacity - self.used

    @property
    def queues(self) -> Iterable[str]:
        return dict.fromkeys(self.agent.queues)

    @property
    def blocked(self) -> RuledOut | None:
        return blocked(self.agent, self.presence)

    def state(self) -> AgentState:
        """The row to keep."""
        return AgentState(
            self.agent,
            self.presence,
            self.used,
            tuple(self.work),
            tuple(self.offers),
            moment(self.idle_ms) if self.idle_ms else None,
        )

    def hold(self, work: Work, at_ms: int, offered: bool) -> None:
        """Takes the units; the agent is busy as of now."""
        (self.offers if offered else self.work)[work.conversation] = None
        self._count(work, 1)
        self.idle_ms = at_ms

    def accept(self, conversation: str) -> None:
        """An offer becomes work; the units were held already."""
        del self.offers[conversation]
        self.work[conversation] = None

    def free(self, work: Work, at_ms: int) -> None:
        """Gives the units back; the agent is idle as of now."""
        self.offers.pop(work.conversation, None)
        self.work.pop(work.conversation, None)
        self._count(work, -1)
        self.idle_ms = at_ms

    def _count(self, work: Work, sign: int) -> None:
        self.used += sign * work.weight
        self.counts[work.channel_class] = self.counts.get(work.channel_class, 0) + sign
