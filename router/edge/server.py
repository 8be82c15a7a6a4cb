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

from router.edge import intake, sockets

log = structlog.get_logger("madoguchi.edge")

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_SWEEP_S: Final = 1.0


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
        self._since: dict[Any, tuple[float, float]] = {}
        """When a connection was first seen, and its end as aiohttp had set it then."""
        self.turned_away = 0

    async def start(self) -> None:
        """Opens the socket.

        Raises:
            OSError: the address is taken or not ours.
        """
        # The application is started like by its runner, but its server is one that looks at intake first.
        await self._runner.setup()
        self._web_server = web.Server(
            self._dispatch,
            request_factory=self._app._make_request,
            access_log=None,
            keepalive_timeout=self._settings.keepalive_s,
            # Signatures are over the bytes as sent; and a small body must not become a large one.
            auto_decompress=False,
            handler_cancellation=False,
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
        """Until cancelled: closes connections that never say what they want, and those over the limit. aiohttp has no
        time-out for a request that does not arrive."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._close_silent(asyncio.get_running_loop().time() - self._settings.header_timeout_s)

    def _close_silent(self, before: float) -> None:
        assert self._web_server is not None
        alive = set(self._web_server.connections)
        for protocol in [one for one in self._since if one not in alive]:
            del self._since[protocol]
        for protocol in alive:
            since = self._since.get(protocol)
            if since is None:
                self._since[protocol] = (asyncio.get_running_loop().time(), protocol._next_keepalive_close_time)
            elif since[0] < before and not _is_busy(protocol) and _never_asked(protocol, since[1]):
                self._abort(protocol)
        self._close_surplus(alive)

    def _abort(self, protocol: Any) -> None:
        if protocol.transport is not None:
            self.turned_away += 1
            protocol.transport.abort()

    def _close_surplus(self, alive: set[Any]) -> None:
        surplus = len(alive) - self._settings.max_connections
        idle = [protocol for protocol in alive if not _is_busy(protocol)]
        for protocol in idle[: max(0, surplus)]:
            self._abort(protocol)

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


def _is_busy(protocol: Any) -> bool:
    return getattr(protocol, "_current_request", None) is not None


def _never_asked(protocol: Any, first_close: float) -> bool:
    """aiohttp sets the end of an idle connection when it is made, and anew after each answer."""
    return bool(protocol._next_keepalive_close_time == first_close)
