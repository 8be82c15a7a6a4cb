"""Overflows: what happens to work that its queue cannot take, or does not get to. Which one applies, and what it does.

All on exact numbers of that very moment. Work never comes back, by overflow, to a queue that it left by overflow since
it arrived or was transferred; and one overflow is taken once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from contracts.commands import Command, NotifyCustomer, WorkDiverted
from contracts.policy import Overflow, OverflowWhen, Queue
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.estimate import predicted_s
from router.domain.dispatch.news import minutes_of
from router.domain.dispatch.work import CALLBACK, Demand, Work

COMING: Final[frozenset[OverflowWhen]] = frozenset({"closed", "full", "predicted", "unstaffed", "waited"})
"""What is asked when work comes to the line of a queue."""
DUE: Final[frozenset[OverflowWhen]] = frozenset({"predicted", "waited"})
"""What is asked by the timer."""
WAITED: Final[frozenset[OverflowWhen]] = frozenset({"waited"})
"""What is asked of work that has been in this line before, or has been told something just now."""
MOST_MOVES: Final = 20
"""So often work moves by overflow, however many queues there are."""
TEXTS: Final[dict[OverflowWhen, str]] = {
    "closed": "closed",
    "full": "full",
    "predicted": "full",
    "waited": "late",
    "unstaffed": "closed",
}
"""What is told when the overflow names no text."""
LEAVES_WORD: Final = ("voicemail", "mail")


class Step(NamedTuple):
    """An overflow that is taken."""

    overflow: Overflow
    label: str
    """As decisions name it: ``closed:queue:NAME``, ``waited:callback``."""
    work: Work
    """As it is afterwards."""
    to: str | None
    """The queue that it moves to."""
    words: tuple[Command, ...]
    """What its conversation is told, once it is where it belongs."""

    @property
    def ends(self) -> bool:
        return self.overflow.do == "resolve"


def following(desk: Desk, work: Work, at_ms: int, asked: frozenset[OverflowWhen]) -> Step | None:
    """The overflow that is taken next. The first that holds of those that do not ask for a wait; then of those that do,
    the one that asks for the shortest."""
    queue = desk.rules.queue(work.queue)
    best: Overflow | None = None
    for overflow in queue.overflow:
        if overflow.when not in asked or (best is not None and not _earlier(overflow, best)):
            continue
        if _applies(desk, queue, overflow, work) and _holds(desk, overflow, work, at_ms):
            best = overflow
    return None if best is None else _step(desk, queue, best, work, at_ms)


def next_look_ms(desk: Desk, work: Work, at_ms: int) -> int | None:
    """When it will have waited long enough for another overflow of its queue."""
    queue = desk.rules.queue(work.queue)
    times = [
        due
        for overflow in queue.overflow
        if overflow.when == "waited"
        and (due := _due_ms(overflow, work)) > at_ms
        and _applies(desk, queue, overflow, work)
    ]
    return min(times, default=None)


def is_live(work: Work) -> bool:
    """Somebody sits and waits for it: nobody has left word instead, or is to be called back."""
    return work.diverted is None and CALLBACK not in work.facts.tags


def _earlier(overflow: Overflow, best: Overflow) -> bool:
    return _rank(overflow) < _rank(best)


def _rank(overflow: Overflow) -> int:
    return (overflow.at or 0) if overflow.when == "waited" else -1


def _applies(desk: Desk, queue: Queue, overflow: Overflow, work: Work) -> bool:
    """Whether it is for this work, and can be done with it."""
    if (overflow.classes and work.channel_class not in overflow.classes) or _key(queue, overflow) in work.spent:
        return False
    if overflow.do != "queue":
        return is_live(work)
    to = overflow.queue or queue.name
    known = to in desk.rules.queues and to != queue.name
    return known and to not in work.passed and len(work.passed) < MOST_MOVES


def _holds(desk: Desk, overflow: Overflow, work: Work, at_ms: int) -> bool:
    at = overflow.at or 0
    match overflow.when:
        case "closed":
            return work.queue in desk.hall.closed
        case "full":
            return desk.lines.length(work.queue) >= at
        case "predicted":
            wait = predicted_s(desk, work, at_ms)
            return wait is not None and wait >= at
        case "waited":
            return _due_ms(overflow, work) <= at_ms
        case "unstaffed":
            return desk.rooms.room(Demand(work.queue)).signed_in(0) == 0


def _due_ms(overflow: Overflow, work: Work) -> int:
    return work.waits_since_ms + (overflow.at or 0) * 1000


def _step(desk: Desk, queue: Queue, overflow: Overflow, work: Work, at_ms: int) -> Step:
    to = _target(desk, queue, overflow)
    after = replace(work, spent=(*work.spent, _key(queue, overflow)))
    if overflow.do in LEAVES_WORD:
        after = replace(after, diverted=overflow.do)
    if to is not None:
        # Word that was left waits for somebody to read it: it is not asked again whether there is room for it.
        entered = to if overflow.do in LEAVES_WORD else None
        after = replace(
            after, asked_queue=to, passed=(*work.passed, queue.name), entered=entered, looks_ms=None, only=()
        )
    label = f"{overflow.when}:{overflow.do}" + (f":{to}" if to is not None else "")
    return Step(overflow, label, after, to, _words(desk, overflow, work, to or queue.name, at_ms))


def _target(desk: Desk, queue: Queue, overflow: Overflow) -> str | None:
    if overflow.do != "queue" and overflow.do not in LEAVES_WORD:
        return None
    return overflow.queue if overflow.queue in desk.rules.queues and overflow.queue != queue.name else None


def _key(queue: Queue, overflow: Overflow) -> str:
    """Names one overflow of one queue."""
    return f"{queue.name}/{overflow.when}:{overflow.do}:{overflow.at or ''}:{overflow.queue or ''}"


def _words(desk: Desk, overflow: Overflow, work: Work, queue: str, at_ms: int) -> tuple[Command, ...]:
    if overflow.do == "queue":
        return () if overflow.text is None else (_notice(desk, overflow.text, work, at_ms),)
    if overflow.do == "message":
        return (_notice(desk, overflow.text or TEXTS[overflow.when], work, at_ms),)
    return (WorkDiverted(conversation=work.conversation, to=overflow.do, queue=queue, text=overflow.text),)


def _notice(desk: Desk, text: str, work: Work, at_ms: int) -> Command:
    wait = predicted_s(desk, work, at_ms)
    values = {"position": str(desk.lines.position(work))}
    if wait is not None:
        values["minutes"] = str(minutes_of(wait))
    return NotifyCustomer(conversation=work.conversation, text=text, values=values)
