"""Serving the pages. They come from the package itself and speak only to the API beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import msgspec
from aiohttp import web

_KINDS: Final = {
    "console.html": "text/html",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "words.js": "text/javascript",
    "link.js": "text/javascript",
    "desk.js": "text/javascript",
    "show.js": "text/javascript",
    "verdict.js": "text/javascript",
    "quickstart.html": "text/html",
    "quickstart.css": "text/css",
    "quickstart.js": "text/javascript",
    "customer.html": "text/html",
    "customer.css": "text/css",
    "customer.js": "text/javascript",
}
_COMMON: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
)


@dataclass(frozen=True, slots=True)
class QuickstartFacts:
    """What the quickstart page shows beside the two frames.

    ``webchat``: the account whose widget is the customer's side; ``email`` and ``line``: the commands to type.
    """

    webchat: str
    email: str = ""
    line: str = ""
    token_hint: str = ""


def add_console(app: web.Application, language: str = "en", quickstart: QuickstartFacts | None = None) -> None:
    """Adds ``/console``, and with ``quickstart`` also ``/quickstart``."""
    app.router.add_get("/console", _page("console.html", language, "'self'"))
    if quickstart is not None:
        app.router.add_get("/quickstart", _page("quickstart.html", language, "'none'"))
        app.router.add_get("/quickstart/customer", _customer(language))
        app.router.add_get("/quickstart/facts.json", _facts(quickstart))
    for name in _KINDS:
        if not name.endswith(".html"):
            app.router.add_get(f"/console/{name}", _page(name, language, "'none'"))


Handler = Callable[[web.Request], Awaitable[web.Response]]


def _page(name: str, language: str, framed_by: str) -> Handler:
    policy = f"{_COMMON}frame-src 'self'; frame-ancestors {framed_by}"

    async def handle(request: web.Request) -> web.Response:
        return _answer(name, language, policy)

    return handle


def _customer(language: str) -> Handler:
    policy = f"{_COMMON}frame-ancestors 'self'"

    async def handle(request: web.Request) -> web.Response:
        return _answer("customer.html", language, policy)

    return handle


def _facts(facts: QuickstartFacts) -> Handler:
    body = msgspec.json.encode({
        "webchat": facts.webchat, "email": facts.email, "line": facts.line, "token_hint": facts.token_hint
    })  # fmt: skip

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    return handle


def _answer(name: str, language: str, policy: str) -> web.Response:
    text = files("router.console").joinpath("page", name).read_text("utf-8")
    headers: dict[str, Any] = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return web.Response(text=text.replace("{{language}}", language), content_type=_KINDS[name], headers=headers)
