"""The reasons of a decision: who was looked at, in which order, and what ruled out the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from contracts.decision import Considered, Decision, RuledOut
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.room import ELIGIBLE, Room
from router.domain.dispatch.seat import Seat, Verdict
from router.domain.dispatch.work import Work

WHOLE: Final = 50
"""A queue of up to so many agents is listed whole."""
LARGE: Final = 20
"""Of a larger one so many are listed; the counts speak of all."""
FRONT: Final = 10
"""How many of the eligible of a larger queue are listed."""


class Reasons(NamedTuple):
    considered: tuple[Considered, ...]
    counts: dict[str, int]
    truncated: bool


def explain(desk: Desk, work: Work, at_ms: int, named: Iterable[str | None]) -> Reasons:
    """Looks before anything moves. ``named``: those asked for or chosen by name, listed first; None is passed over."""
    return _Look(desk, work, at_ms).reasons([agent for agent in dict.fromkeys(named) if agent in desk.seats])


class _Look:
    """One look at a queue's agents for one piece of work."""

    def __init__(self, desk: Desk, work: Work, at_ms: int) -> None:
        self.desk, self.work, self.at_ms = desk, work, at_ms
        self.room: Room = desk.rooms[work.queue]
        self.place = desk.rules.costs.place[work.channel_class]
        self.barred = work.barred()

    def reasons(self, named: list[str | None]) -> Reasons:
        first = [agent for agent in named if agent is not None]
        outside = sum(agent not in self.room for agent in first)
        total = len(self.room) + outside
        whole = total <= WHOLE
        listed = self._listed(first, total if whole else FRONT, WHOLE if whole else LARGE)
        return Reasons(listed, self._counts(), len(listed) < total)

    def _listed(self, first: list[str], front: int, most: int) -> tuple[Considered, ...]:
        """The named, the eligible in order of choice, the barred, and the others ruled out; nobody twice."""
        eligible = [
            agent for agent in self.room.eligible(self.place, front + len(self.barred)) if agent not in self.barred
        ]
        rows: list[tuple[str, Verdict]] = [(agent, self._verdict(agent)) for agent in first]
        rows += [(agent, ELIGIBLE) for agent in eligible[:front] if agent not in first]
        rows += [row for row in self._barred() if row[0] not in first]
        rows += [row for row in self.room.ruled_out(self.place, most) if row[0] not in first]
        return self._considered(rows[:most])

    def _counts(self) -> dict[str, int]:
        counts = self.room.counts(self.place)
        for _, verdict in self._barred():
            counts[ELIGIBLE] -= 1
            counts[verdict] = counts.get(verdict, 0) + 1
        elsewhere = len(self.desk.seats) - len(self.room)
        if elsewhere:
            counts["not_in_queue"] = elsewhere
        return {reason: counts[reason] for reason in sorted(counts) if counts[reason]}

    def _barred(self) -> Iterator[tuple[str, RuledOut]]:
        """Those who could have it but for having declined it, or having been excluded."""
        for agent, reason in self.barred.items():
            if agent in self.room and self._standing(self.desk.seats[agent]) == ELIGIBLE:
                yield agent, reason

    def _verdict(self, agent: str) -> Verdict:
        standing = self._standing(self.desk.seats[agent])
        return self.barred.get(agent, standing) if standing == ELIGIBLE else standing

    def _standing(self, seat: Seat) -> Verdict:
        return seat.standing[self.place]

    def _considered(self, rows: list[tuple[str, Verdict]]) -> tuple[Considered, ...]:
        """Most of what a decision costs, so done in one go."""
        seats, at_ms = self.desk.seats, self.at_ms
        return tuple(
            [
                Considered(
                    agent,
                    None if verdict == ELIGIBLE else verdict,
                    (seat := seats[agent]).agent.capacity - seat.used,
                    (at_ms - seat.idle_ms) // 1000 if seat.idle_ms else None,
                )
                for agent, verdict in rows
            ]
        )


def in_brief(decision: Decision) -> Decision:
    """The decision as conversations are told it: the first few only. Its id leads to the whole record."""
    if len(decision.considered) <= FRONT:
        return decision
    return replace(decision, considered=decision.considered[:FRONT], truncated=True)
