"""Appending commands to shards: everything asked for in one loop tick leaves in one write."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from contracts.codec import encode
from router.shards import keys
from router.shards.entry import DATA, RAW
from router.store.lane import Lane
from router.store.store import Store


class Appender:
    """Appends durably: when ``append`` returns, the command will be carried out."""

    def __init__(self, store: Store) -> None:
        self._lane: Lane = store.lane("shards.append", durable=True)

    async def append(self, shard: str, command: msgspec.Struct, raw: bytes | None = None) -> str:
        """The entry id. ``raw``: the provider's own payload, kept beside the command.

        Raises:
            StoreUnavailable, StoreRefused: it was not appended.
            StoreLost: it may have been. Appending again is harmless for whatever is received from a provider or has
                a command id: the shard takes the first.
        """
        entry: bytes = await self.send(shard, command, raw)
        return entry.decode("ascii")

    def send(self, shard: str, command: msgspec.Struct, raw: bytes | None = None) -> asyncio.Future[Any]:
        """The same as a future of the raw entry id: for appending several in one go."""
        key = keys.commands(shard)
        if raw is None:
            return self._lane.call(key, "XADD", key, "*", DATA, encode(command))
        return self._lane.call(key, "XADD", key, "*", DATA, encode(command), RAW, raw)
