"""How long each agent was there, and how much of their capacity was in use."""

from __future__ import annotations

from collections.abc import Iterable

from router.domain.dispatch.seat import Seat


class Hours:
    """One agent's: milliseconds there, and the same multiplied with units, had and used."""

    __slots__ = ("here", "here_ms", "room", "room_ms", "since_ms", "used", "used_ms")

    def __init__(self, at_ms: int) -> None:
        self.since_ms = at_ms
        self.here = False
        self.room = self.used = 0
        self.here_ms = self.room_ms = self.used_ms = 0

    def pass_time(self, at_ms: int) -> None:
        if self.here:
            passed = at_ms - self.since_ms
            self.here_ms += passed
            self.room_ms += passed * self.room
            self.used_ms += passed * min(self.used, self.room)
        self.since_ms = at_ms


class Ledger:
    """Told of each change of a seat. Who is away or gone is not there, whatever they hold."""

    def __init__(self) -> None:
        self.agents: dict[str, Hours] = {}

    def note(self, seat: Seat, at_ms: int) -> None:
        hours = self.agents.get(seat.id)
        if hours is None:
            hours = self.agents[seat.id] = Hours(at_ms)
        hours.pass_time(at_ms)
        hours.here = seat.blocked is None
        hours.room = seat.agent.capacity
        hours.used = seat.used

    def close(self, at_ms: int) -> None:
        """The day is over."""
        for hours in self.agents.values():
            hours.pass_time(at_ms)

    def in_use(self, agents: Iterable[Hours] | None = None) -> tuple[int, int]:
        """Units used and had at this moment, over all who are there."""
        there = [hours for hours in agents or self.agents.values() if hours.here]
        return sum(min(hours.used, hours.room) for hours in there), sum(hours.room for hours in there)
