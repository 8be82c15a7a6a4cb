"""Taking a shard: the lease and the epoch first, then everything the owner must hold in memory."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec

from contracts.codec import CodecError, decode
from router.domain.turn import Handler, Table
from router.shards import keys
from router.shards.commit import Fenced, Write, commit
from router.shards.shard import Relayed, Shard, Standing
from router.shards.turn import Rows
from router.store.lane import Lane

_relayed = msgspec.msgpack.Decoder(tuple[int, str, bytes, bytes | None])


class StateError(Exception):
    """Stored state that cannot be read, and a person has to look. Found while a shard is taken it is not taken; found
    later it costs only the commands that need it."""


async def take(
    lane: Lane, shard: str, shards: int, handler: Handler, worker: str, lease_ms: int, remember: int
) -> Shard | None:
    """Takes the shard when nobody else holds its lease, and loads it; None when somebody does.

    Raises:
        StateError: a stored value is not what it should be.
        StoreError: the store is away.
    """
    meta, lease = await asyncio.gather(
        lane.call(keys.meta(shard), "HGETALL", keys.meta(shard)),
        lane.call(keys.lease(shard), "GET", keys.lease(shard)),
    )
    if lease is not None and lease != worker.encode():
        return None
    standing = read_standing(meta)
    owner = f"{worker}/{secrets.token_hex(8)}"
    writes = [lease_write(shard, worker, lease_ms), ("HSET", keys.meta(shard), "owner", owner)]
    try:
        await commit(lane, shard, standing.epoch, standing.commit, writes, new_epoch=standing.epoch + 1)
    except Fenced:
        return None
    # Read again: what was committed between the first look and the new epoch counts. The epoch alone does not say whose
    # it is: when our answer was lost somebody else may have come to the same numbers, or have come after us.
    meta = await lane.call(keys.meta(shard), "HGETALL", keys.meta(shard))
    if owner.encode() not in meta[1::2]:
        return None
    standing = read_standing(meta)
    rows = await _load_rows(lane, shard, handler.tables)
    return Shard(
        shard, shards, handler, standing, rows, await _load_timers(lane, shard), await _load_outbox(lane, shard),
        remember=remember,
    )  # fmt: skip


def lease_write(shard: str, worker: str, lease_ms: int) -> Write:
    """Takes or renews the lease, as part of a commit."""
    return ("SET", keys.lease(shard), worker, "PX", lease_ms)


def release_write(shard: str) -> Write:
    """Gives the lease back, as part of a commit."""
    return ("DEL", keys.lease(shard))


def read_standing(flat: list[bytes]) -> Standing:
    """A shard's standing from its meta hash; a shard never used stands at zero."""
    fields = {key.decode(): value.decode() for key, value in zip(flat[::2], flat[1::2], strict=True)}
    return Standing(
        epoch=int(fields.get("epoch", 0)),
        commit=int(fields.get("commit", 0)),
        cursor=fields.get("cursor", "0-0"),
        sent=_numbers(fields, "sent:"),
        seen=_numbers(fields, "seen:"),
    )


def _numbers(fields: dict[str, str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in fields.items() if name.startswith(prefix)}


async def _load_rows(lane: Lane, shard: str, tables: Any) -> Rows:
    rows: Rows = {}
    for table in tables:
        if table.preload:
            key = keys.rows(shard, table.name)
            flat = await lane.call(key, "HGETALL", key, timeout=60)
            pairs = zip(flat[::2], flat[1::2], strict=True)
            rows[table.name] = {id.decode(): read_value(shard, table, id.decode(), data) for id, data in pairs}
    return rows


def read_value(shard: str, table: Table[Any], id: str, data: bytes) -> Any:
    """A stored value.

    Raises:
        StateError: it is not one; the message names the key.
    """
    try:
        return decode(data, table.kind)
    except CodecError as error:
        raise StateError(f"{keys.row(shard, table.name, id)} cannot be read: {error}") from None


async def _load_timers(lane: Lane, shard: str) -> dict[str, int]:
    key = keys.timers(shard)
    flat = await lane.call(key, "ZRANGE", key, 0, -1, "WITHSCORES", timeout=60)
    return {name.decode(): int(float(due)) for name, due in zip(flat[::2], flat[1::2], strict=True)}


async def _load_outbox(lane: Lane, shard: str) -> list[Relayed]:
    key = keys.outbox(shard)
    return [_relayed.decode(entry) for entry in await lane.call(key, "LRANGE", key, 0, -1, timeout=60)]
