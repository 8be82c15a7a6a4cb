"""A fake provider over sockets: answers, lost answers, answers that wait, and its webhooks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.api import ProviderResponse
from connectors.testing.provider import WAIT, Call, json_answer
from router.cli.simulated import Simulated, simulated
from tests.connectors.testing.broken.gateway import PHONE, TOKEN, Gateway

HEADERS = {"authorization": f"Bearer {TOKEN}"}


async def send(shell: Simulated[Any], text: str = "x", timeout_s: float = 5.0) -> int:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout_s)) as session,
        session.post(f"{shell.url}/messages", json={"to": PHONE, "text": text}, headers=HEADERS) as response,
    ):
        return response.status


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Our side of the webhooks: answers these statuses, then 200."""
    answers, got = list(statuses), []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response(status=answers.pop(0) if answers else 200)

    app = web.Application()
    app.router.add_post("/in/main", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in/main", got
    finally:
        await runner.cleanup()


async def test_calls_are_answered_or_lost() -> None:
    async with simulated(Gateway, "") as shell:
        assert await send(shell, "一") == 200
        shell.simulator.throttle()
        assert await send(shell) == 429
        shell.simulator.lose()
        with pytest.raises(aiohttp.ClientError):
            await send(shell, "二")
        shell.simulator.lose(how="timeout")
        with pytest.raises(TimeoutError):
            await send(shell, "三", timeout_s=0.1)
        assert shell.simulator.texts() == ["一", "二", "三"]


async def test_an_answer_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated(Gateway, "") as shell:

        def answer(call: Call) -> ProviderResponse:
            waited = shell.simulator.now - call.at
            return WAIT if waited < timedelta(milliseconds=50) else json_answer(204, None)

        monkeypatch.setattr(shell.simulator, "answer", answer)
        assert await send(shell) == 204


async def test_webhooks_are_posted_until_they_are_taken() -> None:
    async with receiver(503, 500) as (to, got), simulated(Gateway, to, speed=60_000.0) as shell:
        shell.say("もしもし")
        async with asyncio.timeout(5):
            while shell.simulator.webhooks[0].state != "taken":
                await asyncio.sleep(0.01)
        assert len(got) == 3 and shell.simulator.webhooks[0].attempt == 3


async def test_a_service_that_is_away_is_tried_again() -> None:
    async with simulated(Gateway, "http://127.0.0.1:9/in/main") as shell:
        shell.say("もしもし")
        async with asyncio.timeout(5):
            while shell.simulator.webhooks[0].attempt == 1:
                await asyncio.sleep(0.01)


WITHOUT_PYTEST = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, *more):
        return None if name.partition(".")[0] in ("pytest", "_pytest") else super().find_spec(name, *more)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
from router.cli.main import main
code = main(["simulate-provider", "line", "--to", "http://127.0.0.1:9/in/line", "--settings"])
assert "pytest" not in sys.modules
raise SystemExit(code)
"""


def test_fake_providers_run_where_pytest_is_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTEST], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and 'connector = "line"' in done.stdout, done.stderr
