"""Time zones: their names, and which moment a wall clock means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from router.domain.hours.fault import CalendarError

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (a wall clock has no zone)
_SECOND: Final = timedelta(seconds=1)


@cache
def names() -> frozenset[str]:
    """All zone names, such as ``Asia/Tokyo``."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name, from the package and not from the machine: all copies of the service count alike.

    Raises:
        CalendarError: there is no such zone.
    """
    if name not in names():
        raise CalendarError(f"there is no time zone {name!r}")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def moment_of(zone: ZoneInfo, wall: datetime) -> int:
    """The second since 1970 at which clocks in the zone first show this time or a later one.

    So a time that comes twice (clocks are put back) is meant the first time, and one that never comes (they are put
    forward) is the moment at which they are put forward.
    """
    first, second = wall.replace(tzinfo=zone).utcoffset(), wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert first is not None and second is not None
    shown = (wall - _EPOCH) // _SECOND
    if first >= second:
        return shown - first // _SECOND
    return _jump(zone, shown - second // _SECOND, shown - first // _SECOND, second)


def day_of(zone: ZoneInfo, seconds: int) -> int:
    """The day (proleptic ordinal) that a calendar on the wall shows then."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).toordinal()


def _jump(zone: ZoneInfo, early: int, late: int, offset: timedelta) -> int:
    """The first second, after ``early`` and not after ``late``, with this offset from UTC."""
    while late - early > 1:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late
