"""What a former owner of a shard left: sends that it began, and reports that nobody has read yet."""

from __future__ import annotations

import asyncio
from typing import Any

from router.shards import keys
from router.shards.shard import Shard
from router.shards.worker import Worker
from router.store.lane import Lane

_LOOK_S = 0.02


class Lost(Exception):
    """The shard went to somebody else meanwhile; so did its sends."""


class Inheritances:
    """Settled once per take-over, before anything is sent from the shard."""

    def __init__(self, worker: Worker, lane: Lane) -> None:
        self._worker = worker
        self._lane = lane
        self._known: dict[str, tuple[int, asyncio.Task[dict[str, int]]]] = {}

    async def of(self, shard: Shard) -> dict[str, int]:
        """Sends that were begun and not reported, by message id with their attempt.

        Raises:
            Lost: the shard is not ours any more.
            StoreError: the store is away; ask again.
        """
        known = self._known.get(shard.name)
        if known is None or known[0] != shard.standing.epoch or _failed(known[1]):
            task = asyncio.create_task(self._settle(shard), name=f"inherit.{shard.name}")
            known = self._known[shard.name] = (shard.standing.epoch, task)
        return await asyncio.shield(known[1])

    async def _settle(self, shard: Shard) -> dict[str, int]:
        """A report that was appended and not read may be all that is known of a send: it is read first."""
        key = keys.commands(shard.name)
        entries = await self._lane.call(key, "XREVRANGE", key, "+", "-", "COUNT", 1)
        end = _position(entries[0][0]) if entries else (0, 0)
        while await self._cursor(shard) < end:
            if self._worker.owned.get(shard.name) is not shard:
                raise Lost(shard.name)
            await asyncio.sleep(_LOOK_S)
        return await self._worker.begun(shard.name)

    async def _cursor(self, shard: Shard) -> tuple[int, int]:
        key = keys.meta(shard.name)
        cursor = await self._lane.call(key, "HGET", key, "cursor")
        return _position(cursor or b"0-0")

    async def stop(self) -> None:
        """Waits for nothing any more."""
        tasks = [task for _, task in self._known.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _position(id: bytes) -> tuple[int, int]:
    first, _, second = id.partition(b"-")
    return int(first), int(second)
