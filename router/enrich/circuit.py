"""Whether an enricher is worth asking. Values, and a clock given by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 5
"""So many failures in a row open it."""
FIRST_S: Final = 5.0
MOST_S: Final = 300.0
"""Then it is left alone for this long, twice as long after each trial that failed too."""


@dataclass(slots=True)
class Circuit:
    """Open until ``until``; then one question is a trial."""

    until: float = 0.0
    opened: int = 0
    _failures: int = 0
    _trial: bool = False

    @property
    def is_open(self) -> bool:
        """It is left alone, or on trial."""
        return self.opened > 0

    def admits(self, now: float) -> bool:
        """Whether it may be asked now."""
        if not self.opened:
            return True
        if self._trial or now < self.until:
            return False
        self._trial = True
        return True

    def worked(self) -> None:
        """It answered rightly."""
        self.until, self.opened, self._failures, self._trial = 0.0, 0, 0, False

    def failed(self, now: float) -> None:
        """It did not answer rightly, or not in time."""
        self._failures += 1
        if self._trial or (not self.opened and self._failures >= FAILURES):
            self.until = now + min(MOST_S, FIRST_S * 2.0 ** min(self.opened, 10))
            self.opened, self._trial = self.opened + 1, False
