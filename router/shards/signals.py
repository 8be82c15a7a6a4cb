"""Signals: things that are passed on and never stored (somebody is typing). Lost when nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from typing import Any

import msgpack
import structlog
from redis.exceptions import RedisError

from router.shards import keys
from router.store.store import Store

log = structlog.get_logger("madoguchi.shards")

Listener = Callable[[str, dict[str, Any]], None]


class Signals:
    """One per process: publishes to all copies and listens for all targets that somebody here wants."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lane = store.lane("signals")
        self._listeners: dict[str, set[Listener]] = {}

    async def publish(self, kind: str, target: str, data: dict[str, Any]) -> None:
        """Tells whoever listens to ``target`` (a conversation, a contact, an identity key)."""
        channel = keys.signal(target)
        await self._lane.call(channel, "PUBLISH", channel, msgpack.packb([kind, data]))

    @contextmanager
    def listen(self, target: str, listener: Listener) -> Any:
        """Calls ``listener(kind, data)`` within the block; it must not raise or block."""
        listeners = self._listeners.setdefault(target, set())
        listeners.add(listener)
        try:
            yield
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(target, None)

    async def subscribe(self, target: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Signals for a target, as they come; at most 100 wait, older ones are dropped."""
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(100)

        def put(kind: str, data: dict[str, Any]) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((kind, data))

        with self.listen(target, put):
            while True:
                yield await queue.get()

    async def run(self) -> None:
        """Listens until cancelled; connects again when the store comes back."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                log.warning("signals.wait", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _listen(self) -> None:
        async with self._store.client.pubsub() as pubsub:
            await pubsub.psubscribe(keys.SIGNALS)
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
                if message is not None:
                    self._give(message["channel"].decode(), message["data"])

    def _give(self, channel: str, data: bytes) -> None:
        target = channel.removeprefix(keys.signal(""))
        listeners = self._listeners.get(target)
        if listeners:
            kind, values = msgpack.unpackb(data)
            for listener in list(listeners):
                listener(kind, values)
