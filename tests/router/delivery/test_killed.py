"""Workers that are killed in the middle of a send, on real processes: what the customer gets and agents are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis
from redis.asyncio import Redis

from connectors.line import LineConnector
from connectors.registry import settings_of
from contracts import ids
from contracts.codec import decode_event, encode
from contracts.commands import DeliveryReported, SendMessage
from contracts.content import Text
from tests.servers.fake_line import FakeLine, fake_line
from tests.servers.inside import TARO, line_account, until
from tests.servers.service import ServiceProcess
from tests.servers.valkey import start_valkey

SHARDS = "[shards]\nconversation = 1\nlease_ms = 500\n"


class Killable:
    """One process of the service with a LINE account, and the platform it talks to."""

    def __init__(self, process: ServiceProcess, client: Redis, line: FakeLine) -> None:
        self.process, self.client, self.line = process, client, line
        self.acted = asyncio.Event()
        self._sending = line._send

    async def start(self) -> None:
        self.process.start()
        await asyncio.to_thread(self.process.wait_ready)

    async def writes(self) -> str:
        """Taro writes; the conversation."""
        settings = settings_of(
            LineConnector, {k: v for k, v in self.line.settings().items() if k != "connector"}, "line"
        )
        connector = LineConnector("line", settings)
        request = connector.simulate(TARO, "こんにちは", 1, time.time_ns() // 1_000_000)
        assert await self.line.send(request, f"{self.process.address}/in/line") == [200]
        return str((await self.event("message.received")).message.conversation)

    async def answers(self, conversation: str, text: str) -> str:
        message = f"ms_{text}"
        command = SendMessage(conversation=conversation, message=message, parts=(Text(text),))
        await self.client.xadd("{c:00}:commands", {"data": encode(command)})
        return message

    async def report(self, conversation: str, message: str, count: int) -> None:
        """Writes to the stream that a message was sent, so many times."""
        report = DeliveryReported(conversation=conversation, message=message, attempt=1, result="sent", sent_parts=1)
        async with self.client.pipeline(transaction=False) as pipeline:
            for _ in range(count):
                pipeline.xadd("{c:00}:commands", {"data": encode(report)})
            await pipeline.execute()

    async def event(self, type: str, message: str | None = None) -> Any:
        """The first event of this kind."""

        async def there() -> Any:
            for _, fields in await self.client.xrange("{c:00}:events"):
                event = decode_event(fields[b"data"]) if fields[b"type"].decode() == type else None
                if event is not None and (message is None or event.message_id == message):
                    return event
            return None

        return await until(there, f"{type} {message}", 20)

    def hold(self) -> None:
        """From now on the platform acts on what it is sent, and does not answer."""

        async def send(request: Any, kind: str, body: Any) -> Any:
            answer = await self._sending(request, kind, body)
            self.acted.set()
            await asyncio.sleep(3_600)
            return answer

        self.line._send = send  # type: ignore[method-assign]

    async def kill(self) -> None:
        """kill -9 once the platform has acted; then it answers again."""
        await asyncio.wait_for(self.acted.wait(), 20)
        self.process.kill()
        self.acted.clear()
        self.line._send = self._sending  # type: ignore[method-assign]


@pytest.fixture
async def killable(tmp_path: Path) -> AsyncIterator[Killable]:
    with start_valkey(tmp_path / "v", "--appendonly", "yes", "--appendfsync", "always") as server:
        async with fake_line() as line:
            config = SHARDS + line_account(**{**line.settings(), "allow_private": True})
            process = ServiceProcess(tmp_path, config, None, server.url)
            client = aioredis.Redis.from_url(server.url)
            found = Killable(process, client, line)
            try:
                await found.start()
                yield found
            finally:
                await client.aclose()
                if process.process is not None and process.process.poll() is None:
                    process.kill()


async def test_sends_are_settled_after_a_kill(killable: Killable) -> None:
    """A push is repeated with its key and done once; a reply is uncertain; a report that was written is believed."""
    conversation = await killable.writes()
    killable.hold()
    reply = await killable.answers(conversation, "reply")
    await killable.kill()
    await killable.start()
    await killable.event("message.uncertain", reply)
    killable.line._replies.clear()
    await killable.event("message.sent", await killable.answers(conversation, "fallback"))

    killable.hold()
    push = await killable.answers(conversation, "push")
    await killable.kill()
    assert (await killable.client.hgetall("{c:00}:started")) == {push.encode(): b"1"}
    await killable.start()
    await killable.event("message.sent", push)

    killable.hold()
    told = await killable.answers(conversation, "told")
    await killable.kill()
    await killable.client.hdel("{c:00}:started", told)
    killable.line._accepted.clear()  # the platform has forgotten the key: a repeat would be seen
    await killable.report(conversation, "of another message", 2_000)  # so that ours is not read at once
    await killable.report(conversation, told, 1)
    await killable.start()
    await killable.event("message.sent", told)
    last = await killable.answers(conversation, "last")
    await killable.event("message.sent", last)
    assert killable.line.texts(TARO) == ["reply", "fallback", "push", "told", "last"]
    assert not await killable.client.hgetall("{c:00}:started")
    assert not await killable.client.xlen("{c:00}:dead") and ids.shard_of(conversation) == 0


async def test_what_is_being_sent_is_reported_before_an_orderly_end(killable: Killable) -> None:
    conversation = await killable.writes()
    released = asyncio.Event()
    sending = killable.line._send

    async def slow(request: Any, kind: str, body: Any) -> Any:
        answer = await sending(request, kind, body)
        killable.acted.set()
        await released.wait()
        return answer

    killable.line._send = slow  # type: ignore[method-assign]
    reply = await killable.answers(conversation, "slow")
    await asyncio.wait_for(killable.acted.wait(), 20)
    stopping = asyncio.create_task(asyncio.to_thread(killable.process.stop))
    await asyncio.sleep(0.5)  # the end has begun; nothing of it can be seen from outside
    released.set()
    assert await stopping == 0
    await killable.start()
    await killable.event("message.sent", reply)
    assert killable.line.texts(TARO) == ["slow"]
