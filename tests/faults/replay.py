"""Replays a store's command streams through fresh rules: the events must be the same bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from contracts.streams import DISPATCH, all_shards, commands, events
from router.domain.conversation.handler import ConversationHandler
from router.domain.conversation.rules import ConversationRules
from router.domain.dispatch.handler import DispatchHandler
from router.domain.turn import Missing, Table
from router.shards.entry import read_entry
from router.shards.shard import Shard, Standing
from router.shards.writes import Writes


class Recorder(Writes):
    """Keeps the bytes of the events instead of writing them."""

    def __init__(self, shard: str, kept: list[bytes]) -> None:
        super().__init__(shard)
        self._kept = kept

    def event(self, event: msgspec.Struct, data: bytes) -> None:
        self._kept.append(data)


def replay(shard: str, shards: int, entries: list[Any], rules: ConversationRules) -> list[bytes]:
    """The events that a shard makes of its command stream, from nothing."""
    handler = DispatchHandler() if shard == DISPATCH else ConversationHandler(rules)
    rows = {table.name: {} for table in handler.tables if table.preload}
    fresh = Shard(shard, shards, handler, Standing(), rows, {}, (), remember=10_000_000)
    kept: list[bytes] = []
    for id, fields in entries:
        flat = [part for pair in fields.items() for part in pair]
        _one(fresh, read_entry(id, flat), kept)
    return kept


def _one(shard: Shard, received: Any, kept: list[bytes]) -> None:
    mark = len(kept)
    while True:
        try:
            shard.handle(received, Recorder(shard.name, kept))
            return
        except Missing as missing:
            # Everything that was ever put is still remembered, so what is missing was never there.
            del kept[mark:]
            shard.learn(_table(missing), missing.id, None)


def _table(missing: Missing) -> Table[Any]:
    return missing.table


async def differences(client: Any, shards: int, rules: ConversationRules) -> list[str]:
    """Shards whose events are not the bytes that a replay makes."""
    found = []
    for shard in all_shards(shards):
        made = replay(shard, shards, await client.xrange(commands(shard)), rules)
        stored = [fields[b"data"] for _, fields in await client.xrange(events(shard))]
        if made != stored:
            same = next((n for n, (a, b) in enumerate(zip(made, stored, strict=False)) if a != b), None)
            at = min(len(made), len(stored)) if same is None else same
            found.append(f"{shard}: {len(made)} made, {len(stored)} stored, the first difference at {at}")
    return found
