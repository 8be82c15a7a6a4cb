"""What a calendar says of one day: parsing its texts, and which of them counts."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Final

import holidays

from contracts.policy import Calendar
from router.domain.hours.fault import CalendarError

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S: Final = 86_400
WHOLE_DAY: Final = ((0, DAY_S),)

Interval = tuple[int, int]
"""Seconds of the wall clock since the day's midnight; up to two days, as it may run past the next midnight."""

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


class Days:
    """A calendar's days. ``intervals`` of a day are those that begin on it: what runs past midnight is its own day's,
    even when the next day is closed."""

    def __init__(self, calendar: Calendar) -> None:
        week = calendar.week
        self._week = [WHOLE_DAY if week is None else intervals(week.get(day, ())) for day in WEEK]
        self._holidays = holidays_of(calendar.holidays) if calendar.holidays is not None else None
        self._holiday_hours = intervals(calendar.holiday_hours)
        self._special = {day(text).toordinal(): intervals(hours) for text, hours in calendar.special.items()}
        self._closed = [closed_days(text) for text in calendar.closed]

    def intervals(self, ordinal: int) -> tuple[Interval, ...]:
        """The open intervals that begin on the day with this proleptic ordinal."""
        special = self._special.get(ordinal)
        if special is not None:
            return special
        today = date.fromordinal(ordinal)
        if any(closed.has(today) for closed in self._closed):
            return ()
        if self._holidays is not None and today in self._holidays:
            return self._holiday_hours
        return self._week[today.weekday()]


class ClosedDays:
    """The days from ``first`` to ``last``, both included: each year's (month, day), or certain ones (year, ...)."""

    __slots__ = ("_first", "_last")

    def __init__(self, first: tuple[int, ...], last: tuple[int, ...]) -> None:
        self._first = first
        self._last = last

    def has(self, today: date) -> bool:
        now = (today.month, today.day) if len(self._first) == 2 else (today.year, today.month, today.day)
        if self._first <= self._last:
            return self._first <= now <= self._last
        return now >= self._first or now <= self._last


def intervals(texts: tuple[str, ...]) -> tuple[Interval, ...]:
    """Several intervals, in order."""
    return tuple(sorted(interval(text) for text in texts))


def interval(text: str) -> Interval:
    """``09:00-12:00``; to ``24:00``; past midnight when it ends before it begins.

    Raises:
        CalendarError: it is none.
    """
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise CalendarError(f"{text!r} is no interval; they look like 09:00-12:00")
    hours = [int(each) for each in found.groups()]
    start, end = hours[0] * 3600 + hours[1] * 60, hours[2] * 3600 + hours[3] * 60
    if max(hours[1], hours[3]) > 59 or start >= DAY_S or end > DAY_S:
        raise CalendarError(f"{text!r} is beyond the day; times go from 00:00 to 24:00")
    if start == end:
        raise CalendarError(f"{text!r} ends when it begins; a whole day is 00:00-24:00")
    return (start, end if end > start else end + DAY_S)


def day(text: str) -> date:
    """``2026-12-29``.

    Raises:
        CalendarError: there is no such day.
    """
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or text != found.isoformat():
        raise CalendarError(f"{text!r} is no day; they look like 2026-12-29")
    return found


def closed_days(text: str) -> ClosedDays:
    """``2026-12-29``, ``2026-12-29/2027-01-03``, ``--08-13`` (each year) or ``--12-29/--01-03``.

    Raises:
        CalendarError: it is neither, or ends before it begins.
    """
    first, slash, last = text.partition("/")
    begin, end = _numbers(first, text), _numbers(last if slash else first, text)
    if len(begin) != len(end):
        raise CalendarError(f"{text!r} begins in each year and ends in one; write both as --12-29 or both with a year")
    if len(begin) == 3 and end < begin:
        raise CalendarError(f"{text!r} ends before it begins")
    return ClosedDays(begin, end)


def holidays_of(text: str) -> holidays.HolidayBase:
    """The public holidays of ``JP``, or of a part of a country, ``DE-BY``; with those in lieu.

    Raises:
        CalendarError: the library knows no such place.
    """
    country, _, part = text.partition("-")
    known = countries().get(country)
    if known is None or (part and part not in known):
        raise CalendarError(f"no holidays are known of {text!r}")
    return holidays.country_holidays(country, subdiv=part or None)


@cache
def countries() -> dict[str, frozenset[str]]:
    """Countries with holidays, by ISO 3166 code, and the parts of each."""
    return {country: frozenset(parts) for country, parts in holidays.list_supported_countries().items()}


def _numbers(text: str, whole: str) -> tuple[int, ...]:
    """(year, month, day), or (month, day) of each year."""
    try:
        if text.startswith("--"):
            each = day(f"2000-{text[2:]}")
            return (each.month, each.day)
        one = day(text)
    except CalendarError:
        raise CalendarError(
            f"{whole!r} is no day or span of days; they look like 2026-12-29, 2026-12-29/2027-01-03, --08-13"
        ) from None
    return (one.year, one.month, one.day)
