"""A stall of the event loop is seen."""

from __future__ import annotations

import asyncio
import time

from router.observe.health import Health
from router.observe.lag import LoopWatch
from router.observe.metrics import Metrics


async def test_stall_is_counted_and_quiet_is_not() -> None:
    metrics, health = Metrics(), Health("1")
    watch = asyncio.create_task(LoopWatch(metrics, health).run())
    await asyncio.sleep(0.05)
    before = metrics.loop_stalls
    time.sleep(0.2)
    await asyncio.sleep(0.05)
    assert metrics.loop_stalls >= before + 1
    assert metrics.loop_stall_seconds.total >= 0.15
    assert health.beat is not None
    watch.cancel()
    await asyncio.wait([watch])
