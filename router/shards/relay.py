"""The relay: posts what shards have committed for each other, in order, until it is in the other's stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import structlog

from router.shards import keys
from router.shards.entry import DATA, NUMBER, RAW, SENDER
from router.shards.shard import Relayed, Shard
from router.store.errors import StoreError
from router.store.lane import Lane

log = structlog.get_logger("madoguchi.shards")


class Relay:
    """One for a worker's shards. A lost reply means posting again; the receiver drops what it has seen."""

    def __init__(self, lane: Lane, shards: Callable[[], Iterable[Shard]]) -> None:
        self._lane = lane
        self._shards = shards
        self._wake = asyncio.Event()
        self._posting = asyncio.Lock()

    def wake(self) -> None:
        """There may be something to post."""
        self._wake.set()

    async def run(self) -> None:
        """Posts until cancelled; while the store is away it waits and tries again."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.post()
            except StoreError as error:
                log.warning("relay.waits", error=type(error).__name__)
                await asyncio.sleep(0.2)
                self._wake.set()

    async def post(self) -> None:
        """Posts all that is committed and not posted yet, each shard's entries in order."""
        async with self._posting:  # twice at once would count what is posted twice
            waiting = [shard for shard in self._shards() if shard.postable > shard.posted]
            results = await asyncio.gather(*map(self._post_shard, waiting), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _post_shard(self, shard: Shard) -> None:
        entries = list(islice(shard.outbox, shard.posted, shard.postable))
        # All are sent in one write; the first failure leaves the rest to be posted again after it, in order.
        calls = [self._call(shard.name, entry) for entry in entries]
        results = await asyncio.gather(*calls, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
            shard.posted += 1

    def _call(self, sender: str, entry: Relayed) -> asyncio.Future[Any]:
        number, target, data, raw = entry
        key = keys.commands(target)
        fields: list[bytes | str | int] = [DATA, data, SENDER, sender, NUMBER, number]
        if raw is not None:
            fields += (RAW, raw)
        return self._lane.call(key, "XADD", key, "*", *fields)
