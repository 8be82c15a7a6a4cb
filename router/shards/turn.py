"""One command's turn: what the rules read and ask for, gathered until the command has succeeded."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from contracts.codec import moment
from contracts.ids import entry_suffix, in_shard
from router.domain.turn import Missing, Table
from router.shards.memory import ABSENT, Memory

T = TypeVar("T")

Rows = dict[str, dict[str, Any]]


class ShardReader:
    """Reads a shard's memory. Unknown values are noted in ``wanted`` and read as None: for finding out what to load."""

    def __init__(self, shard: str, shards: int, memory: Memory, rows: Rows) -> None:
        self.shard = shard
        self.shards = shards
        self.wanted: dict[tuple[str, str], Table[Any]] = {}
        self._memory = memory
        self._rows = rows

    def get(self, table: Table[T], id: str) -> T | None:
        """The value, or None when there is none or it must be loaded first."""
        if table.preload:
            return self._rows[table.name].get(id)
        value = self._memory.get((table.name, id))
        if value is None:
            self.wanted[table.name, id] = table
            return None
        return None if value is ABSENT else value


class ShardTurn:
    """Implements :class:`router.domain.turn.Turn` over a shard's memory. Nothing here touches the memory itself."""

    __slots__ = (
        "_ids",
        "_memory",
        "_now",
        "_number",
        "_rows",
        "_suffix",
        "at_ms",
        "effects",
        "entry",
        "events",
        "indexed",
        "pushed",
        "puts",
        "result",
        "sender",
        "shard",
        "shards",
        "timers",
        "told",
        "unindexed",
    )  # fmt: skip

    def __init__(
        self, shard: str, number: int, shards: int, memory: Memory, rows: Rows, entry: str, at_ms: int,
        sender: str | None,
    ) -> None:  # fmt: skip
        self.shard = shard
        self.shards = shards
        self.entry = entry
        self.at_ms = at_ms
        self.sender = sender
        self.result: dict[str, str] = {}
        self.puts: dict[tuple[str, str], tuple[Table[Any], Any]] = {}
        self.events: list[msgspec.Struct] = []
        self.told: list[tuple[str, msgspec.Struct]] = []
        self.pushed: list[tuple[str, str, str]] = []
        self.indexed: list[tuple[str, str, int]] = []
        self.unindexed: list[tuple[str, str]] = []
        self.timers: dict[str, int | None] = {}
        self.effects: list[object] = []
        self._number = number
        self._memory = memory
        self._rows = rows
        self._ids = 0
        self._now: datetime | None = None
        self._suffix: str | None = None

    @property
    def at(self) -> datetime:
        if self._now is None:
            self._now = moment(self.at_ms)
        return self._now

    def get(self, table: Table[T], id: str) -> T | None:
        put = self.puts.get((table.name, id))
        if put is not None:
            return None if put[1] is ABSENT else put[1]
        if table.preload:
            return self._rows[table.name].get(id)
        value = self._memory.get((table.name, id))
        if value is None:
            raise Missing(table, id)
        return None if value is ABSENT else value

    def new_id(self, kind: str) -> str:
        self._ids += 1
        suffix = entry_suffix(self.entry, self._ids - 1)
        return in_shard(kind, self._number, suffix) if self._number >= 0 else f"{kind}_{suffix}"

    def event_id(self) -> str:
        if self._suffix is None:
            self._suffix = f"{self.shard.replace(':', '')}-{self.entry}-"
        self._ids += 1
        return f"{self._suffix}{self._ids}"

    def put(self, table: Table[T], id: str, value: T) -> None:
        self.puts[table.name, id] = (table, value)

    def drop(self, table: Table[Any], id: str) -> None:
        self.puts[table.name, id] = (table, ABSENT)

    def push(self, name: str, id: str, item: str) -> None:
        self.pushed.append((name, id, item))

    def index(self, name: str, member: str, score: int) -> None:
        self.indexed.append((name, member, score))

    def unindex(self, name: str, member: str) -> None:
        self.unindexed.append((name, member))

    def emit(self, event: msgspec.Struct) -> None:
        self.events.append(event)

    def tell(self, shard: str, command: msgspec.Struct) -> None:
        self.told.append((shard, command))

    def timer(self, key: str, at_ms: int) -> None:
        self.timers[key] = at_ms

    def clear_timer(self, key: str) -> None:
        self.timers[key] = None

    def after(self, effect: object) -> None:
        self.effects.append(effect)
