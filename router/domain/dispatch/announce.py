"""Announcements: those who wait are told their position and how long it will be, a queue's worth of them at a time."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from contracts.commands import NotifyCustomer, TimerDue
from contracts.policy import Announce
from router.domain.dispatch.estimate import predicted_s
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.news import ALTERNATIVE, News, word
from router.domain.dispatch.overflow import is_live
from router.domain.dispatch.watch import ANNOUNCE, SECOND, deaf, keep_news, tick
from router.domain.dispatch.work import Work

AT_ONCE: Final = 100
"""So many of one queue are looked at in one go, and so in a second: with more, each is told less often."""


def announce_due(moves: Moves, command: TimerDue) -> None:
    """Those of a queue whose time has come, who waited longest for it first."""
    queue, desk = command.timer.removeprefix(ANNOUNCE), moves.desk
    wheel = desk.hall.wheels.get(queue)
    announce = desk.rules.queue(queue).announce
    if not wheel or announce is None or queue in desk.hall.closed:
        return
    for due_ms, conversation in list(wheel[:AT_ONCE]):
        if due_ms <= moves.turn.at_ms:
            _look(moves, announce, desk.work[conversation])
    if wheel:
        moves.turn.timer(command.timer, tick(queue, max(wheel[0][0], moves.turn.at_ms + 1)))


def _look(moves: Moves, announce: Announce, work: Work) -> None:
    """Tells one customer, if there is anything to tell, and looks again later."""
    turn, desk, conversation = moves.turn, moves.desk, work.conversation
    if work.channel_class not in announce.classes or not is_live(work):
        deaf(turn, desk, conversation)
        return
    news = desk.hall.news[conversation]
    found = word(news, announce, desk.lines.position(work), predicted_s(desk, work, turn.at_ms))
    if found is not None:
        once = f"{ALTERNATIVE}:{work.arrival}" if found.text == ALTERNATIVE else None
        moves.tell(work, NotifyCustomer(conversation=conversation, text=found.text, values=found.values, once=once))
        news = replace(found.news, told_ms=turn.at_ms)
    keep_news(turn, desk, conversation, _later(news, announce, turn.at_ms))


def _later(news: News, announce: Announce, at_ms: int) -> News:
    return replace(news, due_ms=at_ms + announce.every_s * SECOND)
