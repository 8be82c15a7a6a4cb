"""Those of a crew who have the skills that some work asks for: choosing one costs the same among ten and among ten
thousand, and costs agents whose state changes nothing.

A room is only a set of the crew's members, parted by how well they suit. Who comes first is what the crew's lanes say
of that set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from contracts.policy import Queue
from router.domain.dispatch.crew import Crew
from router.domain.dispatch.lane import Lane
from router.domain.dispatch.seat import ELIGIBLE, Seat, Verdict
from router.domain.dispatch.skill import meets, rank, required
from router.domain.dispatch.work import Demand

ABSENT = frozenset({"disabled", "offline", "disconnected", "off_shift"})
"""Why somebody will not take anything before they come back."""


class Room:
    """``crew``: all who serve the queues of the demand; ``members``: the set of those who have the skills."""

    def __init__(self, demand: Demand, queue: Queue, crew: Crew) -> None:
        self.demand = demand
        self.crew = crew
        self.members = 0
        self.asked = 0
        """When it was asked for last, in rooms asked for."""
        self._proficiency = queue.proficiency
        self._required = required(demand.needs)
        self._ranks: dict[str, int] = {}
        self._ranked: dict[int, int] = {}
        for seat in crew.seats.values():
            self.enlist(seat)

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, agent: str) -> bool:
        return agent in self._ranks

    # -- keeping it in step ----------------------------------------------------------------------------------------

    def enlist(self, seat: Seat) -> None:
        """The agent joined the crew; whether they have the skills is seen here."""
        skills = seat.agent.skills
        if not meets(skills, self._required):
            return
        suits = rank(skills, self.demand.needs, self._proficiency)
        bit = self.crew.bits[seat.id]
        self._ranks[seat.id] = suits
        self._ranked[suits] = self._ranked.get(suits, 0) | bit
        self.members |= bit

    def dismiss(self, seat: Seat) -> None:
        """The agent is about to leave the crew."""
        suits = self._ranks.pop(seat.id, None)
        if suits is None:
            return
        bit = self.crew.bits[seat.id]
        self._ranked[suits] ^= bit
        self.members ^= bit
        if not self._ranked[suits]:
            del self._ranked[suits]

    # -- looking ---------------------------------------------------------------------------------------------------

    def best(self, at: int, barred: Collection[str] = ()) -> str | None:
        """The first in order of those who can take work of the kind at place ``at``, the barred left out."""
        lanes = self.crew.view(at).open
        for some in self._parts(self._but(barred)):
            heads = [head for lane in lanes if (head := lane.first(some)) is not None]
            if heads:
                return min(heads)[2]
        return None

    def has_room(self, at: int) -> bool:
        """Whether anybody can take work of the kind at place ``at``."""
        return any(lane.members & self.members for lane in self.crew.view(at).open)

    def eligible(self, at: int, most: int, barred: Collection[str] = ()) -> list[str]:
        """Those who can take such work, in order of choice, at most ``most``."""
        lanes, found = self.crew.view(at).open, list[str]()
        for some in self._parts(self._but(barred)):
            if len(found) >= most:
                break
            found += _first_of(lanes, some, most - len(found))
        return found

    def ruled_out(self, at: int, most: int) -> list[tuple[str, Verdict]]:
        """Those who have the skills and cannot, with the reason, at most ``most``."""
        found: list[tuple[str, Verdict]] = []
        for reason, lane in self.crew.view(at).shut:
            if len(found) >= most:
                break
            found += [(entry[2], reason) for entry in lane.these(self.members, most - len(found))]
        return found

    def unskilled(self) -> list[str]:
        """Those of the crew who lack a skill, by id: for small crews, since it looks at everybody."""
        return sorted(agent for agent in self.crew.seats if agent not in self._ranks)

    def counts(self, at: int) -> dict[str, int]:
        """How many of the crew can (``eligible``) and cannot (by reason); costs the same however many there are."""
        view, members = self.crew.view(at), self.members
        counts: dict[str, int] = {ELIGIBLE: 0, "lacks_skill": len(self.crew) - len(self._ranks)}
        for lane in view.open:
            counts[ELIGIBLE] += (lane.members & members).bit_count()
        for reason, lane in view.shut:
            counts[reason] = counts.get(reason, 0) + (lane.members & members).bit_count()
        return counts

    def signed_in(self, at: int) -> int:
        """How many of those who have the skills are there, be it busy or away."""
        view = self.crew.view(at)
        there = [*view.open, *(lane for reason, lane in view.shut if reason not in ABSENT)]
        return sum((lane.members & self.members).bit_count() for lane in there)

    def _but(self, barred: Collection[str]) -> int:
        return self.members & ~self.crew.bits_of(barred) if barred else self.members

    def _parts(self, wanted: int) -> Iterator[int]:
        """The set in parts, whoever suits best first."""
        if len(self._ranked) < 2:
            return iter((wanted,))
        return (part for suits in sorted(self._ranked) if (part := self._ranked[suits] & wanted))


class Rooms:
    """A room for each demand that was met lately, made when it is first asked for; the one that was asked for longest
    ago goes when there are ``most``. A room costs one pass over its crew to make, and nothing while nobody asks."""

    def __init__(self, queues: Mapping[str, Queue], seats: Iterable[Seat], most: int = 1_000) -> None:
        self._queues = queues
        self._most = most
        self._rooms: dict[Demand, Room] = {}
        self._wider: dict[Demand, Crew] = {}
        self._asked = 0
        serving: dict[str, list[Seat]] = {name: [] for name in queues}
        for seat in seats:
            for name in seat.queues:
                serving[name].append(seat)
        self._crews = {name: Crew(name, queues[name].order, members) for name, members in serving.items()}

    def room(self, demand: Demand) -> Room:
        room = self._rooms.get(demand)
        if room is None:
            room = self._rooms[demand] = self._made(demand)
        self._asked += 1
        room.asked = self._asked
        return room

    def enter(self, seat: Seat) -> None:
        """A new or changed agent takes their place."""
        for name in seat.queues:
            self._crews[name].join(seat)
        for asked, crew in self._wider.items():
            if not {asked.queue, *asked.also}.isdisjoint(seat.queues):
                crew.join(seat)
        for room in self._rooms.values():
            if room.crew in seat.crews:
                room.enlist(seat)

    def leave(self, seat: Seat) -> None:
        for room in self._rooms.values():
            room.dismiss(seat)
        for crew in list(seat.crews):
            crew.leave(seat)

    def new_day(self) -> None:
        """Everybody begins at 0."""
        for crew in (*self._crews.values(), *self._wider.values()):
            if crew.order == "least_today":
                crew.stale()

    def _made(self, demand: Demand) -> Room:
        if len(self._rooms) >= self._most:
            self._close(min(self._rooms.values(), key=lambda room: room.asked))
        return Room(demand, self._queues[demand.queue], self._crew(demand))

    def _crew(self, demand: Demand) -> Crew:
        """That of the queue itself; or, for a relaxed demand, one of all who are asked then."""
        own = self._crews[demand.queue]
        if not demand.also:
            return own
        asked = Demand(demand.queue, (), demand.also)
        if asked not in self._wider:
            seats = dict(own.seats)
            for name in demand.also:
                seats |= self._crews[name].seats if name in self._crews else {}
            self._wider[asked] = Crew(own.queue, own.order, seats.values())
        return self._wider[asked]

    def _close(self, room: Room) -> None:
        del self._rooms[room.demand]
        asked = Demand(room.demand.queue, (), room.demand.also)
        if asked in self._wider and all(other.crew is not room.crew for other in self._rooms.values()):
            self._wider.pop(asked).disband()


def _first_of(lanes: list[Lane], wanted: int, most: int) -> list[str]:
    found = [lane.these(wanted, most) for lane in lanes if lane.members & wanted]
    ordered = found[0] if len(found) == 1 else sorted(entry for entries in found for entry in entries)[:most]
    return [entry[2] for entry in ordered]
