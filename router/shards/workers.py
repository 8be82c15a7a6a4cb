"""Which workers live, and which shards are whose: rendezvous hashing over the live ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from router.shards import keys
from router.store.lane import Lane


def share(worker: str, workers: Iterable[str], shards: Sequence[str]) -> set[str]:
    """The shards that ``worker`` should own. Every worker comes to the same answer; when one comes or goes, only its
    own share moves."""
    names = sorted(set(workers) | {worker})
    return {shard for shard in shards if max(names, key=lambda name: _weight(name, shard)) == worker}


def _weight(worker: str, shard: str) -> bytes:
    return hashlib.blake2b(f"{worker}/{shard}".encode(), digest_size=8).digest()


async def store_time(lane: Lane) -> int:
    """The store's clock, in milliseconds: the only one that all copies share."""
    seconds, micros = await lane.call(keys.WORKERS, "TIME")
    return int(seconds) * 1000 + int(micros) // 1000


async def beat(lane: Lane, worker: str, alive_ms: int) -> list[str]:
    """Says that this worker lives, and returns who else has said so within ``alive_ms``."""
    now = await store_time(lane)
    said = lane.call(keys.WORKERS, "ZADD", keys.WORKERS, now, worker)
    trimmed = lane.call(keys.WORKERS, "ZREMRANGEBYSCORE", keys.WORKERS, "-inf", now - 10 * alive_ms)
    alive = await lane.call(keys.WORKERS, "ZRANGEBYSCORE", keys.WORKERS, now - alive_ms, "+inf")
    await said
    await trimmed
    return [name.decode() for name in alive]


async def leave(lane: Lane, worker: str) -> None:
    """This worker goes; the others need not wait for its silence."""
    await lane.call(keys.WORKERS, "ZREM", keys.WORKERS, worker)
