"""The reasons of a decision: who was looked at, in which order, and what ruled out the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from contracts.decision import Considered, Decision, RuledOut
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.seat import ELIGIBLE, Verdict
from router.domain.dispatch.work import Work

WHOLE: Final = 50
"""A queue of up to so many agents is listed whole."""
LARGE: Final = 10
"""Of a larger one so many are listed; the counts speak of all."""
FRONT: Final = 5
"""How many of the eligible of a larger queue are listed."""
BRIEF: Final = 10
"""Conversations are told so many."""


class Reasons(NamedTuple):
    considered: tuple[Considered, ...]
    counts: dict[str, int]
    truncated: bool


def explain(desk: Desk, work: Work, at_ms: int, named: Iterable[str | None]) -> Reasons:
    """Looks before anything moves. ``named``: those asked for or chosen by name, listed first; None is passed over."""
    return _Look(desk, work, at_ms).reasons([agent for agent in dict.fromkeys(named) if agent in desk.seats])


class _Look:
    """One look at the agents whom one piece of work asks for.

    Who has not the skills is ruled out by that whatever else is true of them; the others by their state; and who could
    take it, by having declined it, or because it waits for somebody else.
    """

    def __init__(self, desk: Desk, work: Work, at_ms: int) -> None:
        self.desk, self.work, self.at_ms = desk, work, at_ms
        self.room = desk.room(work)
        self.place = desk.place(work)
        self.barred: dict[str, RuledOut] = {**work.barred()} if work.declined else {}

    def reasons(self, named: list[str | None]) -> Reasons:
        crew = self.room.crew
        first = [agent for agent in named if agent is not None]
        total = len(crew) + sum(agent not in crew for agent in first)
        whole = total <= WHOLE
        listed = self._listed(first, total if whole else FRONT, WHOLE if whole else LARGE)
        return Reasons(self._considered(listed), self._counts(), len(listed) < total)

    def _listed(self, first: list[str], front: int, most: int) -> list[tuple[str, Verdict]]:
        """The named, the eligible in order of choice, the barred, and the others ruled out; nobody twice. In a large
        queue those without the skills are only counted."""
        eligible = self.room.eligible(self.place, front, self.barred)
        rows: list[tuple[str, Verdict]] = [(agent, self._verdict(agent)) for agent in first]
        if self.work.only:
            rows += [(agent, self._waited_for(agent)) for agent in eligible if agent not in first]
        else:
            rows += [(agent, ELIGIBLE) for agent in eligible if agent not in first]
        if self.barred:
            rows += [row for row in self._barred() if row[0] not in first]
        if len(rows) < most:
            rows += [row for row in self.room.ruled_out(self.place, most) if row[0] not in first]
        if len(rows) < most <= WHOLE and len(self.room.crew) <= WHOLE:
            rows += [(agent, "lacks_skill") for agent in self.room.unskilled() if agent not in first]
        return rows[:most]

    def _counts(self) -> dict[str, int]:
        counts = self.room.counts(self.place)
        for _, verdict in self._barred() if self.barred else ():
            counts[ELIGIBLE] -= 1
            counts[verdict] = counts.get(verdict, 0) + 1
        if self.work.only:
            awaited = sum(self._can(agent) and agent not in self.barred for agent in self.work.only)
            counts["not_preferred"] = counts.get(ELIGIBLE, 0) - awaited
            counts[ELIGIBLE] = awaited
        elsewhere = len(self.desk.seats) - len(self.room.crew)
        if elsewhere:
            counts["not_in_queue"] = elsewhere
        return {reason: counts[reason] for reason in sorted(counts) if counts[reason]}

    def _barred(self) -> list[tuple[str, RuledOut]]:
        """Those who could have it but for having declined it, or having been excluded."""
        return [(agent, reason) for agent, reason in self.barred.items() if self._can(agent)]

    def _can(self, agent: str) -> bool:
        return agent in self.room and self._standing(agent) == ELIGIBLE

    def _waited_for(self, agent: str) -> Verdict:
        return "not_preferred" if self.work.only and agent not in self.work.only else ELIGIBLE

    def _verdict(self, agent: str) -> Verdict:
        standing = self._standing(agent)
        return self.barred.get(agent, standing) if standing == ELIGIBLE else standing

    def _standing(self, agent: str) -> Verdict:
        return self.desk.seats[agent].standing.verdicts[self.place]

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
    if len(decision.considered) <= BRIEF:
        return decision
    return replace(decision, considered=decision.considered[:BRIEF], truncated=True)
