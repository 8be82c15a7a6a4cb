"""The whole service within the test's own process and loop, on a real Valkey: its parts can be looked at and asked."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from connectors.api import Request
from contracts import ids
from contracts.codec import decode_event
from contracts.commands import SendMessage
from contracts.content import Part, Text
from contracts.message import Message
from contracts.streams import all_shards, conversation_shard, events
from router.app import Parts, running
from router.domain.conversation.tables import CONTACT, CONVERSATION, MESSAGE
from router.settings.load import read
from tests.servers.ports import free_port

SHARDS = 2
LINE_SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
TARO = "U" + "a" * 32

T = TypeVar("T")


class Inside:
    """A running service, and what tests do with it."""

    def __init__(self, parts: Parts, url: str) -> None:
        self.parts = parts
        self.url = url
        self.http: aiohttp.ClientSession
        self._numbers = itertools.count(1)

    # -- customers --------------------------------------------------------------------------------------------------

    def signed(self, text: str = "こんにちは", address: str = TARO, account: str = "line", **how: Any) -> Request:
        """A genuine request of the account's provider."""
        number = how.get("number") or next(self._numbers)
        connector = self.parts.accounts[account].connector
        request = connector.simulate(address, text, number, how.get("at_ms") or time.time_ns() // 1_000_000)
        assert request is not None
        return request

    async def post(self, account: str, body: Any, headers: Any = None, **how: Any) -> int:
        """The status that a request to an account gets."""
        async with self.http.post(f"{self.url}/in/{account}", data=body, headers=dict(headers or {}), **how) as answer:
            await answer.read()
            return answer.status

    async def says(self, text: str = "こんにちは", address: str = TARO, account: str = "line", **how: Any) -> None:
        """A customer writes, and is heard."""
        request = self.signed(text, address, account, **how)
        assert await self.post(account, request.body, request.headers) == 200

    # -- the team ---------------------------------------------------------------------------------------------------

    async def answers(self, conversation: str, *parts: Part | str, **how: Any) -> str:
        """An agent answers; the message's id."""
        message = f"ms_test{next(self._numbers)}"
        content = tuple(Text(part) if isinstance(part, str) else part for part in parts)
        command = SendMessage(conversation=conversation, message=message, parts=content, **how)
        await self.parts.appender.append(conversation_shard(ids.shard_of(conversation)), command)
        return message

    # -- what came of it --------------------------------------------------------------------------------------------

    async def events(self, *types: str) -> list[Any]:
        """Every event of these types, shard by shard, in order."""
        found: list[Any] = []
        for shard in all_shards(self.parts.settings.shards.conversation):
            key = events(shard)
            for _, fields in await self.parts.store.client.xrange(key):
                if not types or fields[b"type"].decode() in types:
                    found.append(decode_event(fields[b"data"]))
        return found

    async def dead(self) -> list[Any]:
        """Every dead letter."""
        shards = all_shards(self.parts.settings.shards.conversation)
        return [entry for shard in shards for entry in await self.parts.store.client.xrange(f"{{{shard}}}:dead")]

    async def received(self, count: int = 1, patience: float = 10.0) -> list[Message]:
        """The first ``count`` messages of customers, when they are there."""

        async def enough() -> list[Message] | None:
            found = [event.message for event in await self.events("message.received")]
            return found if len(found) >= count else None

        return await until(enough, f"{count} messages", patience)

    async def message(self, id: str, *states: str, patience: float = 10.0) -> Message:
        """The message, when it is in one of the states."""
        shard = conversation_shard(ids.shard_of(await self._conversation_of(id)))

        async def reached() -> Message | None:
            found = await self.parts.state.get(shard, MESSAGE, id)
            return found if found is not None and (not states or found.state in states) else None

        return await until(reached, f"{id} in {states}", patience)

    async def _conversation_of(self, message: str) -> str:
        async def known() -> str | None:
            for event in await self.events("message.queued", "message.received"):
                if event.message.id == message:
                    return str(event.message.conversation)
            return None

        return await until(known, f"the message {message}")

    async def conversation(self, id: str) -> Any:
        """A conversation as it stands."""
        return await self.parts.state.get(conversation_shard(ids.shard_of(id)), CONVERSATION, id)

    async def contact(self, id: str) -> Any:
        """A contact as it stands."""
        return await self.parts.state.get(conversation_shard(ids.shard_of(id)), CONTACT, id)

    async def opened(self, text: str = "こんにちは", **how: Any) -> str:
        """A customer writes; the id of their conversation."""
        known = len(await self.events("message.received"))
        await self.says(text, **how)
        return (await self.received(known + 1))[-1].conversation


async def until(done: Callable[[], Awaitable[T | None]], what: str, patience: float = 10.0) -> T:
    """What ``done`` gives, as soon as it is something."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := await done():
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError(f"not in {patience} s: {what}")


def line_account(name: str = "line", **settings: Any) -> str:
    """The configuration of a LINE account."""
    values = {"connector": "line", "channel_secret": LINE_SECRET, "channel_access_token": "t", **settings}
    return table(f"accounts.{name}", values)


def table(name: str, values: dict[str, Any]) -> str:
    """A table of TOML."""
    lines = [f"{key} = {_value(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    """JSON is TOML, but for tables."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{" + ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items()) + "}"


@asynccontextmanager
async def inside(
    directory: Path, store_url: str | None, *config: str, roles: frozenset[str] | None = None, **more: dict[str, Any]
) -> AsyncIterator[Inside]:
    """The service with these tables of configuration. ``more``: values added to the tables ``http``, ``limits`` ..."""
    port = free_port()
    tables: dict[str, dict[str, Any]] = {
        "service": {"data_dir": str(directory / "data"), "secret": "x" * 40, "drain_s": 0, "stop_s": 2,
                    "public_url": f"http://127.0.0.1:{port}"},
        "http": {"listen": f"127.0.0.1:{port}"},
        "store": {"durability": "memory"},
        "shards": {"conversation": SHARDS, "lease_ms": 2_000},
    }  # fmt: skip
    for name, values in more.items():
        tables[name] = {**tables.get(name, {}), **values}
    text = "\n".join([*(table(name, values) for name, values in tables.items()), *config])
    settings = read(text, "test.toml", {})
    chosen = {} if roles is None else {"roles": roles}
    async with running(settings, store_url=store_url, **chosen) as parts:
        found = Inside(parts, f"http://127.0.0.1:{port}")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as found.http:
            if parts.worker is not None:
                await until(_owns_all(parts), "all shards taken")
            yield found


def _owns_all(parts: Parts) -> Callable[[], Awaitable[bool]]:
    async def owned() -> bool:
        assert parts.worker is not None
        return len(parts.worker.owned) == parts.settings.shards.conversation + 1

    return owned
