"""Which agent gets some work: the one asked for, the one who knew the customer, or the first in the queue's order."""

from __future__ import annotations

from typing import Final, NamedTuple

from router.domain.dispatch.desk import Desk
from router.domain.dispatch.room import ELIGIBLE
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.work import Work

NOBODY: Final = "nobody_eligible"
REQUESTED: Final = "requested_agent"


class Choice(NamedTuple):
    """``reason`` is the rule of choice that spoke; ``seat`` is None when nobody can have it."""

    seat: Seat | None
    reason: str


def choose(desk: Desk, work: Work, requested: str | None = None) -> Choice:
    """Costs the same however many agents there are: it looks at heads of lanes only, beyond those who declined."""
    if requested is not None and (seat := _free(desk, work, requested)):
        return Choice(seat, REQUESTED)
    queue = desk.rules.queue(work.queue)
    room = desk.rooms[queue.name]
    previous = work.facts.previous_agent
    if queue.prefer_previous and previous is not None and previous in room:
        seat = _free(desk, work, previous)
        if seat is not None:
            return Choice(seat, "previous_agent")
    best = room.best(desk.rules.costs.place[work.channel_class], work.barred())
    return Choice(desk.seats[best], queue.order) if best is not None else Choice(None, NOBODY)


def _free(desk: Desk, work: Work, agent: str) -> Seat | None:
    """The agent, if they are there, have room and are not barred."""
    seat = desk.seats.get(agent)
    if seat is None or work.bars(agent):
        return None
    return seat if desk.verdict(seat, work.requirement) == ELIGIBLE else None
