"""A circuit per endpoint: after failures in a row it is left alone for a while, then probed with one delivery."""

from __future__ import annotations

from typing import Final, Literal

FAILURES: Final = 5
_FIRST_S: Final = 30.0
_MOST_S: Final = 600.0


class Circuit:
    """Pure bookkeeping; times in seconds, given by the caller."""

    def __init__(self) -> None:
        self.failures = 0
        self.probe_at: float | None = None
        self._pause = _FIRST_S
        self._probing = False

    def state(self, now: float) -> Literal["closed", "open", "half_open"]:
        """As it stands."""
        if self.probe_at is None:
            return "closed"
        return "half_open" if self._probing or now >= self.probe_at else "open"

    def admit(self, now: float) -> bool:
        """Whether a delivery may start now; in half-open, one at a time."""
        if self.probe_at is None:
            return True
        if self._probing or now < self.probe_at:
            return False
        self._probing = True
        return True

    def succeeded(self) -> bool:
        """The endpoint took one; True when that closed the circuit."""
        opened = self.probe_at is not None
        self.failures, self.probe_at, self._pause, self._probing = 0, None, _FIRST_S, False
        return opened

    def failed(self, now: float) -> None:
        """It did not; the pause doubles with every probe in vain, up to ten minutes."""
        self.failures += 1
        if self._probing:
            self._pause = min(self._pause * 2, _MOST_S)
            self._probing = False
            self.probe_at = now + self._pause
        elif self.failures >= FAILURES and self.probe_at is None:
            self.probe_at = now + self._pause

    def abandoned(self) -> None:
        """A delivery that was admitted was not made."""
        self._probing = False
