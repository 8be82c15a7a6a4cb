"""Watches the event loop: whatever holds it up holds up every customer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from router.observe import events
from router.observe.health import Health
from router.observe.metrics import Metrics

_TICK_S: Final = 0.01
_LATE_S: Final = 0.045
"""A stall of 55 ms makes a tick this late wherever in the tick it begins; none under 45 ms does."""
_TELL_S: Final = 10.0


class LoopWatch:
    """Give :meth:`run` a task. Costs some 100 wake-ups a second, about a thousandth of a core."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health
        self._told = float("-inf")

    async def run(self) -> None:
        """Until cancelled: a tick, and how late it came."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            now = loop.time()
            if now - due > _LATE_S:
                self._stalled(now, now - due)
            self._health.beat = datetime.now(UTC)

    def _stalled(self, now: float, late: float) -> None:
        self._metrics.loop_stalls += 1
        self._metrics.loop_stall_seconds.observe(late)
        if now - self._told > _TELL_S:
            self._told = now
            structlog.get_logger().warning(events.LOOP_STALLED, late_ms=round(late * 1000))
