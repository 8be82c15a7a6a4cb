"""Turns what the rules asked for into the fewest Redis writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from contracts import streams
from contracts.codec import encode
from router.domain.turn import Table
from router.shards import keys
from router.shards.commit import MOST_ARGUMENTS, Write
from router.shards.entry import Received
from router.shards.memory import ABSENT
from router.shards.turn import ShardTurn


@dataclass(frozen=True, slots=True)
class Packed:
    """The bytes of what one command puts, emits and tells, each in its order. A put of None drops the value."""

    puts: list[bytes | None]
    events: list[bytes]
    told: list[bytes]


def pack(turn: ShardTurn) -> Packed:
    """Packs everything before anything takes effect, so that what no bytes can hold is a command that failed."""
    return Packed(
        [None if value is ABSENT else encode(value) for _, value in turn.puts.values()],
        [encode(event) for event in turn.events],
        [encode(command) for _, command in turn.told],
    )


class Writes:
    """The writes of one batch of commands of one shard. A value put twice is written once."""

    def __init__(self, shard: str) -> None:
        self._shard = shard
        self._values: dict[str, bytes | None] = {}
        self._expiring: dict[str, tuple[int, bytes]] = {}
        self._fields: dict[str, dict[str, bytes | None]] = {}
        self._lists: dict[str, list[str]] = {}
        self._scores: dict[str, dict[str, int | None]] = {}
        self._appends: list[Write] = []
        self._events = keys.events(shard)

    def put(self, table: Table[Any], id: str, data: bytes | None) -> None:
        if table.preload:
            self._fields.setdefault(keys.rows(self._shard, table.name), {})[id] = data
        elif table.ttl_s is not None and data is not None:
            self._expiring[keys.row(self._shard, table.name, id)] = (table.ttl_s, data)
        else:
            key = keys.row(self._shard, table.name, id)
            self._expiring.pop(key, None)
            self._values[key] = data

    def push(self, name: str, id: str, item: str) -> None:
        self._lists.setdefault(keys.listing(self._shard, name, id), []).append(item)

    def score(self, name: str, member: str, score: int | None) -> None:
        self._scores.setdefault(keys.index(self._shard, name), {})[member] = score

    def timer(self, key: str, at_ms: int | None) -> None:
        self._scores.setdefault(keys.timers(self._shard), {})[key] = at_ms

    def event(self, event: msgspec.Struct, data: bytes) -> None:
        """An entry with its skimming fields and its bytes."""
        write: list[bytes | str | int] = ["XADD", self._events, "*", streams.TYPE, str(event.__struct_config__.tag)]
        for name in (streams.CONVERSATION, streams.CONTACT, streams.AGENT, streams.SEQ):
            value = getattr(event, name)
            if value is not None:
                write += (name, value)
        write += (streams.DATA, data)
        self._appends.append(tuple(write))

    def relay(self, number: int, target: str, command: bytes, raw: bytes | None) -> None:
        entry = encode((number, target, command, raw))
        self._lists.setdefault(keys.outbox(self._shard), []).append(entry)  # type: ignore[arg-type]

    def dead(self, received: Received, reason: str) -> None:
        write: list[bytes | str | int] = [
            "XADD", keys.dead(self._shard), "*", "entry", received.id, "reason", reason, "data", received.data,
        ]  # fmt: skip
        if received.raw is not None:
            write += ("raw", received.raw)
        if received.sender is not None:
            write += ("from", received.sender)
        self._appends.append(tuple(write))

    def build(self) -> list[Write]:
        """The writes, values first and stream entries last, each short enough for the script."""
        put = [(key, value) for key, value in self._values.items() if value is not None]
        writes: list[Write] = [("MSET", *(item for pair in chunk for item in pair)) for chunk in _chunks(put)]
        gone = [key for key, value in self._values.items() if value is None]
        writes.extend(("DEL", *chunk) for chunk in _chunks(gone))
        writes.extend(("SET", key, data, "EX", ttl) for key, (ttl, data) in self._expiring.items())
        for key, fields in self._fields.items():
            writes.extend(_hash_writes(key, fields))
        for key, items in self._lists.items():
            writes.extend(("RPUSH", key, *chunk) for chunk in _chunks(items))
        for key, scores in self._scores.items():
            writes.extend(_score_writes(key, scores))
        return writes + self._appends


def _hash_writes(key: str, fields: dict[str, bytes | None]) -> list[Write]:
    put = [(field, value) for field, value in fields.items() if value is not None]
    gone = [field for field, value in fields.items() if value is None]
    writes: list[Write] = [("HSET", key, *(item for pair in chunk for item in pair)) for chunk in _chunks(put)]
    writes.extend(("HDEL", key, *chunk) for chunk in _chunks(gone))
    return writes


def _score_writes(key: str, scores: dict[str, int | None]) -> list[Write]:
    put = [(score, member) for member, score in scores.items() if score is not None]
    gone = [member for member, score in scores.items() if score is None]
    writes: list[Write] = [("ZADD", key, *(item for pair in chunk for item in pair)) for chunk in _chunks(put)]
    writes.extend(("ZREM", key, *chunk) for chunk in _chunks(gone))
    return writes


def _chunks(items: list[Any]) -> list[list[Any]]:
    size = MOST_ARGUMENTS // 2
    return [items[start : start + size] for start in range(0, len(items), size)]
