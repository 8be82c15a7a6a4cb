"""Shifts: when agents work. The third fact of their presence, beside what they declared and whether they are connected.

Off shift, and in the breaks of it, an agent keeps what they hold and is given nothing new. Towards its end they are not
given what usually takes longer than is left. A timer for each agent, at the next moment that changes either.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import moment
from contracts.commands import TimerDue
from contracts.policy import Calendar
from router.domain.dispatch.attend import stand, vacate
from router.domain.dispatch.drain import drain
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.seat import Seat
from router.domain.hours import is_open, next_change

SHIFT: Final = "shift:"


class Shift(NamedTuple):
    """How a shift stands at one moment; times in milliseconds since 1970."""

    on: bool | None = None
    """None: they have none, and may work at any time."""
    changes_ms: int | None = None
    ending_s: int | None = None
    """Nothing that usually takes longer than this; None: everything."""
    next_ms: int | None = None
    """When any of these is another."""


def shift_of(calendar: Calendar | None, expected: tuple[int, ...], at_ms: int) -> Shift:
    """``expected``: how long the classes of work usually take, in seconds, rising."""
    if calendar is None:
        return Shift()
    on, changes_ms = is_open(calendar, at_ms), next_change(calendar, at_ms)
    if not on or changes_ms is None:
        return Shift(on, changes_ms, None, changes_ms)
    fits = [seconds for seconds in expected if seconds * 1000 <= changes_ms - at_ms]
    next_ms = changes_ms - fits[-1] * 1000 + 1 if fits else changes_ms
    return Shift(on, changes_ms, None if len(fits) == len(expected) else max(fits, default=0), next_ms)


def in_shift(moves: Moves, state: AgentState) -> AgentState:
    """An agent who was declared or changed, with their shift as it stands; its timer is set."""
    shift = _now(moves, state.agent)
    _set_timer(moves, state.agent.id, shift, state.presence)
    return replace(state, presence=_with(state.presence, shift), ending_s=shift.ending_s)


def off_roster(moves: Moves, agent: Agent) -> None:
    """The agent was removed."""
    if agent.shift is not None:
        moves.turn.clear_timer(SHIFT + agent.id)


def shift_due(moves: Moves, command: TimerDue) -> None:
    """A shift begins, ends, or is about to end. Offers that were not taken yet go to others when it ends; the work
    stays."""
    seat = moves.desk.seats.get(command.timer.removeprefix(SHIFT))
    if seat is None or seat.agent.shift is None:
        return
    was = seat.blocked
    _turn(moves, seat)
    if seat.blocked == was:
        return
    if seat.blocked is None:
        drain(moves, seat, "shift")
    else:
        vacate(moves, seat, list(seat.offers), trigger="shift")


def keep_shifts(moves: Moves) -> None:
    """Another policy has other calendars, or other expectations of how long work takes: everybody's shift anew. Offers
    are left to their own timers."""
    for _, seat in sorted(moves.desk.seats.items()):
        if seat.agent.shift is not None or seat.presence.on_shift is not None:
            _turn(moves, seat)


def vacate_off_shift(moves: Moves) -> None:
    """After that: offers of those whom the new calendars send home go to others."""
    for _, seat in sorted(moves.desk.seats.items()):
        if seat.blocked == "off_shift" and (seat.offers or moves.desk.lines.reserved(seat.id)):
            vacate(moves, seat, list(seat.offers), trigger="shift")


def _turn(moves: Moves, seat: Seat) -> None:
    shift = _now(moves, seat.agent)
    _set_timer(moves, seat.id, shift, seat.presence)
    presence, ending_s = _with(seat.presence, shift), shift.ending_s
    ends, seat.ending_s = seat.ending_s != ending_s, ending_s
    if presence != seat.presence:
        stand(moves, seat, presence)
    elif ends:
        moves.touch(seat)


def _now(moves: Moves, agent: Agent) -> Shift:
    rules = moves.desk.rules
    return shift_of(rules.policy.calendars.get(agent.shift or ""), rules.costs.expected, moves.turn.at_ms)


def _with(presence: Presence, shift: Shift) -> Presence:
    changes_at = None if shift.changes_ms is None else moment(shift.changes_ms)
    return replace(presence, on_shift=shift.on, shift_changes_at=changes_at)


def _set_timer(moves: Moves, agent: str, shift: Shift, before: Presence) -> None:
    if shift.next_ms is not None:
        moves.turn.timer(SHIFT + agent, shift.next_ms)
    elif before.on_shift is not None:
        moves.turn.clear_timer(SHIFT + agent)
