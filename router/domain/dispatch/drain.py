"""Giving out what waits, when something made room. Never by polling: each trigger drains for what it changed."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from router.domain.dispatch.choose import requested
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.line import Group
from router.domain.dispatch.moves import Asked, Moves
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.work import LineKey, Work


def drain(moves: Moves, seat: Seat, trigger: str, before: LineKey | None = None) -> None:
    """Gives the agent the oldest work they can serve, over all their queues, until they are full or none is left (that
    stands ``before`` some other).

    Only this agent has to be looked at: before the trigger nothing that waits could be served by anybody.

    Raises:
        RuntimeError: nobody got what the agent could serve. That cannot be; if it could, this would never end.
    """
    while (key := oldest(moves.desk, seat)) is not None and (before is None or key < before):
        if not moves.retry(moves.desk.work[key[3]], trigger):
            raise RuntimeError(f"{key[3]} could be served by {seat.id}, and nobody was chosen")


def hand_on(moves: Moves, work: Work, asked: Asked, freed: Seat) -> None:
    """Places work that was with ``freed`` until now, and fills the room this made: all in the order of the line, so
    that it takes nobody's turn."""
    work = moves.fresh(work)
    if asked.agent is None or requested(moves.desk, work, asked.agent, asked.force) is None:
        drain(moves, freed, "capacity_freed", work.line_key)
    moves.place(work, asked)
    drain(moves, freed, "capacity_freed")


def drain_all(moves: Moves, trigger: str, queues: frozenset[str] | None = None) -> None:
    """Looks at everything that waits (in these queues), in order, until nobody has room: for when anything may have
    changed."""
    desk = moves.desk
    heads = []
    for number, group in enumerate(desk.lines.groups.values()):
        if queues is not None and group.requirement.demand.queue not in queues:
            continue
        rest = iter(tuple(group.keys))
        heads.append((next(rest), number, group, rest))
    heapify(heads)
    while heads:
        key, number, group, rest = heappop(heads)
        if not _has_room(desk, group):
            continue
        moves.retry(desk.work[key[3]], trigger)
        if (following := next(rest, None)) is not None:
            heappush(heads, (following, number, group, rest))


def oldest(desk: Desk, seat: Seat) -> LineKey | None:
    """The key of the work that the agent gets next; None when nothing waits that they can serve."""
    best: LineKey | None = None
    for group in desk.asking(seat):
        if best is not None and best < group.head:
            continue
        key = _first(desk, seat, group)
        if key is not None and (best is None or key < best):
            best = key
    return best


def _first(desk: Desk, seat: Seat, group: Group) -> LineKey | None:
    """The first of the group that the agent has not declined."""
    head = group.head
    if seat.id not in desk.work[head[3]].declined:
        return head
    return group.first(lambda conversation: seat.id not in desk.work[conversation].declined)


def _has_room(desk: Desk, group: Group) -> bool:
    requirement = group.requirement
    if requirement.demand.queue in desk.hall.closed:
        return False
    if requirement.only:
        return any(agent in desk.seats for agent in requirement.only)
    return desk.rooms.room(requirement.demand).has_room(group.place)
