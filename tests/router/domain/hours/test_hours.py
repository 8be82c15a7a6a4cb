"""Hours by tables: weeks, nights, zones, clocks that are put forward and back, holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.policy import Calendar
from router.domain.hours import CalendarError, add_open, is_open, next_change, open_between

DAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = Calendar("Asia/Tokyo", dict.fromkeys(DAYS, ("09:00-12:00", "13:00-18:00")))
"""Eight hours a day, with a lunch break."""


def ms(text: str, zone: str = "Asia/Tokyo") -> int:
    """A wall clock's moment: ``2026-11-20 09:30``; with `` +01:00`` behind it that offset counts."""
    at = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-", 1) if text.count(":") > 1 else text)
    return round((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


def shown(at_ms: int | None, zone: str = "Asia/Tokyo") -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %z")


# 2026-11-20 is a Friday, and Monday the 23rd is a holiday in Japan.
@pytest.mark.parametrize(
    ("at", "open", "change"),
    [
        ("2026-11-20 08:59", False, "2026-11-20 09:00"),
        ("2026-11-20 09:00", True, "2026-11-20 12:00"),
        ("2026-11-20 12:00", False, "2026-11-20 13:00"),
        ("2026-11-20 17:59", True, "2026-11-20 18:00"),
        ("2026-11-20 18:00", False, "2026-11-23 09:00"),
        ("2026-11-21 10:00", False, "2026-11-23 09:00"),
    ],
)
def test_an_office_with_a_lunch_break(at: str, open: bool, change: str) -> None:
    assert is_open(OFFICE, ms(at)) is open
    assert next_change(OFFICE, ms(at)) == ms(change)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-20 09:00", 1, "2026-11-20 10:00"),
        ("2026-11-20 11:30", 1, "2026-11-20 13:30"),  # over lunch
        ("2026-11-20 11:00", 1, "2026-11-20 12:00"),  # the end of an interval, not the begin of the next
        ("2026-11-20 17:30", 1, "2026-11-23 09:30"),  # over the weekend
        ("2026-11-20 20:00", 8, "2026-11-23 18:00"),
        ("2026-11-21 12:00", 40, "2026-11-27 18:00"),
        ("2026-11-21 12:00", 0, "2026-11-21 12:00"),  # nothing is over at once
        ("2026-01-01 00:00", 8 * 261, "2026-12-31 18:00"),  # the 261 working days of 2026
    ],
)
def test_promises_end_within_hours(start: str, hours: int, end: str) -> None:
    due = add_open(OFFICE, ms(start), hours * 3600)
    assert due == ms(end)
    assert open_between(OFFICE, ms(start), due) == hours * 3600


def test_no_time_passes_while_it_is_closed_or_backwards() -> None:
    assert open_between(OFFICE, ms("2026-11-20 18:00"), ms("2026-11-23 09:00")) == 0
    assert open_between(OFFICE, ms("2026-11-20 11:59"), ms("2026-11-20 13:01")) == 120
    assert open_between(OFFICE, ms("2026-11-20 11:00"), ms("2026-11-20 10:00")) == 0
    assert open_between(OFFICE, ms("2026-11-20 11:00"), ms("2026-11-20 11:00") + 1999) == 1


@pytest.mark.parametrize("calendar", [None, Calendar(), Calendar("Asia/Tokyo")])
def test_round_the_clock(calendar: Calendar | None) -> None:
    at = ms("2026-02-28 23:59")
    assert is_open(calendar, at) and next_change(calendar, at) is None
    assert add_open(calendar, at, 60) == at + 60_000 and open_between(calendar, at, at + 90_500) == 90


def test_every_day_to_midnight_is_round_the_clock_too() -> None:
    whole = Calendar("Asia/Tokyo", dict.fromkeys((*DAYS, "sat", "sun"), ("00:00-24:00",)))
    assert is_open(whole, ms("2026-11-21 00:00")) and next_change(whole, ms("2026-11-20 23:00")) is None
    assert add_open(whole, ms("2026-11-20 23:00"), 86_400) == ms("2026-11-21 23:00")


def test_what_never_opens_never_ends() -> None:
    never = Calendar("Asia/Tokyo", {})
    at = ms("2026-11-20 10:00")
    assert not is_open(never, at) and next_change(never, at) is None and add_open(never, at, 1) is None
    once = Calendar("Asia/Tokyo", {}, special={"2028-02-29": ("10:00-11:00",)})
    assert next_change(once, at) == ms("2028-02-29 10:00") and add_open(once, at, 3600) == ms("2028-02-29 11:00")
    assert add_open(once, at, 3601) is None


NIGHT = Calendar("Asia/Tokyo", {"fri": ("22:00-06:00",), "sat": ("08:00-24:00",), "sun": ("00:00-02:00",)})


@pytest.mark.parametrize(
    ("at", "change"),
    [
        ("2026-11-20 22:00", "2026-11-21 06:00"),
        ("2026-11-21 07:00", "2026-11-21 08:00"),
        ("2026-11-21 08:00", "2026-11-22 02:00"),  # to 24:00 and on from 00:00 is one interval
        ("2026-11-22 02:00", "2026-11-27 22:00"),
    ],
)
def test_past_midnight(at: str, change: str) -> None:
    assert next_change(NIGHT, ms(at)) == ms(change)


def test_nights_go_on_where_blocks_of_days_meet() -> None:
    night = Calendar("UTC", dict.fromkeys((*DAYS, "sat", "sun"), ("22:00-06:00",)))
    edge = 650 * 32 * 86_400_000
    assert is_open(night, edge) and next_change(night, edge - 3_600_000) == edge + 6 * 3_600_000
    assert next_change(night, edge) == edge + 6 * 3_600_000
    assert open_between(night, edge - 7_200_000, edge + 86_400_000) == 10 * 3600


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    closed = Calendar("Asia/Tokyo", NIGHT.week, closed=("2026-11-21",))
    assert next_change(closed, ms("2026-11-20 23:00")) == ms("2026-11-21 06:00")
    assert next_change(closed, ms("2026-11-21 06:00")) == ms("2026-11-22 00:00")
    friday = Calendar("Asia/Tokyo", NIGHT.week, closed=("2026-11-20",))
    assert not is_open(friday, ms("2026-11-21 03:00"))


# -- clocks put forward and back -------------------------------------------------------------------------------------

WHOLE: dict[str, tuple[str, ...]] = dict.fromkeys((*DAYS, "sat", "sun"), ("00:00-24:00",))


@pytest.mark.parametrize(
    ("zone", "begin", "end", "hours"),
    [
        ("America/New_York", "2026-03-08 00:00", "2026-03-09 00:00", 23),
        ("America/New_York", "2026-11-01 00:00", "2026-11-02 00:00", 25),
        ("Europe/Berlin", "2026-03-29 00:00", "2026-03-30 00:00", 23),
        ("Europe/Berlin", "2026-10-25 00:00", "2026-10-26 00:00", 25),
        ("Australia/Lord_Howe", "2026-04-05 00:00", "2026-04-06 00:00", 24.5),  # half an hour
        ("Asia/Tokyo", "2026-03-29 00:00", "2026-03-30 00:00", 24),
        ("Asia/Kathmandu", "2026-03-29 00:00", "2026-03-30 00:00", 24),
    ],
)
def test_how_long_a_day_is(zone: str, begin: str, end: str, hours: float) -> None:
    day = begin[:10]
    calendar = Calendar(zone, {}, special={day: ("00:00-24:00",)})
    assert open_between(calendar, ms(begin, zone) - 86_400_000, ms(end, zone) + 86_400_000) == hours * 3600
    assert next_change(calendar, ms(begin, zone)) == ms(end, zone)
    assert next_change(Calendar(zone, WHOLE), ms(begin, zone)) is None


@pytest.mark.parametrize(
    ("zone", "day", "hours", "opens", "closes"),
    [
        # Put forward at 02:00 to 03:00: a time that never comes is the moment at which the clock is put forward.
        ("America/New_York", "2026-03-08", "02:30-05:00", "2026-03-08 03:00 -0400", "2026-03-08 05:00 -0400"),
        ("America/New_York", "2026-03-08", "01:00-02:30", "2026-03-08 01:00 -0500", "2026-03-08 03:00 -0400"),
        ("Europe/Berlin", "2026-03-28", "22:00-02:30", "2026-03-28 22:00 +0100", "2026-03-29 03:00 +0200"),
        ("Africa/Cairo", "2026-04-24", "00:30-09:00", "2026-04-24 01:00 +0300", "2026-04-24 09:00 +0300"),
        # Put back at 02:00 to 01:00: a time that comes twice is meant the first time.
        ("America/New_York", "2026-11-01", "01:30-05:00", "2026-11-01 01:30 -0400", "2026-11-01 05:00 -0500"),
        ("America/New_York", "2026-10-31", "22:00-01:30", "2026-10-31 22:00 -0400", "2026-11-01 01:30 -0400"),
        ("Europe/Berlin", "2026-10-25", "02:15-02:45", "2026-10-25 02:15 +0200", "2026-10-25 02:45 +0200"),
        ("America/Havana", "2025-11-02", "00:00-09:00", "2025-11-02 00:00 -0400", "2025-11-02 09:00 -0500"),
    ],
)
def test_gaps_and_folds(zone: str, day: str, hours: str, opens: str, closes: str) -> None:
    calendar = Calendar(zone, {}, special={day: (hours,)})
    opening = next_change(calendar, ms(f"{day} 00:00", zone) - 3_600_000)
    assert opening is not None and shown(opening, zone) == opens
    assert shown(next_change(calendar, opening), zone) == closes


def test_an_interval_that_never_comes_is_not_open() -> None:
    calendar = Calendar("America/New_York", {}, special={"2026-03-08": ("02:10-02:50",)})
    assert next_change(calendar, ms("2026-03-07 00:00", "America/New_York")) is None
    # Samoa went over the date line and had no 30 December 2011 at all.
    samoa = Calendar("Pacific/Apia", {}, special={"2011-12-30": ("09:00-17:00",)})
    assert next_change(samoa, ms("2011-12-28 00:00", "UTC")) is None


def test_offices_keep_their_wall_clock_over_the_year() -> None:
    berlin = Calendar("Europe/Berlin", dict.fromkeys(DAYS, ("09:00-17:00",)))
    for day, utc in (("2026-01-14", 8), ("2026-07-15", 7), ("2026-03-30", 7), ("2026-10-26", 8)):
        at = next_change(berlin, ms(f"{day} 00:00", "UTC"))
        assert at == ms(f"{day} {utc:02}:00", "UTC")


# -- holidays --------------------------------------------------------------------------------------------------------

# The Act on National Holidays (Act No. 178 of 1948), Articles 2 and 3: a holiday on a Sunday gives the next day that is
# none (in lieu), and a day between two holidays is one. 2024 to 2027 are as published by the Cabinet Office; the
# equinoxes from 2028 are those of the National Astronomical Observatory's formula.
JAPAN = {
    2024: "0101 0108 0211 0212 0223 0320 0429 0503 0504 0505 0506 0715 0811 0812 0916 0922 0923 1014 1103 1104 1123",
    2025: "0101 0113 0211 0223 0224 0320 0429 0503 0504 0505 0506 0721 0811 0915 0923 1013 1103 1123 1124",
    2026: "0101 0112 0211 0223 0320 0429 0503 0504 0505 0506 0720 0811 0921 0922 0923 1012 1103 1123",
    2027: "0101 0111 0211 0223 0321 0322 0429 0503 0504 0505 0719 0811 0920 0923 1011 1103 1123",
    2028: "0101 0110 0211 0223 0320 0429 0503 0504 0505 0717 0811 0918 0922 1009 1103 1123",
    2029: "0101 0108 0211 0212 0223 0320 0429 0430 0503 0504 0505 0716 0811 0917 0923 0924 1008 1103 1123",
    2030: "0101 0114 0211 0223 0320 0429 0503 0504 0505 0506 0715 0811 0812 0916 0923 1014 1103 1104 1123",
}


@pytest.mark.parametrize("year", sorted(JAPAN))
def test_japanese_holidays(year: int) -> None:
    calendar = Calendar("Asia/Tokyo", holidays="JP")
    day, found = date(year, 1, 1), []
    while day.year == year:
        noon = ms(f"{day} 12:00")
        if not is_open(calendar, noon):
            found.append(f"{day:%m%d}")
        day += timedelta(days=1)
    assert found == JAPAN[year].split()


@pytest.mark.parametrize(
    ("place", "day", "closed"),
    [
        ("JP", "2026-09-22", True),  # between Respect for the Aged Day and the equinox
        ("JP", "2026-05-06", True),  # in lieu of Constitution Day, a Sunday
        ("DE", "2026-01-06", False),
        ("DE-BY", "2026-01-06", True),  # Epiphany, in Bavaria
        ("DE-BE", "2026-01-06", False),
        ("US", "2026-07-03", True),  # Independence Day is a Saturday
        ("GB-SCT", "2026-11-30", True),  # Saint Andrew's Day
        ("GB-ENG", "2026-11-30", False),
    ],
)
def test_holidays_of_places(place: str, day: str, closed: bool) -> None:
    assert is_open(Calendar("UTC", holidays=place), ms(f"{day} 12:00", "UTC")) is not closed


def test_holiday_hours_own_days_and_special_days() -> None:
    calendar = Calendar(
        "Asia/Tokyo",
        OFFICE.week,
        holidays="JP",
        holiday_hours=("10:00-15:00",),
        closed=("2026-12-24", "2026-12-29/2027-01-03", "--08-13", "--04-30/--05-02"),
        special={"2026-12-30": ("09:00-12:00",), "2026-11-21": ("10:00-12:00",), "2026-11-24": ()},
    )
    opening = {
        "2026-11-23": "10:00-15:00",  # Labour Thanksgiving Day
        "2026-11-21": "10:00-12:00",  # a Saturday
        "2026-11-24": "",
        "2026-12-24": "",
        "2026-12-30": "09:00-12:00",  # within the closed span
        "2026-12-31": "",
        "2027-01-01": "",  # closed comes before holiday hours
        "2027-01-04": "09:00-12:00",
        "2026-08-13": "",
        "2027-08-13": "",
        "2027-04-30": "",
        "2027-04-28": "09:00-12:00",
    }
    for day, hours in opening.items():
        first = next_change(calendar, ms(f"{day} 00:00") - 1)
        assert first is not None
        on_that_day = (shown(first) or "").startswith(day)
        end = shown(next_change(calendar, first)) or ""
        assert (f"{(shown(first) or '')[11:16]}-{end[11:16]}" if on_that_day else "") == hours, day


def test_a_yearly_span_over_new_year() -> None:
    calendar = Calendar("Asia/Tokyo", closed=("--12-29/--01-03",))
    for year in (2026, 2027, 2030):
        assert next_change(calendar, ms(f"{year}-06-01 00:00")) == ms(f"{year}-12-29 00:00")
        assert next_change(calendar, ms(f"{year}-12-30 00:00")) == ms(f"{year + 1}-01-04 00:00")


def test_leap_day_each_year_comes_in_leap_years() -> None:
    calendar = Calendar("Asia/Tokyo", closed=("--02-29",))
    assert next_change(calendar, ms("2026-01-01 00:00")) == ms("2028-02-29 00:00")


@pytest.mark.parametrize(
    "calendar", [Calendar("Asia/Tokio"), Calendar(holidays="XX"), Calendar(week={"mon": ("9-5",)})]
)
def test_a_calendar_that_is_not_valid_is_refused(calendar: Calendar) -> None:
    with pytest.raises(CalendarError):
        is_open(calendar, 0)
