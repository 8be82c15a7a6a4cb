"""Answers that are still good: in this process, bounded, and in the store for the others. Never a reason to fail."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from router.enrich.api import Found
from router.shards import keys
from router.store.errors import StoreError
from router.store.lane import Lane

MOST_BYTES: Final = 4_194_304
"""What a process keeps of all enrichers' answers."""
_ENTRY_BYTES: Final = 300
"""What an entry takes beside its bytes."""


class Cache:
    """``key``: a secret, so that neither contacts nor texts can be read off the keys in the store."""

    def __init__(self, lane: Lane, key: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._lane = lane
        self._key = key
        self._clock = clock
        self._near: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._decoder = msgspec.msgpack.Decoder(Found)

    def name(self, enricher: str, *parts: str) -> str:
        """The key in the store of an answer to these."""
        digest = hmac.new(self._key, "\x00".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256)
        return keys.enriched(enricher, digest.hexdigest()[:40])

    async def get(self, name: str, good_s: int) -> Found | None:
        """The answer, if one is known."""
        near = self._near.get(name)
        if near is not None and near[0] > self._clock():
            self._near.move_to_end(name)
            return self._decoder.decode(near[1])
        try:
            data = await self._lane.call(name, "GET", name)
            found = None if data is None else self._decoder.decode(data)
        except (StoreError, msgspec.DecodeError):
            return None
        if found is not None:
            self._keep(name, data, min(good_s, 60))  # how old it is already is not known
        return found

    async def put(self, name: str, found: Found, good_s: int) -> None:
        """Keeps an answer for so many seconds."""
        data = msgspec.msgpack.encode(found)
        self._keep(name, data, good_s)
        try:
            await self._lane.call(name, "SET", name, data, "EX", good_s)
        except StoreError:
            return  # the others ask for themselves

    @property
    def size(self) -> int:
        """What is kept in this process."""
        return self._bytes

    def _keep(self, name: str, data: bytes, good_s: int) -> None:
        old = self._near.pop(name, None)
        self._bytes += len(data) + _ENTRY_BYTES - (len(old[1]) + _ENTRY_BYTES if old else 0)
        self._near[name] = (self._clock() + good_s, data)
        while self._bytes > MOST_BYTES:
            _, (_, dropped) = self._near.popitem(last=False)
            self._bytes -= len(dropped) + _ENTRY_BYTES
