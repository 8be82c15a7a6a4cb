"""The HTTP server of a process: intake first and fast, everything else through an ordinary aiohttp application.

``web.Application`` costs a tenth of a request for what intake does not need (routing, middlewares), so requests under
``/in/`` are answered before the application sees them. One port serves all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from router.edge import intake, sockets

log = structlog.get_logger("madoguchi.edge")

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_SWEEP_S: Final = 1.0
_LINGER_S: Final = 3.0
_BODY_S: Final = 120.0
"""The most that a body may take which intake does not read: an upload over the API."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Times in seconds."""

    host: str
    port: int
    path: str | None = None
    """A unix socket instead of host and port."""
    share: bool = False
    """Other processes listen on the same port (SO_REUSEPORT)."""
    header_timeout_s: float = 10.0
    keepalive_s: float = 75.0
    max_connections: int = 10_000


class HttpServer:
    """Listens, and gives each request to whom it belongs."""

    def __init__(
        self, settings: ServerSettings, app: web.Application, taking: intake.Intake | None, chatting: Answer | None
    ) -> None:
        self._settings = settings
        self._app = app
        self._runner = web.AppRunner(app)
        self._taking = taking
        self._chatting = chatting
        self._server: asyncio.Server | None = None
        self._web_server: web.Server | None = None
        self.turned_away = 0

    async def start(self) -> None:
        """Opens the socket.

        Raises:
            OSError: the address is taken or not ours.
        """
        # The application is started like by its runner, but its server is one that looks at intake first.
        await self._runner.setup()
        self._web_server = _Server(
            self._dispatch,
            request_factory=self._app._make_request,
            access_log=None,
            keepalive_timeout=self._settings.keepalive_s,
            # Signatures are over the bytes as sent; and a small body must not become a large one.
            auto_decompress=False,
            handler_cancellation=False,
            # How long the rest of a body is read that nobody wants, so that the sender sees the answer.
            lingering_time=_LINGER_S,
        )
        self._server = await self._listen(self._web_server)

    async def _listen(self, server: web.Server) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        settings = self._settings
        if settings.path is not None:
            return await loop.create_unix_server(server, settings.path)
        return await loop.create_server(
            server, settings.host, settings.port, backlog=1_024, reuse_port=settings.share or None
        )

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if self._taking is not None and path.startswith(intake.PREFIX):
            return await self._taking.answer(request)
        if self._chatting is not None and path.startswith(sockets.PREFIX):
            return await self._chatting(request)
        return await self._app._handle(request)  # type: ignore[arg-type]

    @property
    def port(self) -> int:
        """The port that is listened on (of use when 0 was asked for)."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    # -- connections ------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Until cancelled: closes connections that do not say what they want, and those over the limit. aiohttp has no
        time-out for a request that does not arrive."""
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._settings.header_timeout_s / 4))
            self._close_silent(asyncio.get_running_loop().time())

    def _close_silent(self, now: float) -> None:
        assert self._web_server is not None
        alive: list[Any] = list(self._web_server.connections)
        for protocol in alive:
            if _is_idle(protocol) and 0 < protocol.waits_since < now - self._settings.header_timeout_s:
                self._abort(protocol)
            elif _is_sending_body(protocol):
                self._hurry(protocol, now)
        surplus = len(alive) - self._settings.max_connections
        if surplus > 0:
            self._close_idle(alive, surplus)

    def _hurry(self, protocol: Any, now: float) -> None:
        """A body that is on its way for too long, whoever reads it. Intake has a stricter limit of its own."""
        request = protocol._current_request
        if protocol.body_of is not request:
            protocol.body_of, protocol.body_since = request, now
        elif protocol.body_since < now - _BODY_S:
            self._abort(protocol)

    def _close_idle(self, alive: list[Any], surplus: int) -> None:
        for protocol in list(filter(_is_idle, alive))[:surplus]:
            self._abort(protocol)

    def _abort(self, protocol: Any) -> None:
        if protocol.transport is not None:
            self.turned_away += 1
            protocol.transport.abort()

    async def close_listener(self) -> None:
        """Takes no new connections; those that stand are served on."""
        if self._server is not None:
            self._server.close()

    async def stop(self, patience_s: float) -> None:
        """Ends: requests under way may finish for so many seconds."""
        await self.close_listener()
        await self._app.shutdown()
        if self._web_server is not None:
            self._web_server.pre_shutdown()
            await self._web_server.shutdown(patience_s)
        await self._runner.cleanup()


class _Protocol(RequestHandler):
    """aiohttp's, which also notes since when a request line or headers are incomplete: 0.0 when they are not."""

    __slots__ = ("body_of", "body_since", "waits_since")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.waits_since = self._loop.time()
        self.body_of: object = None
        self.body_since = 0.0
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages or self._request_in_progress or self._upgraded:
            self.waits_since = 0.0
        elif not self.waits_since:
            self.waits_since = self._loop.time()


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


def _is_idle(protocol: Any) -> bool:
    return not protocol._request_in_progress and not protocol._messages


def _is_sending_body(protocol: Any) -> bool:
    request = protocol._current_request
    return request is not None and not request._payload.is_eof() and not protocol._upgraded
