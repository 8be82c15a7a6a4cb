"""Everything that a desk knows, to be compared: what an owner has must be what a new owner would load."""

from __future__ import annotations

from typing import Any

from router.domain.dispatch.desk import Desk
from router.domain.dispatch.room import Room


def pictured(desk: Desk) -> Any:
    """Everything that decides what a desk does next, but for its rooms."""
    seats = desk.seats
    lines = desk.lines
    return (
        {
            id: (seat.state(), seat.standing.verdicts, {k: v for k, v in seat.counts.items() if v}, seat.queues)
            for id, seat in seats.items()
        },
        {id: (seat.primary, seat.primary_count, seat.exclusive, seat.limits) for id, seat in seats.items()},
        {requirement: (list(group.keys), group.head, group.place) for requirement, group in lines.groups.items()},
        {name: list(keys) for name, keys in lines._lines.items()},
        {name: {*groups} for name, groups in lines._asked.items()},
        {agent: {*groups} for agent, groups in lines._reserved.items()},
        {agent: sessions for agent, sessions in desk.connections.items() if sessions},
        desk.work,
        desk.sessions,
    )


def rooms_are_as_new(desk: Desk, loaded: Desk) -> None:
    """The rooms that were made so far are as if made now."""
    for demand, room in desk.rooms._rooms.items():
        new = loaded.rooms.room(demand)
        assert (lanes(room), ranks(room)) == (lanes(new), ranks(new)), demand
    crews = {*desk.rooms._crews.values(), *desk.rooms._wider.values()}
    for seat in desk.seats.values():
        assert seat.crews.keys() == {crew for crew in crews if seat.id in crew}, "each is told of what changes"


def lanes(room: Room) -> Any:
    """Who stands where, by name: the bits may differ."""
    found = {}
    for standing, lane in room.crew.lanes().items():
        entries = lane.entries()
        assert entries == sorted(entries) and lane.members == room.crew.bits_of(entry[2] for entry in entries)
        found[standing.verdicts] = [entry[:3] for entry in entries]
    return found


def ranks(room: Room) -> Any:
    assert room.members == room.crew.bits_of(room._ranks)
    for rank, members in room._ranked.items():
        assert members == room.crew.bits_of(agent for agent, own in room._ranks.items() if own == rank)
    return room._ranks
