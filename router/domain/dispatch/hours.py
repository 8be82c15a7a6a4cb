"""Queues open and close: one timer for each calendar that a queue keeps, at its next change."""

from __future__ import annotations

from typing import Final

from contracts.commands import TimerDue
from contracts.policy import Calendar
from router.domain.dispatch.drain import drain_all
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.opening import opening
from router.domain.dispatch.tables import HOURS
from router.domain.dispatch.watch import resume

OPENING: Final = "hours:"


def keep_hours(moves: Moves) -> None:
    """The calendars that the policy's queues keep, and no others, as they stand now."""
    desk = moves.desk
    for name in sorted(desk.hall.openings.keys() - desk.rules.hours.keys()):
        del desk.hall.openings[name]
        moves.turn.drop(HOURS, name)
        moves.turn.clear_timer(OPENING + name)
    for name, calendar in desk.rules.hours.items():
        _look(moves, name, calendar)
    desk.hall.shut(desk.rules.queues.values())


def hours_due(moves: Moves, command: TimerDue) -> None:
    """A calendar opens or closes. What waits for it to open is handed out, in order; what waits when it closes goes on
    waiting. A timer that was moved since does nothing."""
    desk, name = moves.desk, command.timer.removeprefix(OPENING)
    known, calendar = desk.hall.openings.get(name), desk.rules.hours.get(name)
    if known is None or calendar is None or known.changes_ms is None or known.changes_ms > command.due:
        return
    _look(moves, name, calendar)
    shut = desk.hall.closed
    desk.hall.shut(desk.rules.queues.values())
    opened = [queue for queue in desk.rules.queues if queue in shut - desk.hall.closed]
    for queue in opened:
        resume(moves.turn, desk, queue)
    if opened:
        drain_all(moves, "hours", frozenset(opened))


def _look(moves: Moves, name: str, calendar: Calendar) -> None:
    found = opening(calendar, moves.turn.at_ms)
    if found == moves.desk.hall.openings.get(name):
        return
    moves.desk.hall.openings[name] = found
    moves.turn.put(HOURS, name, found)
    if found.changes_ms is None:
        moves.turn.clear_timer(OPENING + name)
    else:
        moves.turn.timer(OPENING + name, found.changes_ms)
