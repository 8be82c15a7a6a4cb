"""What was promised about one conversation, and how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Target = Literal["first_response", "next_response", "resolution"]


class Clock(msgspec.Struct, frozen=True, omit_defaults=True):
    """One promise that runs. ``due_at`` and ``risk_at`` hold while it runs (None: not within five years); while it is
    paused, ``left_s`` says how many seconds of the promise's own hours were left."""

    target: Target
    started_at: datetime
    due_at: datetime | None = None
    risk_at: datetime | None = None
    left_s: int | None = None
    at_risk: bool = False
    breached: bool = False
    since: datetime | None = None
    """When it began to run again after a pause; None: it was never paused."""
    ran_s: int = 0
    """Seconds of its hours that had passed when it was last paused."""


class SlaState(msgspec.Struct, frozen=True, omit_defaults=True):
    """``name`` is a promise of the policy. ``clocks``: those that run or are paused; met ones are gone from here."""

    name: str
    clocks: tuple[Clock, ...] = ()
    met: tuple[str, ...] = ()
    """Targets that were kept, latest last; at most 10."""
    breached: tuple[str, ...] = ()
    """Targets that were not; at most 10."""
    noticed: bool = False
    """The customer was told that it will be late, since they wrote last."""
