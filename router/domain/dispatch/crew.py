"""All who serve a queue, in the queue's order: one lane for each standing.

An agent whose state changes is only marked; the crew moves them to their new lane when it is looked at next, however
often they changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from contracts.policy import Order
from router.domain.dispatch.lane import Entry, Lane
from router.domain.dispatch.seat import ELIGIBLE, Seat, Standing, Verdict

ORDERS: dict[Order, Callable[[Seat, str], int]] = {
    "longest_idle": lambda seat, queue: seat.idle_ms,
    "most_spare": lambda seat, queue: -seat.spare,
    "round_robin": lambda seat, queue: seat.turns.get(queue, 0),
    "least_today": lambda seat, queue: seat.taken,
}


class View(NamedTuple):
    """The lanes as one kind of work sees them: those whose agents can take it, and the others with the reason."""

    open: list[Lane]
    shut: list[tuple[Verdict, Lane]]


class Crew:
    """Whether or not they are there. Every member has a bit, by which the sets of lanes and rooms know them."""

    def __init__(self, queue: str, order: Order, seats: Iterable[Seat]) -> None:
        self.queue = queue
        self.order: Order = order
        self.seats: dict[str, Seat] = {}
        self.bits: dict[str, int] = {}
        self._spare_bits: list[int] = []
        self._key = ORDERS[order]
        self._places: dict[str, tuple[Standing, Entry]] = {}
        self._lanes: dict[Standing, Lane] = {}
        self._views: dict[int, View] = {}
        """As long as there are the same lanes."""
        self._changed: dict[Seat, None] = {}
        for seat in seats:
            self.join(seat)

    def __len__(self) -> int:
        return len(self.seats)

    def __contains__(self, agent: str) -> bool:
        return agent in self.seats

    def join(self, seat: Seat) -> None:
        self.seats[seat.id] = seat
        self.bits[seat.id] = self._spare_bits.pop() if self._spare_bits else 1 << len(self.bits)
        seat.crews[self] = None
        self._changed[seat] = None

    def leave(self, seat: Seat) -> None:
        del self.seats[seat.id], seat.crews[self]
        self._changed.pop(seat, None)
        if (place := self._places.pop(seat.id, None)) is not None:
            self._take_out(place)
        self._spare_bits.append(self.bits.pop(seat.id))

    def disband(self) -> None:
        """Nobody asks for this crew any more."""
        for seat in self.seats.values():
            del seat.crews[self]

    def mark(self, seat: Seat) -> None:
        """The member's state changed."""
        self._changed[seat] = None

    def stale(self) -> None:
        """What everybody's place depends on changed."""
        self._changed.update(dict.fromkeys(self.seats.values()))

    def view(self, at: int) -> View:
        """The lanes as of now, for work of the kind at place ``at``."""
        lanes = self.lanes()
        view = self._views.get(at)
        if view is None:
            ordered = sorted(lanes, key=_verdicts)
            opened = [lanes[standing] for standing in ordered if standing.verdicts[at] == ELIGIBLE]
            shut = [(standing.verdicts[at], lanes[standing]) for standing in ordered]
            view = self._views[at] = View(opened, [one for one in shut if one[0] != ELIGIBLE])
        return view

    def lanes(self) -> dict[Standing, Lane]:
        """All lanes as of now; none is empty."""
        if self._changed:
            if len(self._changed) * 4 > len(self.seats):
                self._line_up()
            else:
                for seat in self._changed:
                    self._move(seat)
            self._changed.clear()
        return self._lanes

    def bits_of(self, agents: Iterable[str]) -> int:
        """The set of those of them who are members."""
        members = 0
        for agent in agents:
            members |= self.bits.get(agent, 0)
        return members

    def _line_up(self) -> None:
        """So many changed that it is cheaper to begin anew."""
        for seat in self._changed:
            self._places[seat.id] = (seat.standing, self._entry(seat))
        gathered: dict[Standing, list[Entry]] = {}
        for standing, entry in self._places.values():
            gathered.setdefault(standing, []).append(entry)
        self._lanes = {standing: Lane(entries) for standing, entries in gathered.items()}
        self._views.clear()

    def _move(self, seat: Seat) -> None:
        standing, entry = seat.standing, self._entry(seat)
        before = self._places.get(seat.id)
        if before is not None:
            if before[0] is standing and before[1] == entry:
                return
            self._take_out(before)
        self._places[seat.id] = (standing, entry)
        lane = self._lanes.get(standing)
        if lane is not None:
            lane.add(entry)
        else:
            self._lanes[standing] = Lane((entry,))
            self._views.clear()

    def _take_out(self, place: tuple[Standing, Entry]) -> None:
        lane = self._lanes[place[0]]
        lane.remove(place[1])
        if not lane.members:
            del self._lanes[place[0]]
            self._views.clear()

    def _entry(self, seat: Seat) -> Entry:
        return (self._key(seat, self.queue), seat.given, seat.id, self.bits[seat.id])


def _verdicts(standing: Standing) -> tuple[Verdict, ...]:
    return standing.verdicts
