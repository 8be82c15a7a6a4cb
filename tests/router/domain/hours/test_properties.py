"""Whatever the calendar: open time adds up, ends are where they must be, and a minute-by-minute count agrees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import Calendar
from router.domain.hours import add_open, is_open, next_change, open_between
from router.domain.hours.days import WEEK, Days

START = 1_772_000_000_000
"""2026-02-25, before clocks are put forward in America and in Europe."""
ZONES = (
    "UTC",
    "Asia/Tokyo",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
)
STEADY = ("UTC", "Asia/Tokyo", "Asia/Kathmandu", "America/Phoenix")
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)

quarters = st.integers(0, 95)


def clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@st.composite
def intervals(draw: st.DrawFn) -> tuple[str, ...]:
    cuts = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    found = [f"{clock(a)}-{clock(b)}" for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    if draw(st.booleans()):
        found.append(f"{clock(draw(st.integers(48, 95)))}-{clock(draw(st.integers(0, 40)))}")
    return tuple(found)


@st.composite
def calendars(draw: st.DrawFn, zones: tuple[str, ...] = ZONES) -> Calendar:
    week = draw(st.none() | st.dictionaries(st.sampled_from(WEEK), intervals(), max_size=7))
    return Calendar(
        draw(st.sampled_from(zones)),
        week,
        draw(st.sampled_from([None, "JP", "US", "DE-BY"])),
        draw(intervals()),
        draw(st.sampled_from([(), ("2026-03-10",), ("2026-03-28/2026-04-02", "--03-08")])),
        draw(st.sampled_from([{}, {"2026-03-08": ("01:30-04:00",), "2026-03-29": ("22:00-03:00",)}])),
    )


moments = st.integers(0, 60 * 86_400_000).map(lambda ms: START + ms)


@SETTINGS
@given(calendars(), moments, st.integers(0, 90 * 86_400))
def test_adding_and_counting_are_each_others_inverse(calendar: Calendar, start: int, seconds: int) -> None:
    end = add_open(calendar, start, seconds)
    if end is None:
        assert open_between(calendar, start, start + 365 * 86_400_000) < seconds
        return
    assert end >= start + seconds * 1000
    assert open_between(calendar, start, end) == seconds
    if seconds:  # the first such moment
        assert open_between(calendar, start, end - 1) < seconds


@SETTINGS
@given(calendars(), st.lists(moments, min_size=3, max_size=3).map(sorted))
def test_open_time_adds_up(calendar: Calendar, at: list[int]) -> None:
    first, second, third = at
    whole = open_between(calendar, first, third)
    parts = open_between(calendar, first, second) + open_between(calendar, second, third)
    assert 0 <= whole - parts <= 1  # each is cut to whole seconds
    assert whole <= (third - first) // 1000


@SETTINGS
@given(calendars(), moments, moments, st.integers(0, 400_000))
def test_who_starts_later_is_due_later(calendar: Calendar, one: int, other: int, seconds: int) -> None:
    early, late = (add_open(calendar, at, seconds) for at in sorted((one, other)))
    assert late is None or (early is not None and early <= late)


@SETTINGS
@given(calendars(), moments)
def test_between_changes_nothing_changes(calendar: Calendar, at: int) -> None:
    change = next_change(calendar, at)
    now, beyond = is_open(calendar, at), change if change is not None else at + 40 * 86_400_000
    assert all(is_open(calendar, at + (beyond - at) * step // 50) is now for step in range(50))
    if change is not None:
        assert change > at and is_open(calendar, change) is not now and is_open(calendar, change - 1) is now


@SETTINGS
@given(calendars(STEADY), moments)
def test_a_plain_look_at_the_clock_agrees(calendar: Calendar, at: int) -> None:
    """Where clocks are never changed, the wall clock alone tells whether it is open."""
    wall = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(calendar.zone)).replace(tzinfo=None)
    days, midnight = Days(calendar), wall.replace(hour=0, minute=0, second=0, microsecond=0)
    plain = any(
        start <= (wall - midnight).total_seconds() + back * 86_400 < end
        for back in (0, 1)
        for start, end in days.intervals((midnight - timedelta(days=back)).toordinal())
    )
    assert is_open(calendar, at) is plain
