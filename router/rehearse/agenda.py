"""What is to happen when: the virtual clock's."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Action = Callable[[Any], None]


class Agenda:
    """Things of one moment happen in the order in which they were put down."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._heap: list[tuple[int, int, Action, Any]] = []
        self._number = 0

    def put(self, at_ms: int, action: Action, subject: Any) -> None:
        """``action(subject)`` at that moment; at once, if it has passed."""
        self._number += 1
        heappush(self._heap, (at_ms, self._number, action, subject))

    def run_until(self, at_ms: int) -> None:
        """Everything up to that moment and in it; then it is that moment."""
        heap = self._heap
        while heap and heap[0][0] <= at_ms:
            due, _, action, subject = heappop(heap)
            self.now_ms = max(self.now_ms, due)
            action(subject)
        self.now_ms = max(self.now_ms, at_ms)
