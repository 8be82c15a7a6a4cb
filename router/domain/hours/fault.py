"""What is wrong with a calendar."""

from __future__ import annotations

import msgspec


class CalendarFault(msgspec.Struct, frozen=True):
    """``place`` within the calendar as one would write it, for example ``week.mon[1]``."""

    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class CalendarError(ValueError):
    """A calendar that cannot be used; the message says what was expected."""
