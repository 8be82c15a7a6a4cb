"""A small host for the web chat connector: sockets and HTTP as the service does them, everything kept in memory.

It can be made to misbehave: ``cut()`` drops the sockets, ``down`` refuses new ones, ``deaf`` loses the answers to
what it has already stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from connectors.api import (
    Action,
    Batch,
    Close,
    Connector,
    Ignored,
    Invite,
    Malformed,
    Publish,
    Refused,
    Request,
    Response,
    Say,
    Session,
    SessionOpen,
    Typing,
    Watch,
)
from contracts import ids
from contracts.attachment import Attachment
from contracts.content import Part, Text, plain_text
from contracts.events import MessageQueued, MessageReceived
from contracts.inbound import InboundMessage
from contracts.message import Message

CODE = "MG-7K3F-9Q2M"


class Line:
    """One open socket."""

    def __init__(self, socket: web.WebSocketResponse, session: Session) -> None:
        self.socket = socket
        self.session = session
        self.address: str | None = None


class ChatHost:
    """One account. ``messages`` is the whole log, in order; a position is a message's number in it."""

    def __init__(self, connector: Connector[Any]) -> None:
        self.connector = connector
        self.messages: list[Message] = []
        self.published: list[Any] = []
        self.blobs: dict[str, tuple[bytes, str]] = {}
        self.lines: set[Line] = set()
        self.deaf = False
        self.down = False
        self.echo = False
        self.resumed: list[str | None] = []
        self.url = ""

    # -- what tests do ----------------------------------------------------------------------------------------------

    def said(self) -> list[str]:
        """The texts that visitors said, in order."""
        parts = [part for message in self.messages if message.direction == "inbound" for part in message.parts]
        return [part.text for part in parts if isinstance(part, Text)]

    def addresses(self) -> set[str]:
        return {message.address for message in self.messages}

    async def answer(self, *parts: Part, address: str | None = None, name: str | None = "佐藤") -> Message:
        """An agent's answer, to the only visitor unless told."""
        number = len(self.messages) + 1
        to = address or self.messages[0].address
        message = self._message(number, f"ms_answer{number}", "outbound", to, parts, "queued", name, None)
        await self._append(message)
        return message

    async def typing(self, on: bool = True) -> None:
        for line in list(self.lines):
            await self._do(line, line.session.event("", Typing(line.address or "", on)))

    async def tell(self, event: Any) -> None:
        """A live event for every open socket."""
        for line in list(self.lines):
            await self._do(line, line.session.event(str(len(self.messages)), event))

    async def cut(self) -> None:
        """Drops every socket, as a network does."""
        for line in list(self.lines):
            if line.socket._req is not None and line.socket._req.transport is not None:
                line.socket._req.transport.abort()
        await asyncio.sleep(0)

    # -- what the service does --------------------------------------------------------------------------------------

    async def _append(self, message: Message) -> None:
        self.messages.append(message)
        kind = MessageReceived if message.direction == "inbound" else MessageQueued
        event = kind(id=f"ev_{message.seq}", at=message.at, message=message)
        for line in list(self.lines):
            if line.address == message.address:
                await self._do(line, line.session.event(str(message.seq), event))

    async def _publish(self, line: Line, publish: Publish) -> None:
        self.published.append(publish.event)
        event = publish.event
        if isinstance(event, InboundMessage):
            await self._receive(event)
        if not self.deaf:
            await self._do(line, line.session.published(publish.tag))

    async def _receive(self, event: InboundMessage) -> None:
        identifier = ids.message_id(self.connector.account, event.provider_id)
        if any(message.id == identifier for message in self.messages):
            return
        number, to = len(self.messages) + 1, event.sender.address
        message = self._message(number, identifier, "inbound", to, event.parts, "received", None, event.provider_id)
        await self._append(message)
        if self.echo:
            await self.answer(Text(f"{plain_text(event.parts)}、ですね。"), address=to)

    def _message(
        self, number: int, identifier: str, direction: Any, address: str, parts: tuple[Part, ...], state: Any,
        name: str | None, provider_id: str | None,
    ) -> Message:  # fmt: skip
        return Message(
            identifier, "cv_00_a", "ct_00_a", number, direction, "webchat", self.connector.account, address, parts,
            datetime.now(UTC), state=state, author_name=name, provider_id=provider_id,
        )  # fmt: skip

    async def _do(self, line: Line, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Say(frame=frame):
                    if not self.deaf and not line.socket.closed:
                        await line.socket.send_str(frame)
                case Publish():
                    await self._publish(line, action)
                case Watch(address=address, after=after):
                    line.address = address
                    self.resumed.append(after)
                    since = int(after or 0) - 1  # one that the client has already: it must not show twice
                    mine = [(str(m.seq), m) for m in self.messages if m.address == address and m.seq > since]
                    await self._do(line, line.session.history(mine if after else mine[-50:]))
                case Invite():
                    links = {"line": "https://line.me/R/oaMessage/x", "evil": "javascript:alert(1)"}
                    await self._do(line, line.session.invited(CODE, links))
                case Typing():
                    self.published.append(action)
                case Close(code=code, reason=reason):
                    await line.socket.close(code=code, message=reason.encode())

    async def chat(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503)
        opened = SessionOpen(dict(request.query), _headers(request), datetime.now(UTC), request.remote, self._link)
        session = self.connector.session(opened)
        if isinstance(session, Refused):
            return web.Response(status=session.status)
        socket = web.WebSocketResponse(max_msg_size=65_536, compress=False, heartbeat=20)
        await socket.prepare(request)
        line = Line(socket, session)
        self.lines.add(line)
        try:
            await self._do(line, session.opened())
            async for frame in socket:
                text = frame.data if frame.type is WSMsgType.TEXT else ""
                await self._do(line, session.frame(text, datetime.now(UTC)))
        except ConnectionError:
            pass
        finally:
            self.lines.discard(line)
        return socket

    async def into(self, request: web.Request) -> web.Response:
        """``/in/<account>/...``: handshake, else verify and parse."""
        path = "/" + request.match_info["path"]
        value = Request(
            request.method, path, dict(request.query), _headers(request), await request.read(), datetime.now(UTC),
            f"{self.url}{request.path}", request.remote,
        )  # fmt: skip
        answer = self.connector.handshake(value)
        if answer is not None:
            return _answer(answer)
        verified = self.connector.verify(value)
        if isinstance(verified, Refused):
            return web.Response(status=verified.status)
        parsed = self.connector.parse(value)
        if isinstance(parsed, Batch):
            for name, body in parsed.blobs.items():
                self.blobs[name] = (body, msgspec.json.decode(parsed.response.body)["media_type"])
        return web.Response(status=parsed.status) if isinstance(parsed, Malformed) else _answer(_response(parsed))

    async def media(self, request: web.Request) -> web.Response:
        body, media_type = self.blobs[request.match_info["id"]]
        return web.Response(body=body, content_type=media_type, headers={"X-Content-Type-Options": "nosniff"})

    def _link(self, attachment: Attachment) -> str | None:
        return f"/media/{attachment.id}" if attachment.id in self.blobs else None


def _response(parsed: Batch | Ignored) -> Response:
    return parsed.response


def _answer(response: Response) -> web.Response:
    headers = {"Content-Type": response.media_type} | dict(response.headers)
    return web.Response(status=response.status, body=response.body, headers=headers)


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


@asynccontextmanager
async def chat_host(
    connector: Connector[Any], pages: dict[str, web.Response] | None = None, port: int = 0
) -> AsyncIterator[ChatHost]:
    """The host on a port of this machine (0: a free one); ``pages`` are further pages by path."""
    host = ChatHost(connector)
    app = web.Application(client_max_size=connector.manifest.max_body)
    app.router.add_get(f"/chat/{connector.account}", host.chat)
    app.router.add_route("*", f"/in/{connector.account}/{{path:.*}}", host.into)
    app.router.add_get("/media/{id}", host.media)
    for path, page in ({"/favicon.ico": web.Response(status=204)} | (pages or {})).items():
        app.router.add_get(path, _page(page))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield host
    finally:
        await runner.cleanup()


def _page(page: web.Response) -> Any:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(status=page.status, body=page.body, headers=page.headers)

    return serve
