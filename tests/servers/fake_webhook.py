"""The other system behind a webhook account; the ``standardwebhooks`` package checks what comes, and all is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.api import Request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class FakeWebhook:
    """What arrived. ``bodies``: by webhook-id, each once; ``attempts``: every genuine request's id, in order."""

    url: str = ""
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    forged: int = 0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers for the next genuine requests, which are then not taken."""
    lose_next: int = 0
    """How many are taken and their answers lost."""

    def settings(self) -> dict[str, Any]:
        """An account's settings that lead here."""
        return {"connector": "webhook", "secret": SECRET, "url": self.url}

    def texts(self, to: str) -> list[str]:
        """The texts that reached somebody."""
        found = [part for body in self.bodies.values() if body["to"] == to for part in body["parts"]]
        return [part["text"] for part in found if part["kind"] == "text"]

    async def send(self, request: Request, url: str) -> int:
        """Posts a simulated webhook; the status of the answer."""
        timeout = aiohttp.ClientTimeout(10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=request.body, headers=dict(request.headers)) as response,
        ):
            return response.status

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            Webhook(SECRET).verify(raw, {name.lower(): value for name, value in request.headers.items()})
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=401)
        message = request.headers["webhook-id"]
        self.attempts.append(message)
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers)
        self.bodies.setdefault(message, json.loads(raw))
        if self.lose_next:
            self.lose_next -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": f"x-{len(self.bodies)}"})


@asynccontextmanager
async def fake_webhook() -> AsyncIterator[FakeWebhook]:
    """The receiver on a free port of loopback."""
    receiver = FakeWebhook()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
