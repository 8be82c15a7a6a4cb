"""No way into our own network: by literal, by name, by an answer that changes."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from router.net.guard import Forbidden, GuardedResolver, UrlRefused, check_url, connector, is_public

PRIVATE = [
    "127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd12:3456::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "3fff::1", "nonsense", "",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "2400:4050::1",
]
REFUSED = [
    "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "//example.com", "https://", "https:///x",
    "https://user@example.com/", "https://user:pw@example.com/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://017700000001/", "https://0177.0.0.1/",
    "https://[::1]/", "https://[::ffff:127.0.0.1]/",
    "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://localhost/", "https://x.localhost/",
    "https://printer.local/", "https://metadata.google.internal/", "https://example.com:22/", "https://example.com:99999/",
    "https://example.com/a b", "https://exa\nmple.com/", "https://[::1", "https://example.com/" + "x" * 2_000,
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


def test_urls_that_may_be_tried() -> None:
    for url in (
        "https://example.com/hook",
        "https://xn--wgv71a.jp/",
        "https://1.1.1.1/",
        "https://example.com:443/?a=b",
    ):
        check_url(url)
    check_url("http://127.0.0.1:8080/", allow_private=True)


class Answers(AbstractResolver):
    """Answers with these addresses in turn, as a rebinding name server does."""

    def __init__(self, *turns: list[str]) -> None:
        self.turns = list(turns)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
            for one in addresses
        ]

    async def close(self) -> None: ...


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[int, list[str]]]:
    """A server on loopback that nobody must reach."""
    reached: list[str] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        reached.append(request.path)
        return web.Response()

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], reached
    finally:
        await runner.cleanup()


async def attempt(url: str, resolver: AbstractResolver | None = None) -> Any:
    async with aiohttp.ClientSession(connector=connector(resolver=resolver)) as session, session.get(url) as answer:
        return answer.status


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["10.0.0.1"], []])
async def test_a_name_that_leads_inside_is_not_followed(addresses: list[str]) -> None:
    async with canary() as (port, reached):
        with pytest.raises((aiohttp.ClientConnectorError, Forbidden)):
            await attempt(f"http://inside.example:{port}/", Answers(addresses))
        assert reached == []


async def test_one_address_inside_is_enough_to_refuse_a_name() -> None:
    for addresses in (["93.184.216.34", "127.0.0.1"], ["10.0.0.1", "93.184.216.34"], []):
        with pytest.raises(Forbidden):
            await GuardedResolver(Answers(addresses)).resolve("inside.example", 443)
    assert len(await GuardedResolver(Answers(["93.184.216.34", "1.1.1.1"])).resolve("out.example", 443)) == 2


async def test_a_literal_is_stopped_where_the_socket_is_made() -> None:
    async with canary() as (port, reached):
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)):
                await attempt(f"http://{host}:{port}/")
        assert reached == []


async def test_a_name_is_asked_once_so_that_it_cannot_change_its_answer() -> None:
    async with canary() as (port, reached):
        names = Answers(["203.0.114.1"], ["127.0.0.1"])
        with pytest.raises((aiohttp.ClientConnectorError, TimeoutError)):
            async with aiohttp.ClientSession(connector=connector(resolver=names)) as session:
                await session.get(f"http://rebind.example:{port}/", timeout=aiohttp.ClientTimeout(total=0.5))
        assert (names.asked, reached) == (1, [])


async def test_private_addresses_are_reached_when_that_is_allowed() -> None:
    async with canary() as (port, reached), aiohttp.ClientSession(connector=connector(allow_private=True)) as session:
        async with session.get(f"http://127.0.0.1:{port}/ok") as answer:
            assert answer.status == 200
        assert reached == ["/ok"]
