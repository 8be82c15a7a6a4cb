"""All subscriptions at work: one leased task for each that is enabled, started and ended as they come and go."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from router.api.subscriptions.runner import Runner
from router.api.subscriptions.send import Sender
from router.api.subscriptions.store import SubscriptionStore
from router.shards.leases import Leases
from router.shards.tail import Tail
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.api")

_LOOK_S: Final = 2.0
_REST_FIRST_S: Final = 1.0
_REST_MOST_S: Final = 30.0


class SubscriptionService:
    """Run one in every api copy; the leases see to it that each subscription runs in one of them."""

    def __init__(
        self, store: SubscriptionStore, tail: Tail, leases: Leases, sender: Sender, *, look_s: float = _LOOK_S
    ) -> None:
        self._store = store
        self._tail = tail
        self._leases = leases
        self._sender = sender
        self._look_s = look_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._look_s)
        finally:
            await self._end(list(self._tasks))

    async def _look(self) -> None:
        try:
            kept = await self._store.all()
        except StoreError as error:
            log.warning("subscriptions.wait", error=type(error).__name__)
            return
        wanted = {one.subscription.id for one in kept if one.subscription.enabled}
        await self._end([id for id in self._tasks if id not in wanted])
        for id in wanted - set(self._tasks):
            self._tasks[id] = asyncio.create_task(self._keep(id), name=f"subscription.{id}")

    async def _end(self, ids: list[str]) -> None:
        tasks = [self._tasks.pop(id) for id in ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, id: str) -> None:
        rest = _REST_FIRST_S
        while True:
            with contextlib.suppress(StoreError):
                try:
                    await self._leases.run(f"subscription:{id}", lambda: self._work(id))
                except Exception as error:  # one subscription's trouble is not the others'
                    log.error("subscription.failed", subscription=id, error=type(error).__name__)
            await asyncio.sleep(rest)
            rest = min(rest * 2, _REST_MOST_S)

    async def _work(self, id: str) -> None:
        await Runner(id, self._store, self._tail, self._sender).run()
