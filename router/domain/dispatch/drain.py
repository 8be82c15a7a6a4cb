"""Giving out what waits, when something made room. Never by polling: each trigger drains for what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from router.domain.dispatch.desk import Desk
from router.domain.dispatch.line import Line
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.work import LineKey, Requirement


def drain(moves: Moves, seat: Seat, trigger: str) -> None:
    """Gives the agent the oldest work they can serve, over all their queues, until they are full or none is left.

    Only this agent has to be looked at: before the trigger nothing that waits could be served by anybody.
    """
    while (key := _oldest(moves.desk, seat)) is not None:
        moves.retry(moves.desk.work[key[3]], trigger)


def drain_all(moves: Moves, trigger: str) -> None:
    """Looks at everything that waits, in order, until nobody has room: for when anything may have changed."""
    desk = moves.desk
    heads = [(key, requirement, rest) for requirement, rest in _groups(desk) if (key := next(rest, None)) is not None]
    heapify(heads)
    while heads:
        key, requirement, rest = heappop(heads)
        place = desk.rules.costs.place[requirement.channel_class]
        if not desk.rooms[requirement.queue].has_room(place):
            continue
        moves.retry(desk.work[key[3]], trigger)
        if (following := next(rest, None)) is not None:
            heappush(heads, (following, requirement, rest))


def _groups(desk: Desk) -> Iterator[tuple[Requirement, Iterator[LineKey]]]:
    for line in desk.lines.values():
        for requirement, keys in line.groups.items():
            yield requirement, iter(tuple(keys))


def _oldest(desk: Desk, seat: Seat) -> LineKey | None:
    heads = (
        head
        for line in desk.wanted_by(seat)
        for requirement in line.groups
        if (head := _head(desk, seat, line, requirement)) is not None
    )
    return min(heads, default=None)


def _head(desk: Desk, seat: Seat, line: Line, requirement: Requirement) -> LineKey | None:
    if not desk.serves(seat, requirement):
        return None
    return line.first(requirement, lambda conversation: not desk.work[conversation].bars(seat.id))
