"""Connections that want nothing, want too much or never get to the point."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.inside import Inside, inside, line_account, until

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
PATIENCE_S = 0.4


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(
        tmp_path, store_url, line_account(), http={"header_timeout_s": PATIENCE_S, "max_connections": 60}
    ) as found:
        yield found


class Caller:
    """One bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, service: Inside, first: bytes = b"") -> Caller:
        found = cls(*await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2])))
        found.writer.write(first)
        return found

    async def closed(self, patience: float = 5.0) -> bool:
        """Whether the other side ends the connection in time."""
        try:
            async with asyncio.timeout(patience):
                while await self.reader.read(4_096):
                    pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    async def drip(self, data: bytes) -> None:
        """A byte at a time, for as long as it is taken."""
        for byte in data * 1_000:
            self.writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    async def answer(self) -> bytes:
        """The status line; the rest of the answer is read too."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        await self.reader.readexactly(length)
        return head.split(b"\r\n")[0]

    def end(self) -> None:
        self.writer.transport.abort()


async def test_connections_that_do_not_get_to_the_point_are_closed(service: Inside) -> None:
    silent = [await Caller.connect(service) for _ in range(5)]
    half = [await Caller.connect(service, HEAD) for _ in range(5)]
    second = [await Caller.connect(service, HEAD + b"\r\n") for _ in range(5)]
    for caller in second:
        assert b" 200 " in await caller.answer()
        caller.writer.write(b"GET /he")
    slow = [await Caller.connect(service, HEAD) for _ in range(5)]
    dripping = [asyncio.create_task(caller.drip(b"X: y\r\n")) for caller in slow]
    began = time.monotonic()
    all_closed = asyncio.gather(*(caller.closed() for caller in (*silent, *half, *second, *slow)))
    served = 0
    while not all_closed.done():
        await service.says(f"{served}")
        served += 1
    assert all(all_closed.result()) and served > 3 and time.monotonic() - began < 3
    for task in dripping:
        task.cancel()
    assert service.parts.server is not None and service.parts.server.turned_away >= 20
    for caller in (*silent, *half, *second, *slow):
        caller.end()


async def test_an_idle_connection_that_was_served_may_stay_until_it_begins_to_dawdle(service: Inside) -> None:
    caller = await Caller.connect(service, HEAD + b"\r\n")
    assert b" 200 " in await caller.answer()
    assert not await caller.closed(2.5)
    caller.writer.write(HEAD + b"\r\n")
    assert b" 200 " in await caller.answer()
    caller.writer.write(HEAD)
    assert await caller.closed(2.5)
    caller.end()


async def test_no_more_connections_than_are_allowed(service: Inside) -> None:
    idle = []
    for _ in range(100):
        idle.append(await Caller.connect(service, HEAD + b"\r\n"))
        await idle[-1].answer()
    server = service.parts.server
    assert server is not None

    async def few() -> bool:
        assert server._web_server is not None
        return len(server._web_server.connections) <= 60

    await until(few, "the surplus closed")
    await service.says("still served")
    for caller in idle:
        caller.end()


async def test_many_requests_at_once_on_one_connection_are_answered_in_order(service: Inside) -> None:
    requests = b"".join(HEAD.replace(b"healthz", b"in/x%d" % n) + b"\r\n" for n in range(500))
    caller = await Caller.connect(service, requests)
    for _ in range(500):
        assert b" 404 " in await caller.answer()
    caller.end()
