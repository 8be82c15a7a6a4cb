"""The API as an aiohttp application: the table's routes behind the door, and every error told as a problem."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from router.api import docs, events
from router.api.access import check
from router.api.agent import socket
from router.api.body import decode, read_body, read_query
from router.api.call import Call, Route
from router.api.openapi import document
from router.api.problems import ApiError, of_http
from router.api.services import ApiServices
from router.api.table import ROUTES
from router.api.tokens import Token
from router.api.writes import as_json, store_trouble
from router.observe.metrics import Metrics
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.api")

PREFIX = "/v1"

_OPEN = Token("", "", (), datetime(1970, 1, 1, tzinfo=UTC))
"""Stands for whoever asks, on routes that are open to all."""


def make_api(services: ApiServices) -> web.Application:
    """The application, to be mounted with ``root.add_subapp("/v1", make_api(services))``."""
    app = web.Application(middlewares=[_counting(services.metrics), _problems], client_max_size=services.limits.body)
    app[docs.DOCUMENT] = document(services.public_url)
    app[events.STREAMS] = events.Streams()
    app[socket.SOCKETS] = socket.Sockets()
    app.on_shutdown.append(_shut_down)
    for route in ROUTES:
        app.router.add_route(route.method, route.path.removeprefix(PREFIX), _handler(route, services))
    return app


async def _shut_down(app: web.Application) -> None:
    """Streams and sockets never end by themselves; aiohttp would wait for them."""
    for task in list(app[events.STREAMS].open):
        task.cancel()
    await app[socket.SOCKETS].close()


def _handler(route: Route, services: ApiServices) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        token = _OPEN if route.scope is None else await check(request, services.tokens, route.scope)
        call = Call(request, services, token)
        await _read(call, route)
        return _answer(route, await route.handler(call))

    return handle


async def _read(call: Call, route: Route) -> None:
    if route.query is not None:
        call.query = read_query(call.request, route.query)
    if route.body is not None:
        call.raw = await read_body(call.request, call.services.limits.body)
        call.body = decode(call.raw, route.body)


def _answer(route: Route, value: Any) -> web.StreamResponse:
    if isinstance(value, web.StreamResponse):
        return value
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=route.status, body=as_json(value), content_type="application/json", headers=headers)


def _counting(metrics: Metrics) -> Middleware:
    @web.middleware
    async def count(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        began = time.perf_counter()
        answer = await handler(request)
        metrics.requests[_route_of(request), answer.status] += 1
        metrics.request_seconds.observe(time.perf_counter() - began)
        return answer

    return count


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error.response
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return of_http(error).response
    except StoreError as error:
        return store_trouble(error).response
    except asyncio.CancelledError:
        raise
    except Exception as error:
        # The kind only: messages of foreign exceptions can quote their input.
        log.error("api.failed", method=request.method, route=_route_of(request), error=type(error).__name__)
        return ApiError(500, "this went wrong on our side", name="internal").response


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""
