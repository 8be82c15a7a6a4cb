"""A fake provider with sockets: takes our calls over HTTP, posts its webhooks, and keeps its schedule by the clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from connectors.api import Connector, ProviderRequest, ProviderResponse
from connectors.registry import settings_of, simulator_of
from connectors.testing.provider import Delivery, ProviderSimulator

HOST: Final = "127.0.0.1"
LONGEST: Final = 25_000_000
"""Bytes of one of our calls: an upload."""
TICK_S: Final = 0.01

P = TypeVar("P", bound=ProviderSimulator[Any])


class Simulated(Generic[P]):
    """A simulator at work. ``url`` is where our calls go."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.simulator: P
        self.closing = asyncio.Event()

    def say(self, what: Any, customer: str | None = None) -> None:
        """A customer sends something, now."""
        self.simulator.say(what, now(), customer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One of our calls."""
        response = await self._answer(await provider_request(request, self.url))
        if response.failure is not None:
            return await self._lose(request, response.failure)
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return web.Response(status=response.status, headers=headers, body=response.body)

    async def _answer(self, request: ProviderRequest) -> ProviderResponse:
        response = self.simulator.handle(request, now())
        call = self.simulator.calls[-1]
        while response.failure == "wait" and not self.closing.is_set():
            await asyncio.sleep(TICK_S)
            response = self.simulator.resume(call, now())
        return response

    async def _lose(self, request: web.Request, how: str) -> web.StreamResponse:
        if how == "timeout":
            await self.closing.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def pump(self) -> None:
        """Posts what is due, one after another, until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                for delivery in self.simulator.due(now()):
                    self.simulator.answered(delivery, await self._post(session, delivery), now())
                await asyncio.sleep(TICK_S)

    async def _post(self, session: aiohttp.ClientSession, delivery: Delivery) -> ProviderResponse:
        made = delivery.request
        patience = aiohttp.ClientTimeout(self.simulator.patience_s)
        url = URL(made.url, encoded=True)
        try:
            async with session.request(
                made.method, url, data=made.body or None, headers=dict(made.headers), timeout=patience
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return ProviderResponse(answer.status, headers, await answer.read())
        except TimeoutError:
            return ProviderResponse(failure="timeout")
        except (aiohttp.ClientError, OSError):
            return ProviderResponse(failure="unreachable")


@contextlib.asynccontextmanager
async def simulated(
    connector: type[Connector[Any]],
    to: str,
    *,
    port: int = 0,
    speed: float = 1.0,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Simulated[Any]]:
    """The connector's fake provider on a port of loopback. ``settings``: the account's; without them the sample's.

    Raises:
        RegistryError: the connector has no simulator, or the settings are wrong.
        OSError: the port is taken.
    """
    cls = simulator_of(connector)
    app = web.Application(client_max_size=LONGEST)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    shell: Simulated[Any] = Simulated("")
    app.router.add_route("*", "/{path:.*}", shell.handle)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        shell.url = f"http://{HOST}:{runner.addresses[0][1]}"
        given = cls.sample(shell.url) if settings is None else settings
        shell.simulator = cls(settings_of(connector, given, connector.manifest.name), to, speed)
        async with _running(shell):
            yield shell
    finally:
        shell.closing.set()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _running(shell: Simulated[Any]) -> AsyncIterator[None]:
    pump = asyncio.create_task(shell.pump(), name="simulated provider")
    try:
        yield
    finally:
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump


async def provider_request(request: web.Request, base: str) -> ProviderRequest:
    """One of our calls as a value; ``base`` is where the provider stands."""
    headers = {name.lower(): value for name, value in reversed(list(request.headers.items()))}
    return ProviderRequest(request.method, base + request.raw_path, headers, body=await request.read())


def now() -> datetime:
    """The time, for a simulator."""
    return datetime.now(UTC)
