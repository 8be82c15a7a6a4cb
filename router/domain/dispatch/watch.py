"""What happens beside, when work comes to or leaves the line of a queue that overflows or announces: timers, the
queue's pace, and what its customer is told next. Other queues pass by all of this."""

from __future__ import annotations

import zlib
from typing import Final

from msgspec.structs import replace

from router.domain.dispatch import pace
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.estimate import at_work
from router.domain.dispatch.news import News, moved
from router.domain.dispatch.overflow import is_live, next_look_ms
from router.domain.dispatch.pace import Pace
from router.domain.dispatch.tables import NEWS, PACES
from router.domain.dispatch.work import Work
from router.domain.turn import Turn

OVERFLOW: Final = "overflow:"
ANNOUNCE: Final = "announce:"
MOVING: Final = frozenset({"capacity_freed", "claimed"})
"""Triggers of departures that tell how fast a line moves."""
SECOND: Final = 1000


def enter(turn: Turn, desk: Desk, work: Work, trigger: str) -> Work:
    """It is about to join the line; as it waits there."""
    if work.queue in desk.rules.paced and not desk.lines.length(work.queue):
        _keep_pace(turn, desk, work.queue, pace.begun(desk.hall.paces.get(work.queue), turn.at_ms))
    looks_ms = next_look_ms(desk, work, turn.at_ms)
    if looks_ms is not None:
        turn.timer(OVERFLOW + work.conversation, looks_ms)
    _listen(turn, desk, work, trigger)
    return replace(work, entered=work.queue, looks_ms=looks_ms)


def leave(turn: Turn, desk: Desk, work: Work) -> None:
    """It leaves the line, for whatever reason."""
    if work.looks_ms is not None:
        turn.clear_timer(OVERFLOW + work.conversation)
    desk.hall.pause_news(work.conversation)


def given(turn: Turn, desk: Desk, work: Work, trigger: str) -> None:
    """It left the line of its queue for an agent's hands."""
    if work.queue not in desk.rules.paced:
        return
    known = desk.hall.paces.get(work.queue)
    if trigger in MOVING:
        _keep_pace(turn, desk, work.queue, pace.departed(known, turn.at_ms, at_work(desk, work.queue)))
    else:
        _keep_pace(turn, desk, work.queue, pace.begun(known, turn.at_ms))


def resume(turn: Turn, desk: Desk, queue: str) -> None:
    """The queue opened, or its policy changed: from now on its line moves, and who waits in it is told."""
    if queue in desk.rules.paced:
        _keep_pace(turn, desk, queue, pace.begun(desk.hall.paces.get(queue), turn.at_ms))
    wheel = desk.hall.wheels.get(queue)
    if wheel:
        turn.timer(ANNOUNCE + queue, tick(queue, max(wheel[0][0], turn.at_ms + 1)))


def deaf(turn: Turn, desk: Desk, conversation: str) -> None:
    """Its customer is told nothing more of the waiting."""
    if conversation in desk.hall.news:
        desk.hall.pause_news(conversation)
        del desk.hall.news[conversation]
        turn.drop(NEWS, conversation)


def tick(queue: str, due_ms: int) -> int:
    """When the queue's timer comes for what is due then: on its own beat, once a second, so that work is done together
    and the beats of many queues are spread."""
    beat = zlib.crc32(queue.encode()) % SECOND
    return -(-(due_ms - beat) // SECOND) * SECOND + beat


def keep_news(turn: Turn, desk: Desk, conversation: str, news: News) -> None:
    turn.put(NEWS, conversation, news)
    desk.hall.put_news(conversation, news)


def _listen(turn: Turn, desk: Desk, work: Work, trigger: str) -> None:
    announce = desk.rules.queue(work.queue).announce
    if announce is None:
        return
    if work.channel_class not in announce.classes or not is_live(work):
        deaf(turn, desk, work.conversation)
        return
    known, first_ms = desk.hall.news.get(work.conversation), turn.at_ms + announce.first_after_s * SECOND
    if known is None:
        news = News(work.queue, first_ms, moved=trigger == "transferred")
    elif known.queue != work.queue or trigger == "transferred":
        after = 0 if known.told_ms is None else known.told_ms + announce.every_s * SECOND
        news = moved(known, work.queue, max(first_ms, after))
    else:
        desk.hall.put_news(work.conversation, known)
        return
    keep_news(turn, desk, work.conversation, news)
    if work.queue not in desk.hall.closed and desk.hall.wheels[work.queue][0][1] == work.conversation:
        turn.timer(ANNOUNCE + work.queue, tick(work.queue, news.due_ms))


def _keep_pace(turn: Turn, desk: Desk, queue: str, kept: Pace) -> None:
    desk.hall.paces[queue] = kept
    turn.put(PACES, queue, kept)
