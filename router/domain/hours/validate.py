"""What is wrong with a calendar, before it is used: each fault with its place and, if there is one, the right name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import pairwise

from contracts.policy import Calendar
from router.domain.hours import days, zone
from router.domain.hours.fault import CalendarError, CalendarFault


def validate(calendar: Calendar) -> list[CalendarFault]:
    """All faults; with none, the calendar can be used."""
    return [*_zone(calendar), *_week(calendar), *_holidays(calendar), *_days(calendar)]


def _zone(calendar: Calendar) -> Iterator[CalendarFault]:
    if calendar.zone not in zone.names():
        yield CalendarFault("zone", f"there is no time zone {calendar.zone!r}{_nearest(calendar.zone, zone.names())}")


def _week(calendar: Calendar) -> Iterator[CalendarFault]:
    for name, texts in (calendar.week or {}).items():
        if name not in days.WEEK:
            right = _nearest(name, days.WEEK) or f"; the days are {', '.join(days.WEEK)}"
            yield CalendarFault(f"week.{name}", f"there is no day {name!r}{right}")
        yield from _intervals(f"week.{name}", texts)


def _holidays(calendar: Calendar) -> Iterator[CalendarFault]:
    if calendar.holidays is not None:
        country, dash, part = calendar.holidays.partition("-")
        parts = days.countries().get(country)
        if parts is None:
            right = _nearest(country, days.countries())
            yield CalendarFault("holidays", f"no holidays are known of {country!r}{right}")
        elif dash and part not in parts:
            right = _nearest(part, parts, f"{country}-") or _listed(country, parts)
            yield CalendarFault("holidays", f"{country} has no part {part!r}{right}")
    yield from _intervals("holiday_hours", calendar.holiday_hours)


def _days(calendar: Calendar) -> Iterator[CalendarFault]:
    for place, text in enumerate(calendar.closed):
        yield from _tried(f"closed[{place}]", days.closed_days, text)
    for text, hours in calendar.special.items():
        yield from _tried(f"special.{text}", days.day, text)
        yield from _intervals(f"special.{text}", hours)


def _intervals(place: str, texts: tuple[str, ...]) -> Iterator[CalendarFault]:
    """Each by itself, and then whether they run into each other."""
    faults = [fault for number, text in enumerate(texts) for fault in _tried(f"{place}[{number}]", days.interval, text)]
    yield from faults
    if faults:
        return
    found = sorted((days.interval(text), text) for text in texts)
    for (earlier, first), (later, second) in pairwise(found):
        if later[0] < earlier[1]:
            yield CalendarFault(place, f"{first} and {second} run into each other")


def _tried(place: str, parse: Callable[[str], object], text: str) -> Iterator[CalendarFault]:
    try:
        parse(text)
    except CalendarError as error:
        yield CalendarFault(place, str(error))


def _listed(country: str, parts: Iterable[str]) -> str:
    named = ", ".join(sorted(parts))
    return f"; it has {named}" if named else f"; write {country} alone"


def _nearest(name: str, names: Iterable[str], before: str = "") -> str:
    """``; did you mean 'Asia/Tokyo'?``, whatever the case it was written in."""
    folded = {each.casefold(): each for each in names}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {before + folded[found[0]]!r}?" if found else ""
