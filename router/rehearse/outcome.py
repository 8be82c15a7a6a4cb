"""What came of a day under one policy: conversation by conversation, agent by agent."""

from __future__ import annotations

from typing import Literal

import msgspec

from contracts.decision import Decision

End = Literal["served", "with_agent", "waiting", "abandoned", "turned_away"]


class Life(msgspec.Struct):
    """What became of one case. Times in milliseconds; ``assigned_ms`` None: nobody ever had it.

    ``end``: ``with_agent`` and ``waiting`` at the end of the day; ``turned_away`` by an overflow that ends it.
    """

    conversation: str
    at_ms: int
    waiting_since_ms: int
    channel_class: str
    queue: str = ""
    """The first it came to."""
    served_queue: str = ""
    """The one it was first assigned from."""
    rule: str | None = None
    priority: int = 0
    agents: list[str] = []
    assigned_ms: int | None = None
    answered_ms: int | None = None
    ended_ms: int | None = None
    end: End = "waiting"
    handovers: int = 0
    """How often an agent who had it lost it or passed it on."""
    offers: int = 0
    declines: int = 0
    missed: int = 0
    escalations: int = 0
    overflows: list[str] = []
    sla: str | None = None
    first_response: bool | None = None
    """Whether it was kept; None: nothing was promised, or its time is not over yet."""
    resolution: bool | None = None
    diverted: str | None = None
    joined: int = 0
    """Later cases of the same conversation that came while this one was not over."""

    @property
    def wait_ms(self) -> int | None:
        """From when the customer began to wait to the first agent."""
        return None if self.assigned_ms is None else self.assigned_ms - self.waiting_since_ms

    def waited_ms(self, end_ms: int) -> int:
        """The same for everybody: to the first agent, to giving up, or to the end of the day."""
        until = self.assigned_ms if self.assigned_ms is not None else self.ended_ms
        return (end_ms if until is None else until) - self.waiting_since_ms


class AgentDay(msgspec.Struct, frozen=True):
    """One agent's day. ``occupancy``: the part of their units in use while they were there; None: they were not."""

    agent: str
    teams: tuple[str, ...]
    here_ms: int
    given: int
    occupancy: float | None


class Moment(msgspec.Struct, frozen=True):
    """How it stood at a moment: conversations waiting in all queues, units in use and there."""

    at_ms: int
    waiting: int
    used: int
    room: int


class Outcome(msgspec.Struct, frozen=True):
    """One policy's day. ``refused``: what agents or conversations asked for and could not have (a claim that came too
    late); ``notices``: texts that customers were told."""

    lives: list[Life]
    agents: list[AgentDay]
    moments: list[Moment]
    decisions: dict[str, list[Decision]]
    end_ms: int
    commands: int
    refused: int
    notices: int
