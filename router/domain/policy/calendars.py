"""Calendars that cannot be read, or never open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from contracts.policy import Calendar, Policy
from router.domain.hours import is_open, next_change, validate
from router.domain.policy.problem import Place, PolicyProblem

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def faulty(policy: Policy) -> Iterator[PolicyProblem]:
    for name, calendar in policy.calendars.items():
        for fault in validate(calendar):
            yield PolicyProblem(("policy", "calendars", name, *_steps(fault.place)), fault.sentence)


def usable(policy: Policy) -> bool:
    """Whether every calendar can be read."""
    return not any(validate(calendar) for calendar in policy.calendars.values())


def never_open(policy: Policy, at_ms: int) -> Iterator[PolicyProblem]:
    """Those that stay closed from that moment on (five years are looked through)."""
    for name, calendar in policy.calendars.items():
        if not validate(calendar) and never_opens(calendar, at_ms):
            place = (
                ("policy", "calendars", name, "week") if calendar.week is not None else ("policy", "calendars", name)
            )
            yield PolicyProblem(place, f"{name!r} never opens, so what waits for it waits for ever", "warning")


def never_opens(calendar: Calendar, at_ms: int) -> bool:
    return not is_open(calendar, at_ms) and next_change(calendar, at_ms) is None


def _steps(place: str) -> Place:
    return tuple(int(index) if index else name for name, index in _STEP.findall(place))
