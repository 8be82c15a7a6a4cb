"""How often something may be done: a token bucket that is told the time."""

from __future__ import annotations

from datetime import datetime


class Bucket:
    """Admits ``rate`` a second on average and ``burst`` at once. A clock that jumps back gives nothing away."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: int, now: datetime) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._level = float(burst)
        self._at = now

    def take(self, now: datetime) -> bool:
        """Takes one, if there is one."""
        passed = max(0.0, (now - self._at).total_seconds())
        self._level = min(self._burst, self._level + passed * self._rate)
        self._at = max(self._at, now)
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True
