"""What is wrong with a calendar is said with its place and the nearest right name."""

from __future__ import annotations

import pytest

from contracts.policy import Calendar
from router.domain.hours import validate

CANADIAN = "AB, BC, MB, NB, NL, NS, NT, NU, ON, PE, QC, SK, YT"


@pytest.mark.parametrize(
    ("calendar", "faults"),
    [
        (Calendar(), []),
        (Calendar("Asia/Tokyo", {"mon": ("09:00-12:00", "13:00-24:00")}, "JP", closed=("--12-29/--01-03",)), []),
        (Calendar("Asia/Tokio"), ["zone: there is no time zone 'Asia/Tokio'; did you mean 'Asia/Tokyo'?"]),
        (Calendar("../etc/passwd"), ["zone: there is no time zone '../etc/passwd'"]),
        (
            Calendar(week={"monday": ("09:00-12:00",)}),
            ["week.monday: there is no day 'monday'; did you mean 'mon'?"],
        ),
        (
            Calendar(week={"mon": ("09:00-12:00", "9 to 5")}),
            ["week.mon[1]: '9 to 5' is no interval; they look like 09:00-12:00"],
        ),
        (
            Calendar(week={"mon": ("09:00-25:00", "09:60-10:00")}),
            [
                "week.mon[0]: '09:00-25:00' is beyond the day; times go from 00:00 to 24:00",
                "week.mon[1]: '09:60-10:00' is beyond the day; times go from 00:00 to 24:00",
            ],
        ),
        (
            Calendar(week={"mon": ("09:00-09:00",)}),
            ["week.mon[0]: '09:00-09:00' ends when it begins; a whole day is 00:00-24:00"],
        ),
        (
            Calendar(week={"mon": ("13:00-18:00", "09:00-14:00")}),
            ["week.mon: 09:00-14:00 and 13:00-18:00 run into each other"],
        ),
        (Calendar(holidays="jp"), ["holidays: no holidays are known of 'jp'; did you mean 'JP'?"]),
        (Calendar(holidays="DE-Augsberg"), ["holidays: DE has no part 'Augsberg'; did you mean 'DE-Augsburg'?"]),
        (Calendar(holidays="CA-X"), ["holidays: CA has no part 'X'; it has " + CANADIAN]),
        (Calendar(holidays="JP-13"), ["holidays: JP has no part '13'; write JP alone"]),
        (
            Calendar(holidays="JP", holiday_hours=("x",)),
            ["holiday_hours[0]: 'x' is no interval; they look like 09:00-12:00"],
        ),
        (
            Calendar(closed=("2026-02-29",)),
            [
                "closed[0]: '2026-02-29' is no day or span of days; they look like 2026-12-29, 2026-12-29/2027-01-03, "
                "--08-13"
            ],
        ),
        (
            Calendar(closed=("--08-13", "2027-01-03/2026-12-29")),
            ["closed[1]: '2027-01-03/2026-12-29' ends before it begins"],
        ),
        (
            Calendar(closed=("--12-29/2027-01-03",)),
            [
                "closed[0]: '--12-29/2027-01-03' begins in each year and ends in one; write both as --12-29 or both "
                "with a year"
            ],
        ),
        (
            Calendar(special={"12-24": ("09:00-12:00",)}),
            ["special.12-24: '12-24' is no day; they look like 2026-12-29"],
        ),
        (
            Calendar(special={"2026-12-24": ("09:00-12:00", "?")}),
            ["special.2026-12-24[1]: '?' is no interval; they look like 09:00-12:00"],
        ),
    ],
)
def test_faults(calendar: Calendar, faults: list[str]) -> None:
    assert [str(fault) for fault in validate(calendar)] == faults


def test_a_code_in_the_wrong_case_is_told_apart() -> None:
    (fault,) = validate(Calendar(holidays="DE-by"))
    assert (fault.place, fault.sentence) == ("holidays", "DE has no part 'by'; did you mean 'DE-BY'?")
