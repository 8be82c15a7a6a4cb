"""The agents whom one demand asks, kept in lanes so that choosing one costs the same among ten and among ten thousand.

A lane holds the agents of one standing, in the queue's order; choosing compares the heads of the few lanes whose
standing allows the work. An agent whose state changes is only marked; the room moves them to their new lane when it is
looked at next, however often they changed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice

from sortedcontainers import SortedList

from contracts.policy import Order, Queue
from router.domain.dispatch.seat import ELIGIBLE, Seat, Standing, Verdict
from router.domain.dispatch.skill import meets, rank, required
from router.domain.dispatch.work import Demand

Entry = tuple[int, int, int, str]
"""Sorts a lane: skill, then the queue's order, then who was given work least recently. The agent's id comes last, so
that two who were never given anything are told apart the same way on every replay."""
ABSENT = frozenset({"disabled", "offline", "disconnected", "off_shift"})
"""Why somebody will not take anything before they come back."""

ORDERS: dict[Order, Callable[[Seat, str], int]] = {
    "longest_idle": lambda seat, queue: seat.idle_ms,
    "most_spare": lambda seat, queue: -seat.spare,
    "round_robin": lambda seat, queue: seat.turns.get(queue, 0),
    "least_today": lambda seat, queue: seat.taken,
}


class Room:
    """``crew``: all who serve the queues of the demand, whether or not they are there. Those of them who have the
    skills stand in lanes."""

    def __init__(self, demand: Demand, queue: Queue, crew: dict[str, Seat]) -> None:
        self.demand = demand
        self.order: Order = queue.order
        self.crew = crew
        self._key = ORDERS[queue.order]
        self._proficiency = queue.proficiency
        self._required = required(demand.needs)
        self._ranks: dict[str, int] = {}
        self._places: dict[str, tuple[Standing, Entry]] = {}
        self._lanes: dict[Standing, SortedList[Entry]] = {}
        self._changed: dict[Seat, None] = {}
        for seat in crew.values():
            self.enlist(seat)

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, agent: str) -> bool:
        return agent in self._ranks

    # -- keeping it in step ----------------------------------------------------------------------------------------

    def enlist(self, seat: Seat) -> None:
        """The agent is in the crew; whether they have the skills is seen here."""
        if not meets(seat.agent.skills, self._required):
            self.dismiss(seat)
            return
        self._ranks[seat.id] = rank(seat.agent.skills, self.demand.needs, self._proficiency)
        seat.rooms[self] = None
        self._changed[seat] = None

    def dismiss(self, seat: Seat) -> None:
        """The agent is no longer asked."""
        seat.rooms.pop(self, None)
        self._ranks.pop(seat.id, None)
        self._changed.pop(seat, None)
        self._leave(seat.id)

    def mark(self, seat: Seat) -> None:
        """The agent's state changed."""
        self._changed[seat] = None

    def lanes(self) -> dict[Standing, SortedList[Entry]]:
        """All lanes as of now; none is empty."""
        if self._changed:
            if len(self._changed) * 4 > len(self._ranks):
                self._line_up()
            else:
                for seat in self._changed:
                    self._move(seat)
            self._changed.clear()
        return self._lanes

    def _line_up(self) -> None:
        """So many changed that it is cheaper to begin anew."""
        for seat in self._changed:
            self._places[seat.id] = (seat.standing, self._entry(seat))
        gathered: dict[Standing, list[Entry]] = {}
        for standing, entry in self._places.values():
            gathered.setdefault(standing, []).append(entry)
        self._lanes = {standing: SortedList(entries) for standing, entries in gathered.items()}

    def _move(self, seat: Seat) -> None:
        place = (seat.standing, self._entry(seat))
        if self._places.get(seat.id) == place:
            return
        self._leave(seat.id)
        self._places[seat.id] = place
        lane = self._lanes.get(place[0])
        if lane is None:
            lane = self._lanes[place[0]] = SortedList()
        lane.add(place[1])

    def _leave(self, agent: str) -> None:
        place = self._places.pop(agent, None)
        if place is None:
            return
        lane = self._lanes[place[0]]
        lane.remove(place[1])
        if not lane:
            del self._lanes[place[0]]

    def _entry(self, seat: Seat) -> Entry:
        return (self._ranks[seat.id], self._key(seat, self.demand.queue), seat.given, seat.id)

    # -- looking ---------------------------------------------------------------------------------------------------

    def best(self, at: int, barred: Container[str]) -> str | None:
        """The first in order of those who can take work of the kind at place ``at``, the barred left out."""
        heads = [head for lane in self._open(at) if (head := _first(lane, barred)) is not None]
        return min(heads)[3] if heads else None

    def has_room(self, at: int) -> bool:
        """Whether anybody can take work of the kind at place ``at``."""
        return any(standing.verdicts[at] == ELIGIBLE for standing in self.lanes())

    def eligible(self, at: int, most: int) -> Iterator[str]:
        """Those who can take such work, in order of choice, at most ``most``."""
        lanes = [islice(lane, most) for lane in self._open(at)]
        return (entry[3] for entry in islice(lanes[0] if len(lanes) == 1 else merge(*lanes), most))

    def ruled_out(self, at: int, most: int) -> list[tuple[str, Verdict]]:
        """Those who have the skills and cannot, with the reason, at most ``most``."""
        found: list[tuple[str, Verdict]] = []
        for standing in sorted(self.lanes(), key=_verdicts):
            reason = standing.verdicts[at]
            if reason != ELIGIBLE and len(found) < most:
                found += [(entry[3], reason) for entry in islice(self._lanes[standing], most - len(found))]
        return found

    def unskilled(self) -> list[str]:
        """Those of the crew who lack a skill, by id: for small crews, since it looks at everybody."""
        return sorted(agent for agent in self.crew if agent not in self._ranks)

    def counts(self, at: int) -> dict[str, int]:
        """How many of the crew can (``eligible``) and cannot (by reason); costs the same however many there are."""
        counts: dict[str, int] = {}
        for standing, lane in self.lanes().items():
            reason = standing.verdicts[at]
            counts[reason] = counts.get(reason, 0) + len(lane)
        counts["lacks_skill"] = len(self.crew) - len(self._ranks)
        return counts

    def signed_in(self, at: int) -> int:
        """How many of those who have the skills are there, be it busy or away."""
        return sum(len(lane) for standing, lane in self.lanes().items() if standing.verdicts[at] not in ABSENT)

    def _open(self, at: int) -> list[SortedList[Entry]]:
        return [lane for standing, lane in self.lanes().items() if standing.verdicts[at] == ELIGIBLE]


class Rooms:
    """A room for each demand that was met lately, made when it is first asked for; the one that was asked for longest
    ago goes when there are ``most``. A room costs one pass over its crew to make, and nothing while nobody asks."""

    def __init__(self, queues: Mapping[str, Queue], seats: Iterable[Seat], most: int = 1_000) -> None:
        self._queues = queues
        self._most = most
        self._crews: dict[str, dict[str, Seat]] = {name: {} for name in queues}
        self._rooms: dict[Demand, Room] = {}
        for seat in seats:
            for name in seat.queues:
                self._crews[name][seat.id] = seat

    def room(self, demand: Demand) -> Room:
        room = self._rooms.pop(demand, None) or self._made(demand)
        self._rooms[demand] = room
        return room

    def enter(self, seat: Seat) -> None:
        """A new or changed agent takes their place."""
        for name in seat.queues:
            self._crews[name][seat.id] = seat
        for room in self._rooms.values():
            if not _asked(room.demand).isdisjoint(seat.queues):
                room.crew[seat.id] = seat
                room.enlist(seat)

    def leave(self, seat: Seat) -> None:
        for name in seat.queues:
            self._crews[name].pop(seat.id, None)
        for room in self._rooms.values():
            room.crew.pop(seat.id, None)
        for room in list(seat.rooms):
            room.dismiss(seat)

    def forget(self, order: Order) -> None:
        """What the rooms of one order know is out of date."""
        for room in [room for room in self._rooms.values() if room.order == order]:
            self._close(room)

    def _made(self, demand: Demand) -> Room:
        if len(self._rooms) >= self._most:
            self._close(next(iter(self._rooms.values())))
        return Room(demand, self._queues[demand.queue], self._crew(demand))

    def _crew(self, demand: Demand) -> dict[str, Seat]:
        """That of the queue itself; or, for a relaxed demand, one of its own that is kept in step too."""
        if not demand.also:
            return self._crews[demand.queue]
        crew = dict(self._crews[demand.queue])
        for name in demand.also:
            crew.update(self._crews.get(name, {}))
        return crew

    def _close(self, room: Room) -> None:
        del self._rooms[room.demand]
        for seat in room.crew.values():
            seat.rooms.pop(room, None)


def _asked(demand: Demand) -> set[str]:
    return {demand.queue, *demand.also}


def _verdicts(standing: Standing) -> tuple[Verdict, ...]:
    return standing.verdicts


def _first(lane: SortedList[Entry], barred: Container[str]) -> Entry | None:
    if not barred:
        return lane[0]
    return next((entry for entry in lane if entry[3] not in barred), None)
