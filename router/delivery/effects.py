"""Hands the rules' effects to those who carry them out. Each is a task of its own; a failing one harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from router.delivery.deliveries import Deliveries
from router.delivery.fetches import Fetches
from router.delivery.lookups import Lookups
from router.domain.effects import Deliver, Fetch, LookUp
from router.shards.shard import Shard
from router.shards.worker import Worker
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.delivery")


class EffectRunner:
    """Called by the worker after each commit, and with everything unfinished when it takes a shard."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: dict[str, tuple[int, dict[str, int]]] = {}
        self._deliveries: Deliveries | None = None
        self._fetches: Fetches | None = None
        self._lookups: Lookups | None = None
        self._worker: Worker | None = None

    def use(self, worker: Worker, deliveries: Deliveries, fetches: Fetches, lookups: Lookups) -> None:
        """Who does the work. Called once, before the worker runs."""
        self._worker, self._deliveries, self._fetches, self._lookups = worker, deliveries, fetches, lookups

    def __call__(self, shard: Shard, effects: Sequence[object]) -> None:
        """Begins the work and returns at once."""
        for effect in effects:
            task = asyncio.create_task(self._run(shard, effect), name=f"effect.{type(effect).__name__}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, shard: Shard, effect: object) -> None:
        while True:
            try:
                await self._work(shard, effect)
                return
            except StoreError as error:
                log.warning("effect.waits", shard=shard.name, error=type(error).__name__)
                await asyncio.sleep(0.5)
            except Exception as error:
                log.exception("effect.failed", shard=shard.name, error=type(error).__name__)
                return

    def _work(self, shard: Shard, effect: object) -> Coroutine[Any, Any, None]:
        match effect:
            case Deliver():
                return self._deliver(shard, effect)
            case Fetch() if self._fetches is not None:
                return self._fetches.fetch(shard.name, effect)
            case LookUp() if self._lookups is not None:
                return self._lookups.look_up(effect)
            case _:
                raise TypeError(f"nobody carries out {type(effect).__name__}")

    async def _deliver(self, shard: Shard, effect: Deliver) -> None:
        assert self._deliveries is not None and self._worker is not None
        await self._deliveries.deliver(shard.name, effect, await self._begun_before(shard))

    async def _begun_before(self, shard: Shard) -> dict[str, int]:
        """What the former owner had begun; asked once per take-over, before anything of ours begins."""
        assert self._worker is not None
        known = self._begun.get(shard.name)
        if known is None or known[0] != shard.standing.epoch:
            known = (shard.standing.epoch, await self._worker.begun(shard.name))
            self._begun[shard.name] = known
        return known[1]

    async def stop(self, patience_s: float) -> None:
        """Lets what was begun end, for at most so many seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
