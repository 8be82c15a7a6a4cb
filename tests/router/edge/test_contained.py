"""What goes wrong on our own side: connectors with bugs, a store that is away, payloads that cost time."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec
import pytest

from connectors.api import Batch, Connector, Manifest, Request, Response, SessionOpen, Verified
from connectors.kit.signatures import hmac_sha256_base64
from contracts.content import Text
from contracts.inbound import InboundMessage, Sender
from contracts.streams import LAYOUT
from router.accounts import Account
from router.net.http import Http
from router.settings.sections import Account as AccountSettings
from tests.servers.inside import LINE_SECRET, Inside, inside, line_account, until
from tests.servers.valkey import start_valkey


class NoSettings(msgspec.Struct):
    """Nothing to set."""


class Broken(Connector[NoSettings]):
    """Fails where its path says."""

    Settings = NoSettings
    manifest: ClassVar[Manifest] = Manifest(
        name="broken", title="Broken", title_ja="故障", channel_class="chat", carries={}, sessions=True
    )

    def handshake(self, request: Request) -> Response | None:
        if request.path == "/handshake":
            raise RuntimeError(f"secret of the handshake: {request.body!r}")
        return None

    def verify(self, request: Request) -> Any:
        if request.path == "/verify":
            raise RecursionError("secret of verify")
        return Verified()

    def parse(self, request: Request) -> Any:
        match request.path:
            case "/parse":
                raise KeyError(request.body)
            case "/nothing":
                return None
            case "/unwritable":
                return Batch((InboundMessage("1", Sender("x"), (Text("\ud800"),), extra={"n": 2**70}),))
            case _:
                return Batch()

    def session(self, opened: SessionOpen) -> Any:
        if opened.query.get("at") == "opening":
            raise RuntimeError("secret of the session")
        return BrokenSession()


class BrokenSession:
    """Opens, and fails at the first frame."""

    def opened(self) -> list[Any]:
        return []

    def frame(self, text: str, now: datetime) -> list[Any]:
        raise RuntimeError(f"secret of the frame: {text}")


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path, store_url, line_account()) as found:
        http = Http()
        broken = Broken("broken", NoSettings())
        account = Account("broken", broken, AccountSettings("broken"), found.url, http, found.parts.health)
        found.parts.accounts._accounts["broken"] = account
        yield found


async def test_a_broken_connector_harms_nobody(service: Inside, capsys: Any) -> None:
    body = b"canary-4711"
    for path, status in (("handshake", 400), ("verify", 400), ("parse", 200), ("nothing", 200), ("unwritable", 200)):
        assert await service.post(f"broken/{path}", body) == status, path
    kept = await service.parts.store.client.xrange(f"{LAYOUT}:quarantine:broken")
    assert [fields[b"body"] for _, fields in kept] == [body] * 3
    await service.says()
    await service.received(1)
    written = "".join(capsys.readouterr())
    assert "connector.failed" in written and "canary" not in written and "secret of" not in written


async def test_a_broken_session_ends_its_own_socket_only(service: Inside, capsys: Any, caplog: Any) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await service.http.ws_connect(f"{service.url}/chat/broken?at=opening")
    assert refused.value.status == 500
    async with service.http.ws_connect(f"{service.url}/chat/broken") as socket:
        await socket.send_str("canary-4711")
        await socket.receive()
        assert socket.close_code == 1011
    assert "canary" not in "".join(capsys.readouterr()) + caplog.text
    await service.says()


# -- the store ------------------------------------------------------------------------------------------------------


async def test_without_the_store_nothing_is_taken_and_nothing_lost(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "v", "--appendonly", "yes", "--appendfsync", "always") as server:
        async with inside(tmp_path, server.url, line_account(), store={"durability": "disk"}) as service:
            accepted: list[str] = []
            statuses: dict[int, int] = {}
            stop = asyncio.Event()
            talking = [asyncio.create_task(talk(service, n, accepted, statuses, stop)) for n in range(8)]
            for _ in range(2):
                await more(statuses, 200)
                await asyncio.to_thread(server.kill)
                await more(statuses, 503)
                await asyncio.to_thread(server.restart)
            await more(statuses, 200)
            stop.set()
            await asyncio.gather(*talking)
            assert set(statuses) <= {200, 503}
            seen = await until(lambda: _all_seen(service, accepted), "all that was accepted")
            assert len(seen) == len(set(seen))


async def talk(service: Inside, who: int, accepted: list[str], statuses: dict[int, int], stop: asyncio.Event) -> None:
    """Says one thing after another, and says it again until it is taken."""
    number = 0
    while not stop.is_set():
        number += 1
        text = f"{who}.{number}"
        request = service.signed(text, f"U{who:032x}", number=who * 100_000 + number)
        while text not in accepted and not stop.is_set():
            headers = dict(request.headers)
            async with service.http.post(f"{service.url}/in/line", data=request.body, headers=headers) as answer:
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                if answer.status == 200:
                    accepted.append(text)
                elif answer.status == 503:
                    assert int(answer.headers["Retry-After"]) >= 1
                    await asyncio.sleep(0.05)


async def more(statuses: dict[int, int], status: int) -> None:
    """Waits until some more have got this answer."""
    seen = statuses.get(status, 0)

    async def enough() -> bool:
        return statuses.get(status, 0) > seen + 5

    await until(enough, f"more answers {status}")


async def _all_seen(service: Inside, accepted: list[str]) -> list[str] | None:
    texts = [event.message.parts[0].text for event in await service.events("message.received")]
    return texts if set(accepted) <= set(texts) else None


# -- time -----------------------------------------------------------------------------------------------------------

WORST = {
    "deep": b"[" * 1_000_000,
    "wide": b'{"events":[' + b"{}," * 330_000 + b"{}]}",
    "strings": b'{"destination":"U","events":[{"a":"' + b"\\u3042" * 166_000 + b'"}]}',
    "keys": b'{"destination":"U","events":[{' + b",".join(b'"k%d":1' % n for n in range(90_000)) + b"}]}",
    "digits": b'{"events":' + b"1" * 1_000_000 + b"}",
}


async def test_the_worst_bodies_do_not_hold_up_the_loop(service: Inside) -> None:
    """Measured in CPU time of the loop's thread, which a busy machine does not lengthen as it does the clock's."""
    for body in WORST.values():
        assert len(body) <= 1_048_576
    events = [json.loads(service.signed(f"{n}").body)["events"][0] for n in range(1_500)]
    album = json.dumps({"destination": "U", "events": events}).encode()
    for name, body in {**WORST, "a thousand events": album}.items():
        signature = hmac_sha256_base64(LINE_SECRET.encode(), body).decode()
        ticking = asyncio.create_task(longest_turn())
        await asyncio.sleep(0.02)
        status = await service.post("line", io.BytesIO(body), {"X-Line-Signature": signature})
        ticking.cancel()
        turn = await ticking
        assert status == 200, name
        assert turn < 0.05, f"{name}: the loop was busy for {turn * 1000:.0f} ms"


async def longest_turn() -> float:
    """CPU seconds of this thread between two ticks of the loop, at most, until cancelled."""
    longest = 0.0
    try:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)
    except asyncio.CancelledError:
        return longest
