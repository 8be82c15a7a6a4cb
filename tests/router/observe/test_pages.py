"""The three pages for the inside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from router.observe.health import Health
from router.observe.metrics import Metrics, registry_of
from router.observe.pages import add_pages


@pytest.fixture
async def running() -> AsyncIterator[tuple[str, Health]]:
    health = Health("1")
    app = web.Application()
    add_pages(app, health, registry_of(Metrics()))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", health
    await runner.cleanup()


async def test_pages(running: tuple[str, Health]) -> None:
    url, health = running
    async with ClientSession() as session:
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        health.component("store", "store", needed=True).failed("unreachable")
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["store"]["reason"] == "unreachable"
        health.component("store", "store").ok()
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 200
        async with session.get(f"{url}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert "madoguchi_commands_total 0.0" in await answer.text()
