"""A LINE platform on loopback: it knows tokens, reply tokens and retry keys, and keeps a record of everything.

It can be made to misbehave: ``answers`` are given instead of its own, ``lose_next`` acts and then drops the connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from connectors.api import Request
from connectors.kit.signatures import hmac_sha256_base64

TOKEN = "token-of-the-channel"
SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
REPLY_LIFE_S = 60.0
RATE = (429, "The API rate limit has been exceeded. Try again later.")
QUOTA = (429, "You have reached your monthly limit.")


@dataclass
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FakeLine:
    """What the platform knows. ``messages``: every message that reached a customer, as (to, message), in order."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    """Status and message to answer to the next sends instead of doing them."""
    lose_next: int = 0
    """How many sends are done and their answers lost."""
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    transcoding: dict[str, int] = field(default_factory=dict)
    """How often a content's request is answered 202 before it is there."""
    _replies: dict[str, tuple[str, float]] = field(default_factory=dict)
    _accepted: dict[str, tuple[Any, list[dict[str, str]]]] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """An account's settings that lead here."""
        return {
            "connector": "line", "channel_secret": SECRET, "channel_access_token": TOKEN,
            "api_base": self.url, "data_base": self.url,
        }  # fmt: skip

    def issue(self, token: str, to: str, at: float | None = None) -> None:
        """Makes a reply token good for one use within a minute."""
        self._replies[token] = (to, time.monotonic() if at is None else at)

    def texts(self, to: str) -> list[str]:
        """The texts that reached somebody."""
        return [message["text"] for target, message in self.messages if target == to and message["type"] == "text"]

    async def send(self, request: Request, url: str, *, redeliver: int = 0) -> list[int]:
        """Posts a simulated webhook, then again as redeliveries (signed anew); the statuses of the answers."""
        bodies = [request.body] + [_redelivery(request.body)] * redeliver
        for event in json.loads(request.body)["events"]:
            if "replyToken" in event:
                source = event["source"]
                self.issue(event["replyToken"], source.get("groupId") or source.get("roomId") or source["userId"])
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
            return [await _post(session, url, body) for body in bodies]

    # -- what it answers ----------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.calls.append(Call(request.method, request.path, {k.lower(): v for k, v in request.headers.items()}, body))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "Authentication failed. Confirm that the access token is valid.")
        match (request.method, request.path.strip("/").split("/")):
            case ("POST", ["v2", "bot", "message", "reply" | "push" as kind]):
                return await self._send(request, kind, body)
            case ("POST", ["v2", "bot", "chat", "loading", "start"]):
                return web.json_response({}, status=202)
            case ("POST", ["v2", "bot", "chat", "markAsRead"]):
                return web.json_response({})
            case ("GET", ["v2", "bot", "info"]):
                return web.json_response({"userId": "U" + "0" * 32, "basicId": "@fake", "displayName": "Fake"})
            case ("GET", ["v2", "bot", "message", content, "content"]):
                return self._content(content)
            case ("GET", ["v2", "bot", "profile", user] | ["v2", "bot", "group" | "room", _, "member", user]):
                return web.json_response(self.profiles[user]) if user in self.profiles else _error(404, "Not found")
            case _:
                return _error(404, "Not found")

    async def _send(self, request: web.Request, kind: str, body: Any) -> web.Response:
        if self.answers:
            return _error(*self.answers.pop(0))
        response = self._reply(request, body) if kind == "reply" else self._push(request, body)
        if self.lose_next and response.status == 200:
            self.lose_next -= 1
            assert request.transport is not None
            request.transport.abort()
        return response

    def _reply(self, request: web.Request, body: Any) -> web.Response:
        if "x-line-retry-key" in request.headers:
            return _error(400, "The retry key is not allowed here")
        to, at = self._replies.pop(body["replyToken"], ("", 0.0))
        if not to or time.monotonic() - at > REPLY_LIFE_S:
            return _error(400, "Invalid reply token")
        return self._accept(to, body)

    def _push(self, request: web.Request, body: Any) -> web.Response:
        key = request.headers.get("x-line-retry-key")
        if key is not None and key in self._accepted:
            earlier, sent = self._accepted[key]
            if earlier != body:
                return _error(400, "The body of a retry differs from the first request's")
            answer = {"message": "The retry key is already accepted", "sentMessages": sent}
            return web.json_response(answer, status=409)
        response = self._accept(body["to"], body)
        if key is not None and response.status == 200:
            self._accepted[key] = (body, json.loads(response.text or "")["sentMessages"])
        return response

    def _accept(self, to: str, body: Any) -> web.Response:
        messages = body["messages"]
        if not 1 <= len(messages) <= 5:
            return _error(400, "The request body has 1 error(s)")
        if any(len(each.get("text", "").encode("utf-16-le")) > 10_000 for each in messages):
            return _error(400, "Length must be between 0 and 5000")
        sent = []
        for message in messages:
            self.messages.append((to, message))
            sent.append({"id": str(461_230_966_842_000_000 + len(self.messages)), "quoteToken": "q"})
        return web.json_response({"sentMessages": sent}, headers={"x-line-request-id": "fake"})

    def _content(self, content: str) -> web.Response:
        if self.transcoding.get(content, 0) > 0:
            self.transcoding[content] -= 1
            return web.Response(status=202)
        if content not in self.contents:
            return _error(404, "Not found")
        media_type, data = self.contents[content]
        return web.Response(body=data, content_type=media_type)


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
        platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield platform
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _redelivery(body: bytes) -> bytes:
    payload = json.loads(body)
    for event in payload["events"]:
        event["deliveryContext"]["isRedelivery"] = True
    return msgspec.json.encode(payload)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> int:
    signature = hmac_sha256_base64(SECRET.encode(), body).decode()
    headers = {"content-type": "application/json", "X-Line-Signature": signature}
    async with session.post(url, data=body, headers=headers) as response:
        return response.status
