"""Attachments that the provider keeps for us: fetched beside the message, and never at its cost."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.kit import standard_webhooks
from connectors.kit.signatures import hmac_sha256_base64
from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Text, attachments_of
from contracts.message import Message
from router.delivery import fetches
from tests.servers.fake_line import SECRET, FakeLine, fake_line
from tests.servers.inside import TARO, Inside, inside, line_account, table, until

KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPEN = table("accounts.open", {"connector": "webhook", "secret": KEY, "allow_private": True})
GUARDED = table("accounts.guarded", {"connector": "webhook", "secret": KEY})
MOST = 300_000


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with fake_line() as platform:
        yield platform


@pytest.fixture
async def service(
    store_url: str, tmp_path: Path, line: FakeLine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Inside]:
    monkeypatch.setattr(fetches, "WAITS_S", (0.05, 0.05, 0.05))
    config = line_account(**{**line.settings(), "allow_private": True})
    async with inside(tmp_path, store_url, config, OPEN, GUARDED, limits={"upload_bytes": MOST}) as found:
        yield found


async def sends_image(service: Inside, content: str) -> Message:
    """Taro sends a picture by LINE."""
    payload = json.loads(service.signed("x").body)
    payload["events"][0]["message"] = {"type": "image", "id": content, "contentProvider": {"type": "line"}}
    body = json.dumps(payload).encode()
    headers = {"X-Line-Signature": hmac_sha256_base64(SECRET.encode(), body).decode()}
    known = len(await service.events("message.received"))
    assert await service.post("line", body, headers) == 200
    return (await service.received(known + 1))[-1]


async def sends_link(service: Inside, account: str, url: str, text: str = "添付です") -> Message:
    """A system sends words with a link to a file."""
    at = moment(time.time_ns() // 1_000_000)
    file = {"url": url, "name": "a.bin", "media_type": "image/png"}
    body = json.dumps({"type": "message", "sender": {"id": TARO}, "text": text, "attachments": [file]}).encode()
    known = len(await service.events("message.received"))
    keys = (standard_webhooks.key_of(KEY),)
    assert await service.post(account, body, standard_webhooks.headers(keys, secrets.token_hex(8), at, body)) == 200
    return (await service.received(known + 1))[-1]


async def settled(service: Inside, message: Message) -> Attachment:
    """The attachment, when it is ready or failed."""

    async def done() -> Attachment | None:
        (found,) = attachments_of((await service.message(message.id)).parts)
        return found if found.state in ("ready", "failed") else None

    return await until(done, "the attachment settled")


@asynccontextmanager
async def files(answer: Any) -> AsyncIterator[str]:
    """A server of files on loopback; ``answer(request)`` is what it says."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_picture_is_fetched_when_it_is_there_and_served_by_link(service: Inside, line: FakeLine) -> None:
    data = b"\xff\xd8\xff" + secrets.token_bytes(100_000)
    line.contents["77"], line.transcoding["77"] = ("image/jpeg", data), 2
    message = await sends_image(service, "77")
    ready = await settled(service, message)
    assert (ready.state, ready.size, ready.media_type) == ("ready", len(data), "image/jpeg")
    url = service.parts.links.url(ready)
    assert url is not None
    async with service.http.get(url) as answer:
        assert answer.status == 200 and await answer.read() == data
    async with service.http.get(url[:-1] + ("0" if url[-1] != "0" else "1")) as answer:
        assert answer.status == 403
    assert "attachment.changed" in [event.__struct_config__.tag for event in await service.events()]


async def test_what_never_comes_fails_and_the_words_stay(service: Inside, line: FakeLine) -> None:
    line.transcoding["78"] = 1_000
    failed = await settled(service, await sends_image(service, "78"))
    assert failed.state == "failed" and "202" in (failed.problem or "")
    gone = await settled(service, await sends_link(service, "open", f"{line.url}/nowhere", "届いた言葉"))
    assert gone.state == "failed" and "401" in (gone.problem or "")
    words = (await service.received(2))[1].parts[0]
    assert isinstance(words, Text) and words.text == "届いた言葉"


async def test_a_message_does_not_wait_for_its_file(service: Inside) -> None:
    held = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await held.wait()
        return web.Response(body=b"x")

    async with files(slow) as url:
        message = await sends_link(service, "open", f"{url}/a.png")
        await service.says("次の言葉", "U" + "c" * 32, "open")
        assert len(await service.received(2)) == 2
        held.set()
        assert (await settled(service, message)).state == "ready"


async def test_what_is_too_large_is_not_kept(service: Inside) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(64):
            await answer.write(b"x" * 65_536)
        return answer

    async with files(endless) as url:
        failed = await settled(service, await sends_link(service, "open", f"{url}/a.png"))
    assert failed.state == "failed" and "larger" in (failed.problem or "")


async def test_redirects_are_followed_a_few_times_and_types_are_not_believed(service: Inside) -> None:
    async def hop(request: web.Request) -> web.Response:
        number = int(request.path.strip("/"))
        if number:
            return web.Response(status=302, headers={"Location": f"/{number - 1}"})
        return web.Response(body=b"x", headers={"Content-Type": "text/html; <script>"})

    async with files(hop) as url:
        assert (await settled(service, await sends_link(service, "open", f"{url}/3"))).state == "ready"
        assert (await settled(service, await sends_link(service, "open", f"{url}/4"))).state == "failed"


FORBIDDEN = [
    "http://127.0.0.1:1/x", "https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x", "https://[::ffff:10.0.0.1]/x", "https://0x7f000001/", "https://user:pass@example.com/",
]  # fmt: skip


async def test_our_own_network_is_not_reached_by_a_senders_link(service: Inside) -> None:
    for url in FORBIDDEN:
        failed = await settled(service, await sends_link(service, "guarded", url))
        assert failed.state == "failed" and "it is not fetched" in (failed.problem or ""), url


async def test_a_redirect_into_our_own_network_is_not_followed(service: Inside) -> None:
    """The first address is let through by the test, as one on the public internet would be."""
    reached = asyncio.Event()

    async def inner(request: web.Request) -> web.Response:
        reached.set()
        return web.Response(body=b"secret")

    async with files(inner) as url:
        account = service.parts.accounts["guarded"]
        original = account.http.call

        async def call(request: Any, **how: Any) -> Any:
            if request.url.startswith("https://public.example/"):
                return fetches.ProviderResponse(302, {"location": url + "/x"})
            return await original(request, **how)

        account.http.call = call  # type: ignore[method-assign]
        failed = await settled(service, await sends_link(service, "guarded", "https://public.example/x"))
    assert failed.state == "failed" and "it is not fetched" in (failed.problem or "") and not reached.is_set()
