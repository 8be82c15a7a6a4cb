"""``GET /v1/agent``: the upgrade, the hello and the close."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from contracts import codec
from router.api.access import authenticate, bearer, require, unknown_token
from router.api.agent import frames
from router.api.agent.session import AgentSession, Ended, read_frame
from router.api.call import Call
from router.api.events import check_token
from router.api.problems import ApiError, plain
from router.api.tokens import Token
from router.api.writes import store_trouble
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.api")

_HELLO_S: Final = 10.0
_CLOSES: Final[dict[int, int]] = {401: 4401, 403: 4403, 404: 4404, 503: 1013}
"""Close codes by problem: 4401 no good token, 4403 it may not, 4404 no such agent, 1013 come again; else 4400."""


class Sockets:
    """The open connections of this copy."""

    def __init__(self) -> None:
        self.open: set[web.WebSocketResponse] = set()
        self.closing = False

    async def close(self) -> None:
        """This copy goes; clients connect to another and resume."""
        self.closing = True
        await asyncio.gather(*(close(socket, WSCloseCode.SERVICE_RESTART, "restart") for socket in list(self.open)))


SOCKETS: web.AppKey[Sockets] = web.AppKey("sockets", Sockets)


async def serve(call: Call) -> web.StreamResponse:
    """See ``router/api/README.md`` for the frames. Close codes: 1012 restart, 1013 resume, 4400 to 4404 mistakes."""
    sockets, limits = call.request.app[SOCKETS], call.services.limits
    if sockets.closing or len(sockets.open) >= limits.sockets:
        raise ApiError(503, "no more connections here", name="too-many-sockets", headers={"Retry-After": "5"})
    _check_origin(call)
    token = await authenticate(call.request, call.services.tokens) if bearer(call.request) else None
    socket = web.WebSocketResponse(heartbeat=limits.heartbeat_s, max_msg_size=limits.frame, compress=False)
    if not socket.can_prepare(call.request).ok:
        raise ApiError(426, "this is a WebSocket", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    await socket.prepare(call.request)
    sockets.open.add(socket)
    try:
        await _talk(call, socket, token)
    finally:
        sockets.open.discard(socket)
    return socket


def _check_origin(call: Call) -> None:
    """A page of another site must not speak for an agent, although it would need their token to."""
    origin = call.request.headers.get("Origin")
    host = origin.partition("://")[2] if origin else None
    allowed = {call.request.host, call.services.public_url.partition("://")[2].partition("/")[0]}
    if host is not None and host not in allowed:
        raise ApiError(403, "this Origin may not open an agent's connection", name="foreign-origin")


async def _talk(call: Call, socket: web.WebSocketResponse, token: Token | None) -> None:
    try:
        hello = await _hello(socket)
        token, agent = await _admit(call, hello, token)
        await AgentSession(call.services, socket, token, agent, hello).run()
    except Ended as ended:
        await close(socket, ended.code, ended.reason)
    except ApiError as error:
        await _refuse(socket, error)
    except StoreError as error:
        await _refuse(socket, store_trouble(error))
    except Exception as error:
        log.error("agent.failed", error=type(error).__name__)
        await close(socket, WSCloseCode.INTERNAL_ERROR, "this went wrong on our side")


async def _hello(socket: web.WebSocketResponse) -> frames.Hello:
    try:
        async with asyncio.timeout(_HELLO_S):
            message = await socket.receive()
    except TimeoutError:
        raise ApiError(408, "no hello came within 10 seconds") from None
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        raise Ended(1000, "")
    frame = read_frame(message.data) if message.type is WSMsgType.TEXT else None
    if not isinstance(frame, frames.Hello):
        raise ApiError(400, "the first frame must be hello", name="unexpected-frame")
    return frame


async def _admit(call: Call, hello: frames.Hello, token: Token | None) -> tuple[Token, str]:
    if token is None:
        token = await call.services.tokens.find(hello.token) if hello.token else None
    if token is None:
        raise unknown_token()
    require(token, "read")
    if token.agent is None:
        raise ApiError(403, "this token is of no agent", name="no-agent")
    if hello.after is not None:
        check_token(hello.after, call.services.state.shards)
    return token, token.agent


async def _refuse(socket: web.WebSocketResponse, error: ApiError) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            await socket.send_frame(codec.to_json({"type": "refused", "problem": plain(error.problem)}), WSMsgType.TEXT)
    await close(socket, _CLOSES.get(error.problem.status, 4400), error.problem.detail)


async def close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    """Closes within a moment, whether or not the other side answers."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            await socket.close(code=code, message=reason.encode("utf-8")[:120])
