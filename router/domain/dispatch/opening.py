"""Whether a calendar is open, as it was found when its last timer was handled.

What is decided never depends on how late a timer is: a queue is open until the timer of its closing was handled.
"""

from __future__ import annotations

import msgspec

from contracts.policy import Calendar
from router.domain.hours import is_open, next_change


class Opening(msgspec.Struct, frozen=True, omit_defaults=True):
    """A calendar's row; times in milliseconds since 1970."""

    open: bool
    changes_ms: int | None = None
    """When that changes; None: not within five years."""


def opening(calendar: Calendar, at_ms: int) -> Opening:
    """How it stands at that moment."""
    return Opening(is_open(calendar, at_ms), next_change(calendar, at_ms))
