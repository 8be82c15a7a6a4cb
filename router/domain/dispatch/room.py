"""The agents of one queue, kept in lanes so that choosing one costs the same among ten and among ten thousand.

A lane holds the agents of one standing, in the queue's order. An agent whose state changes moves between two lanes of
each of their queues; choosing compares the heads of the few lanes whose standing allows the work.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Final

from sortedcontainers import SortedList

from contracts.policy import Order
from router.domain.dispatch.seat import Seat, Standing, Verdict

ELIGIBLE: Final = "eligible"
Entry = tuple[int, int, str]
"""Sorts a lane; the agent's id last, so that a tie is decided the same way on every replay."""


class Room:
    """All who serve a queue, whether or not they are there."""

    def __init__(self, order: Order, seats: Iterable[Seat] = ()) -> None:
        self.order: Order = order
        self._places: dict[str, tuple[Standing, Entry]] = {}
        self._lanes: dict[Standing, SortedList[Entry]] = {}
        gathered: dict[Standing, list[Entry]] = {}
        for seat in seats:
            entry = self._entry(seat)
            self._places[seat.id] = (seat.standing, entry)
            gathered.setdefault(seat.standing, []).append(entry)
        for standing, entries in gathered.items():
            self._lanes[standing] = SortedList(entries)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, agent: str) -> bool:
        return agent in self._places

    def move(self, seat: Seat) -> None:
        """The agent's state changed, or they joined."""
        place = (seat.standing, self._entry(seat))
        if self._places.get(seat.id) == place:
            return
        self.remove(seat.id)
        self._places[seat.id] = place
        lane = self._lanes.get(place[0])
        if lane is None:
            lane = self._lanes[place[0]] = SortedList()
        lane.add(place[1])

    def remove(self, agent: str) -> None:
        place = self._places.pop(agent, None)
        if place is None:
            return
        lane = self._lanes[place[0]]
        lane.remove(place[1])
        if not lane:
            del self._lanes[place[0]]

    def best(self, at: int, barred: Container[str]) -> str | None:
        """The first in order of those who can take work of the class at place ``at``, the barred left out."""
        heads = [head for lane in self._open(at) if (head := _first(lane, barred)) is not None]
        return min(heads)[2] if heads else None

    def has_room(self, at: int) -> bool:
        """Whether anybody can take work of the class at place ``at``."""
        return any(standing[at] == ELIGIBLE for standing in self._lanes)

    def eligible(self, at: int, most: int) -> Iterator[str]:
        """Those who can take such work, in order of choice, at most ``most``."""
        lanes = [islice(lane, most) for lane in self._open(at)]
        return (entry[2] for entry in islice(lanes[0] if len(lanes) == 1 else merge(*lanes), most))

    def ruled_out(self, at: int, most: int) -> list[tuple[str, Verdict]]:
        """Those who cannot, with the reason, at most ``most``."""
        found: list[tuple[str, Verdict]] = []
        for standing in sorted(self._lanes):
            reason = standing[at]
            if reason != ELIGIBLE and len(found) < most:
                found += [(entry[2], reason) for entry in islice(self._lanes[standing], most - len(found))]
        return found

    def counts(self, at: int) -> dict[str, int]:
        """How many can (``eligible``) and cannot (by reason), all of them; costs the same however many there are."""
        counts: dict[str, int] = {}
        for standing, lane in self._lanes.items():
            reason = standing[at]
            counts[reason] = counts.get(reason, 0) + len(lane)
        return counts

    def _open(self, at: int) -> list[SortedList[Entry]]:
        return [lane for standing, lane in self._lanes.items() if standing[at] == ELIGIBLE]

    def _entry(self, seat: Seat) -> Entry:
        return (0 if self.order == "longest_idle" else -seat.spare, seat.idle_ms, seat.id)


def _first(lane: SortedList[Entry], barred: Container[str]) -> Entry | None:
    if not barred:
        return lane[0]
    return next((entry for entry in lane if entry[2] not in barred), None)
