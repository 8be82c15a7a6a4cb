"""A LINE platform on loopback: the connector's own simulator, with the names that tests of the service use.

It can be made to misbehave: ``answers`` are given instead of its own, ``lose_next`` acts and then drops the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web

from connectors.api import ProviderRequest, ProviderResponse, Request
from connectors.line import LineConnector
from connectors.line.simulator import REPLY_LIFE_S, LineSimulator
from connectors.registry import settings_of
from connectors.testing.provider import Fault, Media, Webhook, json_answer
from router.cli.simulated import provider_request

SAMPLE: Final = LineSimulator.sample("")
TOKEN: Final = SAMPLE["channel_access_token"]
SECRET: Final = SAMPLE["channel_secret"]
RATE = (429, "The API rate limit has been exceeded. Try again later.")
QUOTA = (429, "You have reached your monthly limit.")


@dataclass
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeLine:
    """What the platform knows. ``answers``: status and message to answer to the next sends instead of doing them;
    ``lose_next``: how many sends after those are done and their answers lost; ``transcoding``: how often a content's
    request is answered 202 before it is there. ``simulator``: all the rest."""

    def __init__(self) -> None:
        self.url = ""
        self.simulator: LineSimulator
        self.answers: list[tuple[int, str]] = []
        self.lose_next = 0
        self.contents: dict[str, tuple[str, bytes]] = {}
        self.transcoding: dict[str, int] = {}

    def listen(self, url: str) -> None:
        """The platform is at ``url``."""
        self.url = url
        settings = settings_of(LineConnector, LineSimulator.sample(url), "line")
        self.simulator = LineSimulator(settings, "")  # type: ignore[arg-type]
        self.profiles = self.simulator.profiles
        self._replies = self.simulator.grants
        self._accepted = self.simulator._accepted

    @property
    def calls(self) -> list[Call]:
        """Every request, in order."""
        return [Call(each.method, each.path, each.headers, each.json()) for each in self.simulator.calls]

    @property
    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Every message that reached a customer, as (to, message), in order."""
        return [(each.to, each.content) for each in self.simulator.reached]

    def settings(self) -> dict[str, Any]:
        """An account's settings that lead here."""
        return {"connector": "line", **LineSimulator.sample(self.url)}

    def issue(self, token: str, to: str) -> None:
        """Makes a reply token good for one use within a minute."""
        self.simulator.now = datetime.now(UTC)
        self.simulator.grant(token, to, REPLY_LIFE_S, uses=1)

    def texts(self, to: str) -> list[str]:
        """The texts that reached somebody."""
        return [message["text"] for target, message in self.messages if target == to and message["type"] == "text"]

    async def send(self, request: Request, url: str, *, redeliver: int = 0) -> list[int]:
        """Posts a simulated webhook, then again as redeliveries (signed anew); the statuses of the answers."""
        for event in json.loads(request.body)["events"]:
            if "replyToken" in event:
                source = event["source"]
                self.issue(event["replyToken"], source.get("groupId") or source.get("roomId") or source["userId"])
        times = [Webhook(1, request.body, request.received_at, attempt=1 + again) for again in range(1 + redeliver)]
        signed = [self.simulator.signed(each) for each in times]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
            return [await _post(session, url, each) for each in signed]

    # -- what it answers ----------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        made = await provider_request(request, self.url)
        kind = request.path.rpartition("/")[2]
        if kind in ("reply", "push") and request.headers.get("authorization") == f"Bearer {TOKEN}":
            return await self._send(request, kind, json.loads(made.body))
        if kind == "content":
            self._put(request.path.split("/")[-2])
        return _web(self.simulator.handle(made, datetime.now(UTC)))

    async def _send(self, request: web.Request, kind: str, body: Any) -> web.Response:
        made = await provider_request(request, self.url)
        if self.answers:
            status, message = self.answers.pop(0)
            self.simulator.faults.append(Fault(json_answer(status, {"message": message})))
            return _web(self.simulator.handle(made, datetime.now(UTC)))
        response = self._push(made, body)
        if self.lose_next and response.status == 200:
            self.lose_next -= 1
            assert request.transport is not None
            request.transport.abort()
        return response

    def _push(self, made: ProviderRequest, body: Any) -> web.Response:
        return _web(self.simulator.handle(made, datetime.now(UTC)))

    def _put(self, content: str) -> None:
        """The content as tests have set it, for the simulator to serve."""
        pending = self.transcoding.get(content, 0)
        if content in self.contents or pending:
            media_type, data = self.contents.get(content, ("", b""))
            self.simulator.media[content] = Media(data, media_type, pending)
            self.transcoding[content] = max(0, pending - 1)


@asynccontextmanager
async def fake_line() -> AsyncIterator[FakeLine]:
    """The platform on a free port of loopback."""
    platform = FakeLine()
    app = web.Application(client_max_size=2_000_000)
    app.router.add_route("*", "/{path:.*}", platform.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        platform.listen(f"http://127.0.0.1:{runner.addresses[0][1]}")
        yield platform
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)


def _web(answer: ProviderResponse) -> web.Response:
    return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)


async def _post(session: aiohttp.ClientSession, url: str, request: Request) -> int:
    async with session.post(url, data=request.body, headers=dict(request.headers)) as response:
        return response.status
