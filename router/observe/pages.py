"""``/healthz``, ``/readyz`` and ``/metrics``, for the inside only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from contracts.codec import to_json
from router.observe.health import Health
from router.observe.metrics import CONTENT_TYPE, page


def add_pages(app: web.Application, health: Health, registry: CollectorRegistry) -> None:
    """Puts the three pages on ``app``."""
    app.router.add_get("/healthz", _healthz(health))
    app.router.add_get("/readyz", _readyz(health))
    app.router.add_get("/metrics", _metrics(registry))


Page = Callable[[web.Request], Awaitable[web.Response]]


def _healthz(health: Health) -> Page:
    async def healthz(request: web.Request) -> web.Response:
        alive = health.alive()
        return _json({"alive": alive}, 200 if alive else 503)

    return healthz


def _readyz(health: Health) -> Page:
    async def readyz(request: web.Request) -> web.Response:
        report = health.report()
        return _json(report, 200 if report["ready"] else 503)

    return readyz


def _metrics(registry: CollectorRegistry) -> Page:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=page(registry), headers={"Content-Type": CONTENT_TYPE})

    return metrics


def _json(value: object, status: int) -> web.Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return web.Response(body=to_json(value), status=status, headers=headers)
