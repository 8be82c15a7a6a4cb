"""Both policies' days, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass

from router.rehearse.measure import Figures
from router.rehearse.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Sides:
    """``zone``: the one that clocks are shown in."""

    old: Outcome
    new: Outcome
    before: Figures
    after: Figures
    before_name: str
    after_name: str
    within_s: float
    zone: str
    begin_ms: int
