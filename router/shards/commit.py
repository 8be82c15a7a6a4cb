"""The commit: the one script there is. It checks the owner's epoch and the commit number, then applies listed writes.

Everything a shard changes goes through it: the effects of commands with the new cursor, taking and renewing the
lease, handing over. A commit that finds another epoch or number changes nothing.
"""

from __future__ import annotations

import hashlib
from typing import Final

from router.shards import keys
from router.store.errors import ReplyError, StoreLost
from router.store.lane import Lane

SCRIPT: Final = b"""
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
if (meta[1] or '0') ~= ARGV[1] or (meta[2] or '0') ~= ARGV[2] then
  return {meta[1] or '0', meta[2] or '0'}
end
local i, last = 4, #ARGV
while i <= last do
  local n = tonumber(ARGV[i])
  redis.call(unpack(ARGV, i + 1, i + n))
  i = i + n + 1
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'commit', string.format('%.0f', ARGV[2] + 1))
return 1
"""
DIGEST: Final = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest()

Write = tuple[bytes | str | int, ...]

MOST_ARGUMENTS: Final = 2_000
"""Lua unpacks at most about 8,000 values; longer writes are cut by whoever builds them."""


class Fenced(Exception):
    """Another owner has taken the shard; nothing was applied."""


async def commit(
    lane: Lane, shard: str, epoch: int, number: int, writes: list[Write], *, new_epoch: int | None = None
) -> None:
    """Applies the writes if the shard still stands at (epoch, number); its number is then ``number + 1``.

    A lost reply is settled by asking again: a shard found at (new epoch, number + 1) has it. Waits while the store is
    away.

    Raises:
        Fenced: the shard is somebody else's.
        StoreRefused: the store will not take it (out of memory, disk full); this attempt was not applied.
        StoreUnavailable: the store is away; nothing was applied by this attempt.
        StoreLost: sent twice, never answered; the caller must load the shard again.
    """
    wanted = epoch if new_epoch is None else new_epoch
    arguments = flatten(epoch, number, wanted, writes)
    try:
        answer = await _run(lane, shard, arguments)
    except StoreLost:
        answer = await _run(lane, shard, arguments)
        if answer == [b"%d" % wanted, b"%d" % (number + 1)]:
            return
    if answer != 1:
        raise Fenced(f"{shard} stands at epoch and commit {answer!r}, not {epoch}, {number}")


def flatten(epoch: int, number: int, wanted: int, writes: list[Write]) -> list[bytes | str | int]:
    """The script's arguments: the expected epoch and number, the epoch to leave, and each write with its length."""
    arguments: list[bytes | str | int] = [epoch, number, wanted]
    for write in writes:
        arguments.append(len(write))
        arguments.extend(write)
    return arguments


async def _run(lane: Lane, shard: str, arguments: list[bytes | str | int]) -> object:
    meta = keys.meta(shard)
    try:
        return await lane.call(meta, "EVALSHA", DIGEST, 1, meta, *arguments)
    except ReplyError as error:
        if error.code != "NOSCRIPT":
            raise
    return await lane.call(meta, "EVAL", SCRIPT, 1, meta, *arguments)
