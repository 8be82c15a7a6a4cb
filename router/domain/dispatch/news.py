"""What a customer who waits is told of their position and wait, and what they were told before."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from contracts.policy import Announce

POSITION = "position"
MOVED = "moved"
ALTERNATIVE = "alternative"
COARSE_MIN = 10
"""From so many minutes on, they are told in steps of five."""


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one customer was told; kept while they wait, over offers and queues, until somebody has them."""

    queue: str
    due_ms: int
    """When it is looked at again."""
    position: int | None = None
    """The best that they were told in this queue."""
    minutes: int | None = None
    told_ms: int | None = None
    """When they were told anything last."""
    moved: bool = False
    """They have come to another queue, and were not told so yet."""
    alternative: bool = False
    """They were told of other ways."""


class Word(NamedTuple):
    """A text of the policy, with the values for its placeholders."""

    text: str
    values: dict[str, str]
    news: News
    """As it is then."""


def word(news: News, announce: Announce, position: int, estimate_s: int | None) -> Word | None:
    """What there is to tell, if anything is better than what was told last; or has got worse because they were moved,
    and then that is said. ``due_ms`` is the caller's."""
    minutes = None if estimate_s is None else minutes_of(estimate_s)
    place = _better(news.position, position) if announce.position else None
    wait = _better(news.minutes, minutes) if announce.estimate else None
    long = announce.long_s is not None and estimate_s is not None and estimate_s >= announce.long_s
    if long and not news.alternative:
        return _told(news, ALTERNATIVE, None, wait)
    if not _anything_new(news, place, wait):
        return None
    return _told(news, MOVED if news.moved else POSITION, place, wait)


def minutes_of(seconds: int) -> int:
    """What is told of a wait: whole minutes, upwards; long ones in steps of five."""
    minutes = max(-(-seconds // 60), 1)
    return minutes if minutes <= COARSE_MIN else -(-minutes // 5) * 5


def moved(news: News, queue: str, due_ms: int) -> News:
    """In another queue what was told before holds no more; if anything was, the customer is told why."""
    return News(
        queue, due_ms, told_ms=news.told_ms, moved=news.moved or news.told_ms is not None, alternative=news.alternative
    )


def _better(told: int | None, now: int | None) -> int | None:
    """The value, unless it is worse than what was told."""
    return now if now is not None and (told is None or now <= told) else None


def _anything_new(news: News, place: int | None, wait: int | None) -> bool:
    return (place is not None and place != news.position) or (wait is not None and wait != news.minutes)


def _told(news: News, text: str, place: int | None, wait: int | None) -> Word:
    values = {"position": place, "minutes": wait}
    told = replace(
        news,
        position=news.position if place is None else place,
        minutes=news.minutes if wait is None else wait,
        moved=news.moved and text != MOVED,
        alternative=news.alternative or text == ALTERNATIVE,
    )
    return Word(text, {name: str(value) for name, value in values.items() if value is not None}, told)
