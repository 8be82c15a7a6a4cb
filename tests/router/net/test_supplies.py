"""Tokens and keys that accounts fetch: once for all who wait, kept while good, renewed when refused, never stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web

from connectors.api import (
    NATIVE,
    Connector,
    Failed,
    Manifest,
    ProviderRequest,
    ProviderResponse,
    Supplied,
    Supply,
    Then,
    problem,
)
from contracts.content import KINDS
from contracts.message import Problem
from router.net.supplies import AccountHttp, Supplies


class Nothing(msgspec.Struct):
    """No settings."""


class Tokened(Connector[Nothing]):
    """Its token comes by two calls."""

    Settings = Nothing
    manifest = Manifest(
        name="tokened", title="T", title_ja="T", channel_class="chat", carries=dict.fromkeys(KINDS, NATIVE)
    )
    base = "http://provider"

    def supplies(self) -> Sequence[Supply]:
        return (Supply("token", ProviderRequest("GET", f"{self.base}/where"), 30.0),)

    def read_supply(self, name: str, response: ProviderResponse) -> Supplied | Then | Failed:
        if response.failure is not None:
            return Failed(problem("unreachable"))
        if response.status != 200:
            return Failed(problem("config", "the provider does not know us"))
        if response.body == b"there":
            return Then(ProviderRequest("GET", f"{self.base}/token"))
        return Supplied(response.body, 100.0)

    def authorise(
        self, request: ProviderRequest, now: datetime, nonce: str, supplied: Mapping[str, bytes]
    ) -> ProviderRequest:
        assert len(nonce) == 32 and now.tzinfo is not None
        headers = {"authorization": supplied["token"].decode(), "nonce": nonce} if request.needs else {}
        return msgspec.structs.replace(request, secret_headers=headers)


class Provider:
    """Counts what it is asked; ``answers`` are those of the second call."""

    def __init__(self, *answers: ProviderResponse) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def call(self, request: ProviderRequest) -> ProviderResponse:
        await asyncio.sleep(0)
        self.asked.append(request.url.rpartition("/")[2])
        if self.asked[-1] == "where":
            return ProviderResponse(200, {}, b"there")
        return self.answers.pop(0)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def token(value: bytes) -> ProviderResponse:
    return ProviderResponse(200, {}, value)


async def test_many_who_wait_share_one_fetch_until_it_is_old() -> None:
    provider, clock = Provider(token(b"one"), token(b"two")), Clock()
    supplies = Supplies(Tokened("a", Nothing()), provider.call, clock)
    assert supplies.known() == {}
    assert await asyncio.gather(*(supplies.get("token") for _ in range(20))) == [b"one"] * 20
    assert provider.asked == ["where", "token"] and supplies.known() == {"token": b"one"}
    clock.now += 89
    assert await supplies.get("token") == b"one"
    clock.now += 2  # nine tenths of its life are over
    assert supplies.known() == {}
    assert await supplies.get("token") == b"two"


async def test_what_cannot_be_fetched_is_not_asked_for_again_at_once() -> None:
    provider, clock = Provider(ProviderResponse(failure="unreachable"), ProviderResponse(401), token(b"x")), Clock()
    supplies = Supplies(Tokened("a", Nothing()), provider.call, clock)
    for _ in range(3):
        found = await supplies.get("token")
        assert isinstance(found, Problem) and found.retryable
    assert provider.asked == ["where", "token"]
    clock.now += 6
    found = await supplies.get("token")
    assert isinstance(found, Problem) and found.kind == "config"
    clock.now += 6
    assert await supplies.get("token") == b"x"


async def test_strangers_cannot_make_us_fetch_all_the_time() -> None:
    provider, clock = Provider(token(b"one"), token(b"one"), token(b"two")), Clock()
    supplies = Supplies(Tokened("a", Nothing()), provider.call, clock)
    assert await supplies.renew("token")
    assert not await supplies.renew("token"), "fetched a moment ago"
    clock.now += 31
    assert not await supplies.renew("token"), "fetched, and the same as before"
    clock.now += 31
    assert await supplies.renew("token")
    assert not await supplies.renew("nobody knows it")
    assert provider.asked.count("token") == 3


async def test_a_stale_value_is_no_value_and_an_old_one_serves_while_the_provider_is_away() -> None:
    provider, clock = Provider(token(b"one"), ProviderResponse(failure="timeout")), Clock()
    supplies = Supplies(Tokened("a", Nothing()), provider.call, clock)
    await supplies.get("token")
    clock.now += 40
    assert not await supplies.renew("token")
    assert await supplies.get("token") == b"one", "it is still good for a while"


@pytest.fixture
async def served() -> Any:
    """A provider that takes token-2 only, and hands out token-1, token-2 ..."""
    calls: list[tuple[str, str | None]] = []
    nonces: list[str] = []
    handed = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal handed
        calls.append((request.path, request.headers.get("authorization")))
        if request.path == "/where":
            return web.Response(text="there")
        if request.path == "/token":
            handed += 1
            return web.Response(text=f"token-{handed}")
        nonces.append(request.headers["nonce"])
        return web.Response(status=200 if request.headers.get("authorization") == "token-2" else 401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", calls, nonces
    await runner.cleanup()


async def test_a_refused_token_is_renewed_once_and_the_call_made_again(served: Any) -> None:
    base, calls, nonces = served
    connector = Tokened("a", Nothing())
    connector.base = base  # type: ignore[misc]
    http = AccountHttp(connector, allow_private=True)
    try:
        request = ProviderRequest("POST", f"{base}/send", needs=("token",))
        assert (await http.call(request)).status == 401, "fetched a moment ago: it is not the token's age"
        kept = http.supplies._kept["token"]
        assert kept.fetched is not None
        kept.fetched -= 31
        assert (await http.call(request)).status == 200
        assert [token for path, token in calls if path == "/send"] == ["token-1", "token-1", "token-2"]
        assert len(set(nonces)) == 3
        assert (await http.call(ProviderRequest("POST", f"{base}/where"))).status == 200
        assert calls[-1] == ("/where", None), "what needs nothing is given nothing"
    finally:
        await http.close()


@pytest.mark.parametrize(("status", "answer"), [(403, 401), (0, 0)])
async def test_without_its_token_nothing_is_sent(served: Any, status: int, answer: int) -> None:
    base, calls, _ = served
    connector = Tokened("a", Nothing())
    connector.base = "http://127.0.0.1:9" if status == 0 else f"{base}/where/"  # type: ignore[misc]
    http = AccountHttp(connector, allow_private=True)
    http.supplies = Supplies(connector, Provider(ProviderResponse(status)).call if status else http.supplies._call)
    try:
        found = await http.call(ProviderRequest("POST", f"{base}/send", needs=("token",)))
        assert (found.status, found.failure) == (answer, None if answer else "unreachable")
        assert not [path for path, _ in calls if path == "/send"]
    finally:
        await http.close()
