"""Hands the rules' effects to those who carry them out. Each is a task of its own; a failing one harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import structlog

from router.delivery.deliveries import Deliveries
from router.delivery.fetches import Fetches
from router.delivery.inheritance import Inheritances, Lost
from router.delivery.lookups import Lookups
from router.domain.effects import Deliver, Enrich, Fetch, LookUp
from router.shards.shard import Shard
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.delivery")


class EffectRunner:
    """Called by the worker after each commit, and with everything unfinished when it takes a shard."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], Shard] = {}
        self._shards: dict[str, Shard] = {}
        self._stopping = False
        self._inheritances: Inheritances | None = None
        self._deliveries: Deliveries | None = None
        self._fetches: Fetches | None = None
        self._lookups: Lookups | None = None
        self._enrich: Callable[[Enrich], None] | None = None

    def use(
        self,
        inheritances: Inheritances,
        deliveries: Deliveries,
        fetches: Fetches,
        lookups: Lookups,
        enrich: Callable[[Enrich], None] | None = None,
    ) -> None:
        """Who does the work. Called once, before the worker runs. ``enrich`` returns at once (own tasks)."""
        self._inheritances, self._deliveries, self._fetches, self._lookups = inheritances, deliveries, fetches, lookups
        self._enrich = enrich

    def __call__(self, shard: Shard, effects: Sequence[object]) -> None:
        """Begins the work and returns at once."""
        if self._stopping:
            return  # written down as unfinished; the next owner begins it
        if self._shards.get(shard.name) is not shard:
            self._shards[shard.name] = shard
            self._cancel(old for old, owner in self._tasks.items() if owner.name == shard.name)
        for effect in effects:
            if isinstance(effect, Enrich):
                if self._enrich is not None:
                    self._enrich(effect)
                continue
            task = asyncio.create_task(self._run(shard, effect), name=f"effect.{type(effect).__name__}")
            self._tasks[task] = shard
            task.add_done_callback(self._tasks.pop)

    def _cancel(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Those that have not begun to send; what they know of the shard is old, and all of it is given again."""
        sending = set() if self._deliveries is None else self._deliveries.sending
        for task in set(tasks) - sending:
            task.cancel()

    async def _run(self, shard: Shard, effect: object) -> None:
        while True:
            try:
                await self._work(shard, effect)
                return
            except Lost:
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
        assert self._deliveries is not None and self._inheritances is not None
        await self._deliveries.deliver(shard, effect, await self._inheritances.of(shard))

    async def stop(self, patience_s: float) -> None:
        """Lets sends that have begun end and be reported, for at most so many seconds; the rest is left to the next
        owner at once. Called while the shards are still ours."""
        self._stopping = True
        self._cancel(self._tasks)
        if self._deliveries is not None and self._deliveries.sending:
            await asyncio.wait(self._deliveries.sending, timeout=patience_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._inheritances is not None:
            await self._inheritances.stop()
