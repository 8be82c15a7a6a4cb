"""Hours of business: is it open, when does that change, and how much open time lies between two moments.

Pure functions of a :class:`contracts.policy.Calendar` (None: always open) and moments in milliseconds since 1970. What
a calendar means is worked out once for equal calendars, a month at a time, and then only looked up. Zones and holidays
come from the packages ``tzdata`` and ``holidays``, never from the machine, so that every copy says the same.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from contracts.policy import Calendar
from router.domain.hours.compiled import Hours
from router.domain.hours.fault import CalendarError, CalendarFault
from router.domain.hours.validate import validate

__all__ = ["CalendarError", "CalendarFault", "add_open", "is_open", "next_change", "open_between", "validate"]


def is_open(calendar: Calendar | None, at_ms: int) -> bool:
    """Whether it is open at that moment. An interval has its first moment and not its last.

    Raises:
        CalendarError: here and below: the calendar is not valid; see :func:`validate`.
    """
    return calendar is None or _hours(calendar).is_open(at_ms)


def next_change(calendar: Calendar | None, at_ms: int) -> int | None:
    """The first moment after this one at which it opens or closes; None: not within five years."""
    return None if calendar is None else _hours(calendar).next_change(at_ms)


def add_open(calendar: Calendar | None, from_ms: int, seconds: int) -> int | None:
    """The first moment by which that much open time has passed since ``from_ms``; None: not within five years. No
    time at all has passed at once, even while it is closed."""
    return from_ms + seconds * 1000 if calendar is None else _hours(calendar).add_open(from_ms, seconds * 1000)


def open_between(calendar: Calendar | None, a_ms: int, b_ms: int) -> int:
    """Whole seconds of open time between two moments; 0 when the second is not later."""
    if b_ms <= a_ms:
        return 0
    return (b_ms - a_ms if calendar is None else _hours(calendar).open_ms(a_ms, b_ms)) // 1000


def _hours(calendar: Calendar) -> Hours:
    return _compiled(msgspec.msgpack.encode(calendar))


@lru_cache(maxsize=256)
def _compiled(calendar: bytes) -> Hours:
    return Hours(msgspec.msgpack.decode(calendar, type=Calendar))
