"""Work that waits in queues with overflows and announcements: its timer, and another policy."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import TimerDue
from contracts.policy import Policy
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.overflow import WAITED, following
from router.domain.dispatch.watch import OVERFLOW, enter, leave, resume


def overflow_due(moves: Moves, command: TimerDue) -> None:
    """It waited so long that its queue's overflows are asked again. A timer that was moved or cleared since does
    nothing."""
    work = moves.desk.work.get(command.timer.removeprefix(OVERFLOW))
    if work is not None and work.state == "waiting" and work.looks_ms is not None and work.looks_ms <= command.due:
        moves.look_again(work)


def watch_anew(moves: Moves, before: Policy) -> None:
    """Another policy: what waits in queues that say something else now of overflows, announcements or hours. It has
    come to them already, so only the overflows for having waited are asked."""
    had = {queue.name: (queue.overflow, queue.announce, queue.hours) for queue in before.queues}
    for name, queue in moves.desk.rules.queues.items():
        if had.get(name, ((), None, None)) != (queue.overflow, queue.announce, queue.hours):
            _anew(moves, name)


def _anew(moves: Moves, queue: str) -> None:
    watched = queue in moves.desk.rules.watched
    for key in list(moves.desk.lines.line(queue)):
        work = moves.desk.work.get(key[3])
        if work is None or work.state != "waiting" or work.queue != queue:
            continue
        if work.entered is not None:
            leave(moves.turn, moves.desk, work)
        now = replace(work, entered=None, looks_ms=None)
        if watched:
            now = enter(moves.turn, moves.desk, now, "policy_changed")
        if now != work:
            moves.keep(now)
        if following(moves.desk, now, moves.turn.at_ms, WAITED) is not None:
            moves.look_again(now)
    resume(moves.turn, moves.desk, queue)
