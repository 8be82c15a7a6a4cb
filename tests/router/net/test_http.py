"""Calls to providers: whatever the other side does is an answer and no exception."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.api import ProviderRequest
from router.net.http import Http

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server that says what it is told to, byte for byte."""
    begun: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.add(task)
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        listening.close()
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


def says(answer: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(60)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    found = Http(allow_private=True)
    yield found
    await found.close()


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (says(b""), "reset"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "reset"),
        (says(b"what is this\r\n\r\n"), "reset"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"), "reset"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000), "too_large"),
        (silent, "timeout"),
    ],
)
async def test_what_goes_wrong_is_an_answer(http: Http, talk: Talk, failure: str) -> None:
    async with server(talk) as url:
        answer = await http.call(ProviderRequest("GET", url, timeout_s=0.5), most=1_000)
    assert answer.failure == failure


async def test_redirects_are_handed_back_and_not_followed(http: Http) -> None:
    async with server(says(b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n")) as url:
        answer = await http.call(ProviderRequest("POST", url, body=b"x"))
    assert (answer.status, answer.headers["location"]) == (302, "http://x/")


async def test_nobody_there_means_that_nothing_was_sent(http: Http) -> None:
    async with server(silent) as url:
        pass
    assert (await http.call(ProviderRequest("GET", url))).failure == "unreachable"


async def test_what_cannot_be_written_as_http_is_not_sent(http: Http) -> None:
    async with server(silent) as url:
        for request in (
            ProviderRequest("GET", url, {"x": "a\r\nb: c"}),
            ProviderRequest("GET", url, secret_headers={"authorization": "a\nb"}),
            ProviderRequest("GET", "http://" + "x" * 300 + ".example/"),
            ProviderRequest("GET", "nonsense"),
        ):
            answer = await http.call(request)
            assert answer.failure == "unreachable"


async def test_our_own_network_is_refused_with_a_reason() -> None:
    guarded = Http()
    try:
        for url in ("https://127.0.0.1/", "https://localhost/", "http://example.com/"):
            answer = await guarded.call(ProviderRequest("GET", url))
            assert answer.failure == "unreachable" and answer.body
    finally:
        await guarded.close()
