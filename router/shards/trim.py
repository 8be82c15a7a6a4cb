"""Keeping things for as long as they should be, and no longer. What somebody has yet to read is not trimmed.

Trimming is idempotent and removes only what no owner will read again, so it needs no fence: a former owner that still
trims does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import structlog

from contracts.streams import conversation_shard
from router.settings.sections import Retention
from router.shards import keys
from router.store.errors import ReplyError, StoreError
from router.store.lane import Lane

log = structlog.get_logger("madoguchi.shards")

FIRST_S: Final = 60.0
EVERY_S: Final = 3_600.0
_DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 5_000
"""Entries that one command removes at most: the server does nothing else meanwhile."""

Position = tuple[int, int]


class MediaFiles(Protocol):
    """Where attachments are."""

    async def forget(self, before: float) -> int: ...


class Janitor:
    """One per worker, for the shards that it owns. What belongs to no shard goes with the first of them.

    ``owned`` gives the names of the shards, ``accounts`` are those whose set-aside payloads are looked after.
    """

    def __init__(
        self,
        lane: Lane,
        owned: Callable[[], Iterable[str]],
        retention: Retention,
        accounts: Sequence[str],
        media: MediaFiles,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lane = lane
        self._owned = owned
        self._retention = retention
        self._accounts = accounts
        self._media = media
        self._clock = clock

    async def run(self) -> None:
        """Sweeps a minute after the start and then every hour, until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("janitor.waits", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> Counter[str]:
        """One round; how many entries and files went, by kind.

        Raises:
            StoreError: the store is away; what was not done is done the next time.
        """
        gone: Counter[str] = Counter()
        owned = list(self._owned())
        for shard in owned:
            gone.update(await self._shard(shard))
        if conversation_shard(0) in owned:
            for account in self._accounts:
                gone["quarantined"] += await self._trim(keys.quarantine(account), self._ago(self._retention.dead_days))
            gone["media"] += await self._media.forget(self._clock() - self._retention.media_days * 86_400)
        for kind, count in gone.items():
            if count:
                log.info("retention.trimmed", kind=kind, count=count)
        return gone

    async def _shard(self, shard: str) -> dict[str, int]:
        retention = self._retention
        read = await self._cursor(shard)
        wanted = await self._wanted(shard)
        return {
            "commands": await self._trim(keys.commands(shard), min(self._ago(retention.commands_days), read)),
            "events": await self._trim(keys.events(shard), min([self._ago(retention.events_days), *wanted])),
            "dead": await self._trim(keys.dead(shard), self._ago(retention.dead_days)),
        }

    def _ago(self, days: int) -> Position:
        return round(self._clock() * 1000) - days * _DAY_MS, 0

    async def _cursor(self, shard: str) -> Position:
        """The last command that was carried out, as committed: nothing after it has been."""
        key = keys.meta(shard)
        return position(await self._lane.call(key, "HGET", key, "cursor") or b"0-0")

    async def _trim(self, key: str, before: Position) -> int:
        """Removes entries older than ``before``: whole nodes of the stream first, then the few that are left."""
        bound, gone = f"{max(0, before[0])}-{before[1]}", 0
        while count := await self._lane.call(key, "XTRIM", key, "MINID", "~", bound, "LIMIT", _AT_ONCE):
            gone += int(count)
        return gone + int(await self._lane.call(key, "XTRIM", key, "MINID", "=", bound))

    # -- readers ----------------------------------------------------------------------------------------------------

    async def _wanted(self, shard: str) -> list[Position]:
        """Where each consumer group has read to, and its oldest entry that is delivered and not acknowledged; either
        only while it is worth waiting for. Redis does not say since when they stand: that is noted beside the stream.
        """
        notes = keys.readers(shard)
        flat = await self._lane.call(notes, "HGETALL", notes)
        noted = dict(zip(flat[::2], flat[1::2], strict=True))
        marks = await self._marks(keys.events(shard))
        if gone := [name for name in noted if name not in marks]:
            await self._lane.call(notes, "HDEL", notes, *gone)
        return [at for name, at in marks.items() if await self._patient(notes, name, at, noted.get(name))]

    async def _marks(self, stream: str) -> dict[bytes, Position]:
        marks: dict[bytes, Position] = {}
        for group, read in await self._groups(stream):
            marks[b"read " + group] = read
            count, lowest, *_ = await self._lane.call(stream, "XPENDING", stream, group)
            if count:
                marks[b"pending " + group] = position(lowest)
        return marks

    async def _groups(self, stream: str) -> list[tuple[bytes, Position]]:
        try:
            answer = await self._lane.call(stream, "XINFO", "GROUPS", stream)
        except ReplyError:  # there is no such stream yet
            return []
        groups = [dict(zip(group[::2], group[1::2], strict=True)) for group in answer]
        return [(group[b"name"], position(group[b"last-delivered-id"])) for group in groups]

    async def _patient(self, notes: str, name: bytes, at: Position, note: bytes | None) -> bool:
        now_ms = round(self._clock() * 1000)
        where, _, since = (note or b"").partition(b" ")
        if note is not None and position(where) == at:
            return now_ms - int(since) <= 2 * self._retention.events_days * _DAY_MS
        await self._lane.call(notes, "HSET", notes, name, f"{at[0]}-{at[1]} {now_ms}")
        return True


def position(id: Any) -> Position:
    """An entry id, comparable."""
    first, _, second = bytes(id).partition(b"-")
    return int(first), int(second or 0)
