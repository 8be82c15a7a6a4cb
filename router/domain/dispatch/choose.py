"""Which agent gets some work: the one asked for, the one who knew the customer, or the first in the queue's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.policy import Queue
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.room import Room
from router.domain.dispatch.seat import ELIGIBLE, Seat
from router.domain.dispatch.work import Work

NOBODY: Final = "nobody_eligible"
CLOSED: Final = "queue_closed"
REQUESTED: Final = "requested_agent"
WAITS: Final = "waits_for_agent"
PREVIOUS: Final = "previous_agent"
PREFERRED: Final = "preferred_agent"

_SKILLED: Final = {"most": "most_proficient", "nearest": "nearest_skilled"}


class Choice(NamedTuple):
    """``reason`` is the rule of choice that spoke; ``seat`` is None when nobody can have it now. ``only``: the agents
    it is to wait for."""

    seat: Seat | None
    reason: str
    only: tuple[str, ...] = ()


def choose(desk: Desk, work: Work, may_wait: bool = False) -> Choice:
    """Costs the same however many agents there are: it looks at heads of lanes only, beyond those who declined.

    ``may_wait``: it may be made to wait for a preferred agent who has no room.
    """
    if work.queue in desk.hall.closed:
        return Choice(None, CLOSED)
    if work.only:
        seat = next((seat for agent in work.only if (seat := desk.free(agent, work))), None)
        return Choice(seat, _why(work, seat)) if seat else Choice(None, WAITS, work.only)
    queue, room = desk.rules.queue(work.queue), desk.room(work)
    if work.keeper or work.facts.preferred or work.facts.previous_agent:
        wished = list(dict.fromkeys(_wished(work, queue, room)))
        for agent in wished:
            if seat := desk.free(agent, work):
                return Choice(seat, _why(work, seat))
        if may_wait and queue.prefer_wait_s and (only := tuple(a for a in wished if _is_full(desk, work, a))):
            return Choice(None, WAITS, only)
    best = room.best(desk.place(work), work.declined)
    return Choice(desk.seats[best], _order(work, queue)) if best is not None else Choice(None, NOBODY)


def requested(desk: Desk, work: Work, agent: str, force: bool) -> Seat | None:
    """The agent who was asked for by name, from any queue, with any skills; by ``force`` whatever they hold, if they
    are there."""
    seat = desk.seats.get(agent)
    if force and seat is not None and seat.blocked is None and agent not in work.declined:
        return seat
    return desk.free(agent, work)


def _wished(work: Work, queue: Queue, room: Room) -> Iterator[str]:
    """Who comes before the queue's order, best first: who had it until the customer fell silent, those whom the
    contact prefers, and who had the customer last. All but the first must be among those who are asked."""
    if work.keeper is not None:
        yield work.keeper
    previous = (work.facts.previous_agent,) if queue.prefer_previous and work.facts.previous_agent else ()
    for agent in (*work.facts.preferred, *previous):
        if agent in room and agent != work.keeper:
            yield agent


def _is_full(desk: Desk, work: Work, agent: str) -> bool:
    """Whether the agent is there and only lacks room."""
    seat = desk.seats.get(agent)
    return (
        seat is not None
        and agent not in work.declined
        and seat.blocked is None
        and desk.verdict(seat, work) not in (ELIGIBLE, "shift_ending")
    )


def _why(work: Work, seat: Seat) -> str:
    if seat.id != work.keeper and seat.id in work.facts.preferred:
        return PREFERRED
    return PREVIOUS


def _order(work: Work, queue: Queue) -> str:
    return _SKILLED.get(queue.proficiency, queue.order) if work.needs else queue.order
