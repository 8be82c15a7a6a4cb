"""Tasks of which there is one over all copies: a mailbox poller, a webhook subscription's sender."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from router.shards import keys
from router.store.errors import StoreError
from router.store.store import Store

log = structlog.get_logger("madoguchi.shards")


class Leases:
    """Holds named leases. A lease keeps two copies from doing the same work; it is not what makes the work safe:
    whoever holds one must still write so that a late word of a former holder does no harm."""

    def __init__(self, store: Store, worker: str, *, lease_ms: int = 10_000) -> None:
        self._lane = store.lane("leases")
        self._worker = worker
        self._lease_ms = lease_ms

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs ``work`` whenever this copy holds the lease; ends it when the lease is lost. Returns never by itself."""
        while True:
            if await self._take(name):
                await self._run_held(name, work)
            await asyncio.sleep(self._lease_ms / 4000)

    async def _run_held(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(work())
        keeping = asyncio.create_task(self._keep(name), name=f"lease.{name}")
        try:
            done, _ = await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
            if working in done:
                working.result()
        finally:
            working.cancel()
            keeping.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)
            await self._give_back(name)

    async def _take(self, name: str) -> bool:
        key = keys.single(name)
        try:
            answer = await self._lane.call(key, "SET", key, self._worker, "NX", "PX", self._lease_ms)
            if answer is None:
                return bool(await self._lane.call(key, "GET", key) == self._worker.encode())
        except StoreError:
            return False
        return True

    async def _keep(self, name: str) -> None:
        """Returns when the lease is lost, or could not be renewed for as long as it lasts."""
        key = keys.single(name)
        failures = 0
        while failures < 3:
            await asyncio.sleep(self._lease_ms / 4000)
            try:
                holder = await self._lane.call(key, "GET", key)
                if holder not in (None, self._worker.encode()):
                    log.warning("lease.lost", name=name)
                    return
                await self._lane.call(key, "SET", key, self._worker, "PX", self._lease_ms)
                failures = 0
            except StoreError:
                failures += 1

    async def _give_back(self, name: str) -> None:
        key = keys.single(name)
        try:
            if await self._lane.call(key, "GET", key) == self._worker.encode():
                await self._lane.call(key, "DEL", key)
        except StoreError:
            log.warning("lease.not_given_back", name=name)  # it runs out by itself
