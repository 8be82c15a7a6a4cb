"""Rendered calls over real HTTP to a LINE platform and a webhook receiver, and what their answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import msgspec
from aiohttp import web

from connectors.api import Connector, Failed, Outbound, Outcome, ProviderRequest, ProviderResponse, Sent, Uncertain
from connectors.line import LineConnector
from connectors.registry import settings_of
from connectors.testing import cases as case_files
from connectors.webhook import WebhookConnector
from contracts.attachment import Attachment
from contracts.content import Text
from tests.servers.fake_line import QUOTA, RATE, fake_line
from tests.servers.fake_webhook import fake_webhook

USER = "U" + "4" * 32


def made(kind: type[Connector], settings: dict) -> Connector:  # type: ignore[type-arg]
    raw = {name: value for name, value in settings.items() if name != "connector"}
    return kind("main", settings_of(kind, raw, "main"))


def outbound(*texts: str, token: str | None = None, address: str = USER) -> Outbound:
    parts = tuple(Text(text) for text in texts)
    message = case_files.Message(parts, address, token=token)
    return msgspec.structs.replace(case_files.outbound_of(message, "main", "x", parts), now=datetime.now(UTC))


async def call(request: ProviderRequest) -> ProviderResponse:
    headers = {**request.headers, **request.secret_headers}
    timeout = aiohttp.ClientTimeout(5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(request.method, request.url, headers=headers, data=request.body or None) as response,
        ):
            return ProviderResponse(
                response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read()
            )
    except aiohttp.ClientError:
        return ProviderResponse(failure="reset")


async def deliver(connector: Connector, message: Outbound) -> list[Outcome]:  # type: ignore[type-arg]
    requests = connector.render(message)
    assert not isinstance(requests, Failed)
    return [connector.interpret(request, await call(request)) for request in requests]


async def test_a_lost_push_is_repeated_and_arrives_once() -> None:
    async with fake_line() as platform:
        line = made(LineConnector, platform.settings())
        platform.lose_next = 1
        message = outbound("一度だけ")
        (lost,), (again,) = await deliver(line, message), await deliver(line, message)
        assert isinstance(lost, Failed) and lost.problem.retryable
        assert again == Sent(("461230966842000001",))
        assert platform.texts(USER) == ["一度だけ"]


async def test_a_lost_reply_is_uncertain() -> None:
    async with fake_line() as platform:
        line = made(LineConnector, platform.settings())
        platform.issue("r", USER)
        platform.lose_next = 1
        assert isinstance((await deliver(line, outbound("x", token="r")))[0], Uncertain)
        assert platform.texts(USER) == ["x"]


async def test_a_spent_reply_token_falls_back_to_push() -> None:
    async with fake_line() as platform:
        line = made(LineConnector, platform.settings())
        platform.issue("r", USER)
        assert isinstance((await deliver(line, outbound("1", token="r")))[0], Sent)
        (spent,) = await deliver(line, outbound("2", token="r"))
        assert isinstance(spent, Failed) and spent.fallback
        assert isinstance((await deliver(line, outbound("2")))[0], Sent)
        assert platform.texts(USER) == ["1", "2"]


async def test_seven_pieces_are_a_reply_and_a_push() -> None:
    async with fake_line() as platform:
        platform.issue("r", USER)
        await deliver(made(LineConnector, platform.settings()), outbound(*"1234567", token="r"))
        assert platform.texts(USER) == list("1234567")
        assert [each.path.rpartition("/")[2] for each in platform.calls] == ["reply", "push"]


async def test_both_kinds_of_429_and_a_wrong_token() -> None:
    async with fake_line() as platform:
        line = made(LineConnector, platform.settings())
        platform.answers = [RATE, QUOTA]
        (rate,), (quota,) = await deliver(line, outbound("x")), await deliver(line, outbound("x"))
        assert isinstance(rate, Failed) and rate.problem.kind == "throttled" and rate.problem.retryable
        assert isinstance(quota, Failed) and quota.problem.kind == "rejected" and not quota.problem.retryable
        wrong = made(LineConnector, {**platform.settings(), "channel_access_token": "wrong"})
        (config,) = await deliver(wrong, outbound("x"))
        assert isinstance(config, Failed) and config.problem.kind == "config"


async def test_lookups() -> None:
    async with fake_line() as platform:
        line = made(LineConnector, platform.settings())
        platform.profiles[USER] = {"displayName": "花子", "userId": USER}
        platform.contents["7"] = ("image/jpeg", b"jpeg")
        platform.transcoding["7"] = 1
        assert await _profile(line, USER) == "花子"
        assert await _profile(line, "U" + "5" * 32) is None
        media = line.media_request(Attachment("at_1", source="7"))
        assert media is not None
        assert [((await call(media)).status), (await call(media)).body] == [202, b"jpeg"]
        for request, status in ((line.typing_request(USER, True), 202), (line.probe_request(), 200)):
            assert request is not None and (await call(request)).status == status


async def _profile(line: Connector, user: str) -> str | None:  # type: ignore[type-arg]
    request = line.profile_request(user, None)
    assert request is not None
    profile = line.read_profile(await call(request))
    return profile.name if profile else None


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/in/main", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in/main", got
    finally:
        await runner.cleanup()


async def test_simulated_webhooks_go_out_signed_and_again_as_redeliveries() -> None:
    async with fake_line() as platform, _receiver() as (url, got):
        line = made(LineConnector, platform.settings())
        request = line.simulate(USER, "こんにちは", 1, 1_789_344_000_000)
        assert request is not None
        assert await platform.send(request, url, redeliver=2) == [200, 200, 200]
        assert [b'"isRedelivery":true' in body for body in got] == [False, True, True]


async def test_a_webhook_is_taken_once_however_often_it_is_sent() -> None:
    async with fake_webhook() as receiver:
        webhook = made(WebhookConnector, receiver.settings())
        receiver.lose_next, receiver.answers = 1, [(503, {"retry-after": "3"})]
        message = outbound("一度だけ", address="user-1")
        (busy,), (lost,), (sent,) = [await deliver(webhook, message) for _ in range(3)]
        assert isinstance(busy, Failed) and busy.retry_after_s == 3.0
        assert isinstance(lost, Failed) and lost.problem.retryable
        assert sent == Sent(("x-1",))
        assert receiver.texts("user-1") == ["一度だけ"] and len(receiver.attempts) == 3


async def test_a_receiver_with_another_secret_refuses() -> None:
    async with fake_webhook() as receiver:
        webhook = made(WebhookConnector, {**receiver.settings(), "secret": "whsec_" + "QUJD" * 8})
        (refused,) = await deliver(webhook, outbound("x"))
        assert isinstance(refused, Failed) and refused.problem.kind == "config"
        assert receiver.forged == 1 and not receiver.bodies
