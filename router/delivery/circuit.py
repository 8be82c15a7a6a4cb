"""The circuit of one account: whether its provider is worth calling at all. Values and a clock given by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from connectors.api import Failed, Outcome, Sent, Uncertain
from contracts.message import Problem

FAILURES: Final = 5
"""So many calls in a row that the provider did not answer rightly open it; a wrong set-up opens it at once."""
FIRST_S: Final = 2.0
MOST_S: Final = 60.0
"""Longest wait between two trials."""
THROTTLED_FIRST_S: Final = 1.0
"""The wait that we choose when a provider asks us to slow down and does not say for how long; doubled each time."""


@dataclass(slots=True)
class Circuit:
    """``closed``: calls are made. ``open``: none is, until ``until``. ``half_open``: one is on trial."""

    state: Literal["closed", "open", "half_open"] = "closed"
    until: float = 0.0
    problem: Problem | None = None
    """Why it is open."""
    opened: int = 0
    """How often in a row."""
    _failures: int = 0
    _throttled: int = 0

    @property
    def is_closed(self) -> bool:
        """Calls are made."""
        return self.state == "closed"

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. The first one after a wait is the trial, and alone."""
        if self.state == "open" and now >= self.until:
            self.state = "half_open"
            return True
        return self.state == "closed"

    def wait_s(self, now: float) -> float:
        """How long nothing will be let through at least."""
        return max(0.0, self.until - now) if self.state == "open" else 0.0

    def note(self, outcome: Outcome, now: float) -> bool:
        """Learns from an outcome; whether the circuit changed."""
        before = self.state
        match outcome:
            case Failed(problem=problem) if problem.kind == "config":
                self._open(problem, now)
            case Failed(problem=problem) if problem.kind == "throttled":
                self._close()  # it answers; how long to wait is the budget's affair
            case Failed(problem=problem) if problem.fault == "theirs":
                self._failed(problem, now)
            case Uncertain(reason=reason):
                self._failed(Problem("unreachable", f"The channel did not answer: {reason}.", True), now)
            case Sent() | Failed():
                self._close()
                self._throttled = 0
        return self.state != before

    def abandon(self, now: float) -> None:
        """The trial ended without an outcome: another one may be made."""
        if self.state == "half_open":
            self.state, self.until = "open", now

    def pause_s(self, asked: float | None) -> float:
        """How long to leave the provider alone that asks us to slow down."""
        self._throttled = min(self._throttled + 1, 7)
        return asked if asked is not None else min(MOST_S, THROTTLED_FIRST_S * 2 ** (self._throttled - 1))

    def _failed(self, problem: Problem, now: float) -> None:
        self._failures += 1
        if self.state == "half_open" or self._failures >= FAILURES:
            self._open(problem, now)

    def _open(self, problem: Problem, now: float) -> None:
        if self.state == "open":
            return  # calls that were under way when it opened say nothing new
        self.opened += 1
        self.state, self.problem = "open", problem
        self.until = now + min(MOST_S, FIRST_S * 2.0 ** min(self.opened - 1, 10))

    def _close(self) -> None:
        self.state, self.problem, self.opened, self._failures = "closed", None, 0, 0
