"""The tail: every event stream read once per process, and fanned out to whoever follows.

A follower gets each event once, in the order of its stream. It can stop and resume from the token of the last event
it has seen; what happened in between is read from the streams.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgpack
import structlog

from contracts import streams
from contracts.codec import decode_event
from router.shards import keys
from router.store.errors import StoreError
from router.store.store import Store

log = structlog.get_logger("madoguchi.shards")

Position = tuple[int, int]
"""A stream entry id: milliseconds and number."""

_BLOCK_MS: Final = 1_000
_PAGE: Final = 500
QUEUE: Final = 10_000
"""Events that wait for one follower at most."""


_NOBODY: Final[frozenset[Follower]] = frozenset()


class TooSlow(Exception):
    """The follower did not keep up; it can resume from the last token it has seen."""


class TokenError(ValueError):
    """The text is no token of this store."""


class Entry:
    """One event as it stands in its stream; decoded only when asked for."""

    __slots__ = ("_event", "_fields", "_positions", "agent", "contact", "conversation", "id", "shard", "type")

    def __init__(self, shard: str, id: str, fields: list[bytes], positions: tuple[Position, ...]) -> None:
        values = dict(zip(fields[::2], fields[1::2], strict=False))
        self.shard = shard
        self.id = id
        self.type = _text(values.get(b"type")) or ""
        self.conversation = _text(values.get(b"conversation"))
        self.contact = _text(values.get(b"contact"))
        self.agent = _text(values.get(b"agent"))
        self._fields = values
        self._positions = positions
        self._event: Any = None

    @property
    def seq(self) -> int | None:
        """The number within the conversation."""
        value = self._fields.get(b"seq")
        return None if value is None else int(value)

    @property
    def data(self) -> bytes:
        """The event's msgpack bytes."""
        return self._fields.get(b"data", b"")

    @property
    def event(self) -> Any:
        """The event; ``contracts.codec.Unknown`` for a type that this version does not know."""
        if self._event is None:
            self._event = decode_event(self.data)
        return self._event

    @property
    def keys(self) -> list[str]:
        """What a follower can want it by."""
        found = [key for key in (self.conversation, self.contact, self.agent) if key is not None]
        if self.type.startswith("identity."):
            found.append(self.event.identity.key)
        elif self.type == "contact.merged":
            found.append(self.event.merged)
        elif self.type == "conversation.consulted":
            found.append(self.event.consultant)
        return found

    @property
    def token(self) -> str:
        """Resume after this entry."""
        return encode_token(self._positions)


class Index:
    """Who wants what, so that an event costs only those who want it."""

    def __init__(self) -> None:
        self.count = 0
        """Followers there are."""
        self.everything: set[Follower] = set()
        self.by_key: dict[str, set[Follower]] = {}

    def wanted(self) -> bool:
        """Is there anybody?"""
        return self.count > 0

    def add(self, follower: Follower) -> None:
        """A follower without keys wants everything."""
        if follower.keys is None:
            self.everything.add(follower)

    def forget(self, key: str, follower: Follower) -> None:
        """It does not want the key any more."""
        followers = self.by_key.get(key, set())
        followers.discard(follower)
        if not followers:
            self.by_key.pop(key, None)

    def give(self, entry: Entry) -> None:
        """Offers the entry once to everybody who wants it."""
        wanting = set(self.everything)
        if self.by_key:
            for key in entry.keys:
                wanting |= self.by_key.get(key, _NOBODY)
        for follower in wanting:
            follower.offer(entry)


class Follower:
    """One reader of the tail. ``keys``: conversations, contacts, agents and identity keys it wants, to be changed with
    ``watch`` and ``unwatch`` while it follows; None means everything."""

    def __init__(self, index: Index, accept: Callable[[Entry], bool] | None, keys: Iterable[str] | None) -> None:
        self.keys: set[str] | None = None if keys is None else set()
        self._accept = accept
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._slow = False
        self._index = index
        index.add(self)
        index.count += 1
        for key in keys or ():
            self.watch(key)

    def watch(self, key: str) -> None:
        """From now on events of this conversation, contact, agent or identity are wanted too."""
        if self.keys is not None:
            self.keys.add(key)
            self._index.by_key.setdefault(key, set()).add(self)

    def unwatch(self, key: str) -> None:
        """They no longer are."""
        if self.keys is not None and key in self.keys:
            self.keys.discard(key)
            self._index.forget(key, self)

    def close(self) -> None:
        """Wants nothing any more."""
        for key in list(self.keys or ()):
            self.unwatch(key)
        self._index.everything.discard(self)
        self._index.count -= 1

    def offer(self, entry: Entry) -> None:
        """Queues the entry if it is wanted."""
        if not self.wants(entry):
            return
        if self._queue.qsize() >= QUEUE:
            self._slow = True
        else:
            self._queue.put_nowait(entry)

    def wants(self, entry: Entry) -> bool:
        """Is it one of ours?"""
        if self.keys is not None and self.keys.isdisjoint(entry.keys):
            return False
        return self._accept is None or self._accept(entry)

    def forget(self) -> None:
        """Drops what waits."""
        self._queue = asyncio.Queue()
        self._slow = False

    async def next(self) -> Entry:
        """The next live entry.

        Raises:
            TooSlow: some were lost to this follower because its queue was full.
        """
        if self._slow and self._queue.empty():
            raise TooSlow(f"more than {QUEUE} events waited for one follower")
        return await self._queue.get()


class Tail:
    """One per process. ``run`` reads; ``follow`` gives."""

    def __init__(self, store: Store, shards: int) -> None:
        self._names = streams.all_shards(shards)
        self._store = store
        self._lane = store.lane("tail.read")
        self._positions: list[Position] = [(0, 0)] * len(self._names)
        self._places = {keys.events(name).encode(): place for place, name in enumerate(self._names)}
        self._index = Index()
        self._listeners: dict[str, list[Callable[[Entry], None]]] = {}
        self._ready = asyncio.Event()
        self._wanted = asyncio.Event()
        self._reading = False
        self._lanes = {name: store.lane(f"tail.{name}") for name in self._names} if store.is_cluster else {}

    # -- reading ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reads until cancelled, as long as anybody wants to know: reading every event is dear. While the store is away
        it waits, and then goes on where it was."""
        while True:
            await self._wanted.wait()
            await self._start()
            self._reading = True
            await self._read_while_wanted()

    async def _read_while_wanted(self) -> None:
        if self._store.is_cluster:
            async with asyncio.TaskGroup() as group:
                for name in self._names:
                    group.create_task(self._read_on(self._lanes[name], [name]), name=f"tail.{name}")
        else:
            await self._read_on(self._lane, self._names)

    async def started(self) -> None:
        """Returns when the tail reads. Follow or listen first: the tail sleeps while nobody wants to know."""
        await self._ready.wait()

    async def _start(self) -> None:
        while not self._ready.is_set():
            try:
                ends = await asyncio.gather(*map(self._end, self._names))
            except StoreError as error:
                log.warning("tail.waits", error=type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                self._positions[:] = ends
                self._ready.set()

    async def _end(self, name: str) -> Position:
        key = keys.events(name)
        entries = await self._lane.call(key, "XREVRANGE", key, "+", "-", "COUNT", 1)
        return _position(entries[0][0]) if entries else (0, 0)

    async def _read_on(self, lane: Any, names: list[str]) -> None:
        while self._goes_on():
            try:
                await self._read(lane, names)
            except StoreError as error:
                log.warning("tail.waits", error=type(error).__name__)
                await asyncio.sleep(0.2)

    def _goes_on(self) -> bool:
        """Whether there is anybody to read for. Decided once for all readers of a cluster, so that none has ended when
        somebody comes; whoever comes later waits until all begin again."""
        if self._reading and not (self._listeners or self._index.wanted()):
            self._reading = False
            self._ready.clear()
            self._wanted.clear()
        return self._reading

    async def _read(self, lane: Any, names: list[str]) -> None:
        wanted = [keys.events(name) for name in names]
        after = [_id(self._positions[self._places[key.encode()]]) for key in wanted]
        answer = await lane.call(
            wanted[0], "XREAD", "COUNT", _PAGE, "BLOCK", _BLOCK_MS, "STREAMS", *wanted, *after,
            timeout=_BLOCK_MS / 1000 + 4,
        )  # fmt: skip
        for key, entries in answer or ():
            place = self._places[key]
            for id, fields in entries:
                self._positions[place] = _position(id)
                self._give(Entry(self._names[place], id.decode(), fields, tuple(self._positions)))

    def _give(self, entry: Entry) -> None:
        for listener in self._listeners.get(entry.type, ()):
            listener(entry)
        self._index.give(entry)

    # -- giving -----------------------------------------------------------------------------------------------------

    def listen(self, type: str, listener: Callable[[Entry], None]) -> None:
        """Calls ``listener`` for every live event of the type; it must not raise or block."""
        self._listeners.setdefault(type, []).append(listener)
        self._wanted.set()

    def now(self) -> str:
        """The token of the present, while the tail reads."""
        return encode_token(tuple(self._positions))

    @contextmanager
    def follower(
        self, accept: Callable[[Entry], bool] | None = None, keys: Iterable[str] | None = None
    ) -> Iterator[Follower]:
        """A follower of live events, from when the tail has started."""
        follower = Follower(self._index, accept, keys)
        self._wanted.set()
        try:
            yield follower
        finally:
            follower.close()

    async def follow(
        self,
        *,
        after: str | None = None,
        accept: Callable[[Entry], bool] | None = None,
        keys: Iterable[str] | None = None,
    ) -> AsyncIterator[Entry]:
        """Events as they come; with ``after``, first everything since that token.

        Raises:
            TokenError: ``after`` is no token of this store.
            TooSlow: the caller did not keep up.
        """
        with self.follower(accept, keys) as follower:
            async for entry in self.entries(follower, after):
                yield entry

    async def entries(self, follower: Follower, after: str | None = None) -> AsyncIterator[Entry]:
        """What ``follow`` gives, for a follower that changes what it watches. Raises what ``follow`` raises."""
        since = None if after is None else decode_token(after, len(self._names))
        await self.started()
        if since is not None:
            follower.forget()  # what has come meanwhile is read from the streams, in its place
            async for entry in self._missed(since, tuple(self._positions)):
                if follower.wants(entry):
                    yield entry
        while True:
            yield await follower.next()

    async def _missed(self, since: tuple[Position, ...], until: tuple[Position, ...]) -> AsyncIterator[Entry]:
        positions = list(since)
        for place, name in enumerate(self._names):
            while positions[place] < until[place]:
                entries = await self._page(name, positions[place], until[place])
                for id, fields in entries:
                    positions[place] = _position(id)
                    yield Entry(name, id.decode(), fields, tuple(positions))
                if len(entries) < _PAGE:
                    positions[place] = until[place]

    async def _page(self, name: str, after: Position, until: Position) -> list[Any]:
        key = keys.events(name)
        lane = self._lanes.get(name, self._lane) if self._store.is_cluster else self._catch_up
        page: list[Any] = await lane.call(key, "XRANGE", key, f"({_id(after)}", _id(until), "COUNT", _PAGE)
        return page

    @property
    def _catch_up(self) -> Any:
        if "catch_up" not in self._lanes:
            self._lanes["catch_up"] = self._store.lane("tail.catch_up")  # a blocked read must not hold it up
        return self._lanes["catch_up"]


def encode_token(positions: Iterable[Position]) -> str:
    """Opaque text for the positions of all streams: milliseconds behind the newest, and numbers."""
    listed = list(positions)
    newest = max(ms for ms, _ in listed)
    packed = msgpack.packb([newest, *(part for ms, number in listed for part in (newest - ms, number))])
    return urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode_token(token: str, streams_count: int) -> tuple[Position, ...]:
    """The positions in a token.

    Raises:
        TokenError: it is none, or of a store with another number of shards.
    """
    try:
        newest, *rest = msgpack.unpackb(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        behind, numbers = rest[::2], rest[1::2]
        positions = tuple((newest - ms, number) for ms, number in zip(behind, numbers, strict=True))
        valid = all(isinstance(part, int) and part >= 0 for position in positions for part in position)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TokenError(f"not a resume token: {type(error).__name__}") from None
    if not valid or len(positions) != streams_count:
        raise TokenError("not a resume token of this store")
    return positions


def _position(id: bytes) -> Position:
    ms, _, number = id.partition(b"-")
    return int(ms), int(number)


def _id(position: Position) -> str:
    return f"{position[0]}-{position[1]}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
