"""A small reader of the event streams for consumers in Python: redis-py and msgpack, nothing else.

    reader = Reader(connect("redis://localhost"), positions=load())
    for entry in reader:
        handle(entry.type, entry.event)
        save(reader.positions)

``positions`` says where each stream was left; keep it wherever your results are kept, in the same transaction, and
each event takes effect once. Without positions of your own use a :class:`Group`, which keeps them in Redis.

It is synchronous: a read that is cancelled halfway may have handed a group's entries to nobody, and a thread cannot
be cancelled. In asyncio, call ``read`` through ``asyncio.to_thread``. Against a Cluster give it a ``RedisCluster``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgpack
import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from contracts.streams import AGENT, CONTACT, CONVERSATION, DATA, LAYOUT, LAYOUT_KEY, SEQ, TYPE, all_shards, events

BEGINNING: Final = "0-0"
_BLOCK_MS: Final = 1_000
_SOCKET_TIMEOUT_S: Final = 5.0
"""Longer than a read may wait: redis-py does not make an exception for commands that block."""
_PAUSES_S: Final = (0.005, 0.1)
_CLUSTER: Final = "redis+cluster://"
_TRY_AGAIN: Final = (redis.exceptions.MovedError, redis.exceptions.AskError, redis.exceptions.TryAgainError)

Client = redis.Redis | redis.RedisCluster


class EntriesLost(LookupError):
    """A group's entries were deleted or trimmed before they were acknowledged; nobody will be given them any more.

    Said once; reading on is possible. ``lost`` has (stream, entry id) of each.
    """

    def __init__(self, lost: list[tuple[str, str]]) -> None:
        super().__init__(f"{len(lost)} entries were gone before they were acknowledged, the first {lost[0]}")
        self.lost = lost


@dataclass(frozen=True)
class Entry:
    """One event. ``event`` is decoded when asked for: a dict, times as aware datetimes.

    For the types of :mod:`contracts.events` decode ``data`` with :func:`contracts.codec.decode_event`.
    """

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


def connect(url: str) -> Client:
    """A client as readers need it. ``redis+cluster://host:port,host:port`` for a Cluster.

    redis-py's own retries are off: one of a group's reads whose answer was lost would hide what it was given.
    """
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "socket_timeout": _SOCKET_TIMEOUT_S}
    if not url.startswith(_CLUSTER):
        return redis.Redis.from_url(url, **options)
    pairs = [address.rpartition(":") for address in url.removeprefix(_CLUSTER).split(",")]
    nodes = [ClusterNode(host, int(port)) for host, _, port in pairs]  # type: ignore[no-untyped-call]
    return redis.RedisCluster(startup_nodes=nodes, **options)


class Reader:
    """Follows every event stream of a store. The client must not decode responses (``decode_responses=False``)."""

    def __init__(self, client: Client, positions: Mapping[str, str] | None = None, *, start: str = BEGINNING) -> None:
        self._source = _source(client)
        self.positions = {**dict.fromkeys(streams_of(client), start), **(positions or {})}

    def read(self, count: int = 500, block_ms: int = _BLOCK_MS) -> list[Entry]:
        """What has come since, in order per stream; empty when nothing came in time. ``positions`` move past it.

        ``count`` is the most from each stream. After an error call it again: nothing was lost.
        """
        found, _ = _sorted_out(self._source.ask(("XREAD", "COUNT", count), self.positions, block_ms))
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
    matters, give each consumer streams of its own, or compare ``seq``. Never delete a consumer from a group before
    others have rescued what it had: Redis forgets that with it.
    """

    def __init__(self, client: Client, group: str, consumer: str, *, start: str = "0") -> None:
        self._client = client
        self._source = _source(client)
        self._group = group
        self._consumer = consumer
        self._streams = streams_of(client)
        self._own: dict[str, str] = dict.fromkeys(self._streams, "0")
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
        """First what this consumer was given before and has not acknowledged, then what is new.

        After an error call it again: it begins with what may have been given to us in an answer that never came.

        Raises:
            EntriesLost: some of it was deleted or trimmed meanwhile.
        """
        try:
            return self._own_first(count) or self._take(count, block_ms, dict.fromkeys(self._streams, ">"))[0]
        except redis.RedisError:
            self._own = dict.fromkeys(self._streams, "0")
            raise

    def _own_first(self, count: int) -> list[Entry]:
        while self._own:
            found, lost = self._take(count, None, self._own)
            last = {entry.stream: entry.id for entry in found}
            last |= {stream: id for stream, id in lost if _is_later(id, last.get(stream))}
            self._own = last
            if lost:
                self._forget(lost)
            if found:
                return found
        return []

    def _forget(self, lost: list[tuple[str, str]]) -> None:
        for stream, id in lost:
            _ask(self._client, "XACK", stream, self._group, id)
        self._own = dict.fromkeys(self._streams, "0")
        raise EntriesLost(lost)

    def _take(self, count: int, block_ms: int | None, ids: dict[str, str]) -> _Found:
        command = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count)
        return _sorted_out(self._source.ask(command, ids, block_ms))

    def acknowledge(self, *entries: Entry) -> None:
        """These are done with."""
        for entry in entries:
            _ask(self._client, "XACK", entry.stream, self._group, entry.id)

    def rescue(self, idle_ms: int = 60_000, count: int = 100) -> list[Entry]:
        """Takes over what other consumers were given that long ago and never acknowledged, ``count`` a stream at most.

        Raises:
            EntriesLost: some of it was deleted or trimmed meanwhile. What was taken over comes with the next ``read``.
        """
        found: list[Entry] = []
        lost: list[tuple[str, str]] = []
        for stream in self._streams:
            for answer in self._claims(stream, idle_ms, count):
                found += [_entry(stream, id, fields) for id, fields in answer[1] if fields]
                lost += [(stream, id.decode()) for id in answer[2]]
        if lost:
            self._own = dict.fromkeys(self._streams, "0")
            raise EntriesLost(lost)
        return found

    def _claims(self, stream: str, idle_ms: int, count: int) -> Iterator[Any]:
        cursor = b"0-0"
        while count > 0:
            answer = _ask(
                self._client, "XAUTOCLAIM", stream, self._group, self._consumer, idle_ms, cursor, "COUNT", count
            )
            yield answer
            cursor, count = answer[0], count - len(answer[1])
            if cursor == b"0-0":
                return


def streams_of(client: Client) -> list[str]:
    """The keys of every event stream of the store.

    Raises:
        LookupError: there is no store of this layout (yet).
    """
    count: Any = _ask(client, "HGET", LAYOUT_KEY, "shards")
    if count is None:
        raise LookupError(f"no Madoguchi store of layout {LAYOUT} here: start the service first")
    return [events(shard) for shard in all_shards(int(count))]


# -- asking for many streams at once ---------------------------------------------------------------------------------


class _Single:
    """One server: one command names all streams and waits there."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def ask(self, command: tuple[Any, ...], ids: Mapping[str, str], block_ms: int | None) -> Any:
        block = () if block_ms is None else ("BLOCK", block_ms)
        return _ask(self._client, *command, *block, "STREAMS", *ids, *ids.values())


class _Cluster:
    """Keys of one command must share a slot there, so it is one command a stream, those of a node in one write, again
    and again until something has come: waiting would need a connection for each stream."""

    def __init__(self, client: redis.RedisCluster) -> None:
        self._client = client

    def ask(self, command: tuple[Any, ...], ids: Mapping[str, str], block_ms: int | None) -> Any:
        end = time.monotonic() + (block_ms or 0) / 1000
        pause, longest = _PAUSES_S
        while not (found := self._once(command, ids)) and (left := end - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, longest)
        return found

    def _once(self, command: tuple[Any, ...], ids: Mapping[str, str]) -> list[Any]:
        found: list[Any] = []
        for node, streams in self._by_node(ids).items():
            with self._client.get_redis_connection(node).pipeline(transaction=False) as pipe:
                for stream in streams:
                    _ask(pipe, *command, "STREAMS", stream, ids[stream])
                found += self._told(pipe.execute(raise_on_error=False))
        return found

    def _by_node(self, ids: Mapping[str, str]) -> dict[ClusterNode, list[str]]:
        found: dict[ClusterNode, list[str]] = {}
        for stream in ids:
            node: ClusterNode = self._client.get_node_from_key(stream)  # type: ignore[no-untyped-call]
            found.setdefault(node, []).append(stream)
        return found

    def _told(self, answers: list[Any]) -> Iterator[Any]:
        """What was answered; the next turn asks in the right place for streams that have moved."""
        for answer in answers:
            if isinstance(answer, _TRY_AGAIN):
                self._client.nodes_manager.initialize()
            elif isinstance(answer, Exception):
                raise answer
            elif answer:
                yield from answer.items() if isinstance(answer, dict) else answer


def _source(client: Client) -> _Single | _Cluster:
    return _Cluster(client) if isinstance(client, redis.RedisCluster) else _Single(client)


def _ask(client: Any, *command: Any) -> Any:
    return client.execute_command(*command)


# -- answers ---------------------------------------------------------------------------------------------------------

_Found = tuple[list[Entry], list[tuple[str, str]]]
"""Entries, and those of which only the id is left."""


def _sorted_out(answer: Any) -> _Found:
    found: list[Entry] = []
    lost: list[tuple[str, str]] = []
    for stream, entries in answer.items() if isinstance(answer, dict) else answer or ():
        for id, fields in _flat(entries):
            if fields:
                found.append(_entry(stream.decode(), id, fields))
            else:
                lost.append((stream.decode(), id.decode()))
    return found, lost


def _flat(entries: Any) -> Any:
    # redis-py wraps the entries of a stream in one more list when it speaks RESP3.
    return entries[0] if len(entries) == 1 and entries[0] and isinstance(entries[0][0], list | tuple) else entries


def _is_later(id: str, other: str | None) -> bool:
    return other is None or _number(id) > _number(other)


def _number(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)


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
