"""A provider on loopback that can do what providers do, and accounts of it with gates of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from connectors.api import NATIVE, Connector, Failed, Manifest, Outbound, Outcome, ProviderRequest
from contracts.content import KINDS, Text
from contracts.conversation import Reach
from router.accounts import Account
from router.delivery.attempt import Attempted, attempt
from router.delivery.budget import Budget
from router.delivery.gate import Gate, Held, Lane
from router.delivery.gates import rate_of
from router.net.http import Http
from router.observe.health import Health
from router.settings.sections import Account as AccountSettings
from router.store.store import Store

MANIFEST = Manifest(
    name="stub", title="Stub", title_ja="Stub", channel_class="chat", carries=dict.fromkeys(KINDS, NATIVE)
)


class Settings(msgspec.Struct, frozen=True):
    url: str
    probes: bool = False


class Stub(Connector[Settings]):
    """One call for each piece."""

    manifest: ClassVar[Manifest] = MANIFEST
    Settings = Settings

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        url = self.settings.url
        left = outbound.pieces[outbound.done :]
        return [ProviderRequest("POST", url, body=msgspec.json.encode(each), timeout_s=5.0) for each in left]

    def probe_request(self) -> ProviderRequest | None:
        return ProviderRequest("GET", self.settings.url) if self.settings.probes else None


class Provider:
    """What it was asked, and how it answers: ``answer`` is called for every call."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[float, str]] = []
        """When, and what was said."""
        self.probes = 0
        self.at_once = 0
        self.most_at_once = 0
        self.answer: Callable[[str], Any] = lambda text: None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            self.probes += 1
            return self.answer("probe") or web.Response()
        said = (await request.json())["text"]
        self.calls.append((time.monotonic(), said))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            answer = self.answer(said)
            answer = await answer if asyncio.iscoroutine(answer) else answer
            return answer or web.Response()
        finally:
            self.at_once -= 1

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.calls]


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """On a free port."""
    made = Provider()
    app = web.Application()
    app.router.add_route("*", "/", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield made
    finally:
        await runner.cleanup()


class Copy:
    """One copy of the service, as far as an account's gate is concerned."""

    def __init__(self, store: Store, name: str, url: str, probes: bool, **manifest: Any) -> None:
        self.connector = Stub("main", Settings(url, probes))
        self.connector.manifest = msgspec.structs.replace(MANIFEST, **manifest)  # type: ignore[misc]
        self.health = Health("test")
        self.http = Http(allow_private=True)
        self.account = Account("main", self.connector, AccountSettings("stub"), "", self.http, self.health)
        self.gate = Gate(self.account, Budget(store.lane(f"pace.{name}"), "main", name, rate_of(self.account)))

    async def send(self, *texts: str, to: str = "taro", lane: Lane = "reply", done: int = 0) -> Attempted | Held:
        """Sends a message as the worker does."""
        reach = Reach("stub", "main", to, datetime.now(UTC))
        pieces = tuple(Text(text) for text in texts)
        outbound = Outbound("ms_1", "cv_1", "main", reach, pieces, "key", datetime.now(UTC), done)
        try:
            async with self.gate.turn(to, lane) as turn:
                return await attempt(self.account, outbound, turn)
        except Held as held:
            return held

    async def outcome(self, text: str = "hello", **how: Any) -> Outcome:
        """What came of one."""
        tried = await self.send(text, **how)
        assert isinstance(tried, Attempted)
        return tried.outcome

    async def close(self) -> None:
        await self.gate.close()
        await self.http.close()


@asynccontextmanager
async def copies(
    store: Store, url: str, count: int = 1, probes: bool = False, **manifest: Any
) -> AsyncIterator[list[Copy]]:
    """So many copies that share one account."""
    made = [Copy(store, f"copy{number}", url, probes, **manifest) for number in range(count)]
    try:
        yield made
    finally:
        for copy in made:
            await copy.close()
