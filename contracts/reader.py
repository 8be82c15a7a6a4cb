"""A small reader of the event streams for consumers in Python: redis-py and msgpack, nothing else.

    reader = Reader(redis.Redis.from_url("redis://localhost"), positions=load())
    for entry in reader:
        handle(entry.type, entry.event)
        save(reader.positions)

``positions`` says where each stream was left; keep it wherever your results are kept, in the same transaction, and
each event takes effect once. Without positions of your own use a :class:`Group`, which keeps them in Redis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgpack
import redis

from contracts.streams import AGENT, CONTACT, CONVERSATION, DATA, LAYOUT, SEQ, TYPE, all_shards, events

BEGINNING: Final = "0-0"
_BLOCK_MS: Final = 1_000


@dataclass(frozen=True)
class Entry:
    """One event. ``event`` is decoded when asked for: a dict, times as aware datetimes."""

    stream: str
    id: str
    type: str
    conversation: str | None
    contact: str | None
    agent: str | None
    seq: int | None
    data: bytes

    @cached_property
    def event(self) -> dict[str, Any]:
        """The whole event."""
        found: dict[str, Any] = msgpack.unpackb(self.data, timestamp=3)
        return found


class Reader:
    """Follows every event stream of a store. The client must not decode responses (``decode_responses=False``)."""

    def __init__(
        self, client: redis.Redis, positions: Mapping[str, str] | None = None, *, start: str = BEGINNING
    ) -> None:
        self._client = client
        self.positions = {**dict.fromkeys(streams_of(client), start), **(positions or {})}

    def read(self, count: int = 500, block_ms: int = _BLOCK_MS) -> list[Entry]:
        """What has come since, in order per stream; empty when nothing came in time. ``positions`` move past it."""
        answer = _ask(
            self._client,
            "XREAD",
            "COUNT",
            count,
            "BLOCK",
            block_ms,
            "STREAMS",
            *self.positions,
            *self.positions.values(),
        )
        found = _entries(answer)
        self.positions.update((entry.stream, entry.id) for entry in found)
        return found

    def __iter__(self) -> Iterator[Entry]:
        """Events for ever. An entry's position counts as read once the next one is asked for."""
        while True:
            before = dict(self.positions)
            found = self.read()
            after, self.positions = self.positions, before
            for entry in found:
                yield entry
                self.positions[entry.stream] = entry.id
            self.positions = after


class Group:
    """One of several consumers that share the work. What it was given and did not acknowledge is given again.

    Consumers of one group work side by side, so events of one conversation may be handled out of order; where order
    matters, give each consumer streams of its own, or compare ``seq``.
    """

    def __init__(self, client: redis.Redis, group: str, consumer: str, *, start: str = "0") -> None:
        self._client = client
        self._group = group
        self._consumer = consumer
        self._streams = streams_of(client)
        self._own: dict[str, str] | None = dict.fromkeys(self._streams, "0")
        for stream in self._streams:
            self._create(stream, start)

    def _create(self, stream: str, start: str) -> None:
        # From the beginning unless told: Redis's own default, the end, would skip what is there already.
        try:
            _ask(self._client, "XGROUP", "CREATE", stream, self._group, start, "MKSTREAM")
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read(self, count: int = 100, block_ms: int = _BLOCK_MS) -> list[Entry]:
        """First what this consumer was given before and has not acknowledged, then what is new."""
        if self._own is not None:
            found = self._take(count, None, self._own)
            self._own.update((entry.stream, entry.id) for entry in found)
            if found:
                return found
            self._own = None
        return self._take(count, block_ms, dict.fromkeys(self._streams, ">"))

    def _take(self, count: int, block_ms: int | None, ids: dict[str, str]) -> list[Entry]:
        block = () if block_ms is None else ("BLOCK", block_ms)
        answer = _ask(
            self._client,
            "XREADGROUP",
            "GROUP",
            self._group,
            self._consumer,
            "COUNT",
            count,
            *block,
            "STREAMS",
            *ids,
            *ids.values(),
        )
        return _entries(answer)

    def acknowledge(self, *entries: Entry) -> None:
        """These are done with."""
        for entry in entries:
            _ask(self._client, "XACK", entry.stream, self._group, entry.id)

    def rescue(self, idle_ms: int = 60_000, count: int = 100) -> list[Entry]:
        """Takes over what other consumers were given that long ago and never acknowledged."""
        found: list[Entry] = []
        for stream in self._streams:
            answer = _ask(self._client, "XAUTOCLAIM", stream, self._group, self._consumer, idle_ms, "0", "COUNT", count)
            found += [_entry(stream, id, fields) for id, fields in answer[1] if fields]
        return found


def streams_of(client: redis.Redis) -> list[str]:
    """The keys of every event stream of the store.

    Raises:
        LookupError: there is no store of this layout (yet).
    """
    count: Any = _ask(client, "HGET", f"{LAYOUT}:layout", "shards")
    if count is None:
        raise LookupError(f"no Madoguchi store of layout {LAYOUT} here: start the service first")
    return [events(shard) for shard in all_shards(int(count))]


def _ask(client: redis.Redis, *command: Any) -> Any:
    return client.execute_command(*command)  # type: ignore[no-untyped-call]


def _entries(answer: Any) -> list[Entry]:
    pairs = answer.items() if isinstance(answer, dict) else answer or ()
    return [_entry(stream.decode(), id, fields) for stream, entries in pairs for id, fields in _flat(entries) if fields]


def _flat(entries: Any) -> Any:
    # redis-py wraps the entries of a stream in one more list when it speaks RESP3.
    return entries[0] if len(entries) == 1 and entries[0] and isinstance(entries[0][0], list | tuple) else entries


def _entry(stream: str, id: bytes, fields: Any) -> Entry:
    values = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))

    def text(name: str) -> str | None:
        value = values.get(name.encode())
        return None if value is None else value.decode()

    seq = text(SEQ)
    return Entry(
        stream, id.decode(), text(TYPE) or "", text(CONVERSATION), text(CONTACT), text(AGENT),
        None if seq is None else int(seq), values.get(DATA.encode(), b""),
    )  # fmt: skip
