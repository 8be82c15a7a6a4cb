"""Reading committed state straight from the store, for those who do not own the shard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from router.domain.turn import Table
from router.shards import keys
from router.shards.entry import RAW
from router.shards.takeover import read_value
from router.store.store import Store

T = TypeVar("T")


class StateReader:
    """Reads; the calls of one loop tick leave in one write.

    Raises (every method):
        StoreError: the store is away.
        StateError: a stored value cannot be read.
    """

    def __init__(self, store: Store, shards: int) -> None:
        self.shards = shards
        self._lane = store.lane("shards.state")

    async def get(self, shard: str, table: Table[T], id: str) -> T | None:
        """One value; None when there is none."""
        if table.preload:
            key = keys.rows(shard, table.name)
            data = await self._lane.call(key, "HGET", key, id)
        else:
            key = keys.row(shard, table.name, id)
            data = await self._lane.call(key, "GET", key)
        return None if data is None else read_value(shard, table, id, data)

    async def many(self, wanted: Sequence[tuple[str, Table[Any], str]]) -> list[Any]:
        """Values by (shard, table, id), in order, None where there is none."""
        return list(await asyncio.gather(*(self.get(*one) for one in wanted)))

    async def rows(self, shard: str, table: Table[T]) -> dict[str, T]:
        """All values of a preloaded table, by id."""
        key = keys.rows(shard, table.name)
        flat = await self._lane.call(key, "HGETALL", key)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {id.decode(): read_value(shard, table, id.decode(), data) for id, data in pairs}

    async def log(self, shard: str, name: str, id: str, start: int, stop: int) -> list[str]:
        """Items ``start`` to ``stop`` (both included, negative from the end) of a list."""
        key = keys.listing(shard, name, id)
        return [item.decode() for item in await self._lane.call(key, "LRANGE", key, start, stop)]

    async def index(
        self, shard: str, name: str, *, newest_first: bool = True, limit: int = 100, before: int | None = None
    ) -> list[tuple[str, int]]:
        """Members with their scores. ``before``: only scores below it (above it when oldest come first)."""
        key = keys.index(shard, name)
        bound = "+inf" if newest_first else "-inf"
        first = bound if before is None else f"({before}"
        command = ("ZREVRANGEBYSCORE", key, first, "-inf") if newest_first else ("ZRANGEBYSCORE", key, first, "+inf")
        flat = await self._lane.call(key, *command, "WITHSCORES", "LIMIT", 0, limit)
        return [(member.decode(), int(float(score))) for member, score in zip(flat[::2], flat[1::2], strict=True)]

    async def command_raw(self, shard: str, entry: str) -> bytes | None:
        """The provider's payload kept beside a command; None when it is gone or there was none."""
        key = keys.commands(shard)
        for _, fields in await self._lane.call(key, "XRANGE", key, entry, entry):
            raw: bytes | None = dict(zip(fields[::2], fields[1::2], strict=True)).get(RAW)
            return raw
        return None
