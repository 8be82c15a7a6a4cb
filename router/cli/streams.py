"""``madoguchi streams``: how each shard stands."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from contracts.codec import iso, moment
from contracts.streams import all_shards
from router.cli.configuration import config_option, configuration
from router.cli.reach import reach, shard_count
from router.cli.show import Row, json_option, show
from router.settings import Settings
from router.shards import keys
from router.store import Lane

_MOST = 10_000
"""Counting further behind than this helps nobody."""


def configure(parser: argparse.ArgumentParser) -> None:
    config_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    show(asyncio.run(_rows(configuration(arguments))), arguments.json, "no shard")
    return 0


async def _rows(settings: Settings) -> list[Row]:
    async with reach(settings) as store:
        shards = all_shards(await shard_count(store, settings))
        lane = store.lane("cli")
        return list(await asyncio.gather(*(_row(lane, shard) for shard in shards)))


async def _row(lane: Lane, shard: str) -> Row:
    epoch, cursor = await lane.call(keys.meta(shard), "HMGET", keys.meta(shard), "epoch", "cursor")
    owner, commands, events, dead, oldest, waiting = await asyncio.gather(
        lane.call(keys.lease(shard), "GET", keys.lease(shard)),
        _length(lane, keys.commands(shard)),
        _length(lane, keys.events(shard)),
        _length(lane, keys.dead(shard)),
        lane.call(keys.events(shard), "XRANGE", keys.events(shard), "-", "+", "COUNT", 1),
        _waiting(lane, keys.commands(shard), cursor or b"0-0"),
    )
    return {
        "shard": shard,
        "owner": _text(owner),
        "epoch": int(epoch or 0),
        "commands": commands,
        "waiting": waiting[0],
        "waits_since": waiting[1],
        "events": events,
        "oldest_event": _time(oldest[0][0]) if oldest else None,
        "dead": dead,
        "cursor": _text(cursor),
    }


async def _length(lane: Lane, key: str) -> int:
    return int(await lane.call(key, "XLEN", key))


async def _waiting(lane: Lane, key: str, cursor: bytes) -> tuple[int, str | None]:
    """How many entries lie behind the cursor (up to 10,000), and since when the first of them waits."""
    count, first = 0, None
    position = cursor
    while count < _MOST:
        entries = await lane.call(key, "XRANGE", key, b"(" + position, "+", "COUNT", 1000)
        if not entries:
            break
        first = first or _time(entries[0][0])
        count += len(entries)
        position = entries[-1][0]
    return count, first


def _text(value: Any) -> str | None:
    return None if value is None else bytes(value).decode("utf-8", "replace")


def _time(entry: bytes) -> str:
    return iso(moment(int(entry.partition(b"-")[0])))
