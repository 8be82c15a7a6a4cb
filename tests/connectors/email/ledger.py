"""A sink that remembers, and refuses when told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from connectors.api import Batch, NotAccepted
from contracts.content import Text
from contracts.inbound import InboundMessage


class Ledger:
    """What a listener published, in order. ``refuse``: how many of the next publishes fail."""

    def __init__(self, account: str = "mail") -> None:
        self.account = account
        self.batches: list[Batch] = []
        self.raws: list[bytes | None] = []
        self.kept: dict[str, bytes] = {}
        self.refuse = 0
        self.states: list[str] = []
        self.gate: asyncio.Event | None = None
        self._changed = asyncio.Event()

    async def publish(self, batch: Batch, raw: bytes | None = None) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.refuse:
            self.refuse -= 1
            self._changed.set()
            raise NotAccepted("told to", 0.01)
        msgspec.msgpack.encode(batch)  # everything must be fit for the wire
        self.batches.append(batch)
        self.raws.append(raw)
        self._changed.set()

    async def load(self, name: str) -> bytes | None:
        return self.kept.get(name)

    async def save(self, name: str, value: bytes) -> None:
        self.kept[name] = value
        self._changed.set()

    def healthy(self) -> None:
        self.states.append("healthy")
        self._changed.set()

    def troubled(self, reason: str) -> None:
        self.states.append(reason)
        self._changed.set()

    @property
    def messages(self) -> list[InboundMessage]:
        return [event for batch in self.batches for event in batch.events if isinstance(event, InboundMessage)]

    @property
    def subjects(self) -> list[str | None]:
        return [message.subject for message in self.messages]

    async def until(self, done: Callable[[], Any], seconds: float = 20.0) -> None:
        """Waits until something is so."""
        async with asyncio.timeout(seconds):
            while not done():
                self._changed.clear()
                await self._changed.wait()


def text_of(message: InboundMessage) -> Text:
    """The message's text part."""
    return next(part for part in message.parts if isinstance(part, Text))
