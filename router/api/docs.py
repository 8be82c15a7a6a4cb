"""The API's own description: OpenAPI, and a page to try it. Open to all: it says what there is, not what is in it."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web

from router.api.call import Call

DOCUMENT: web.AppKey[bytes] = web.AppKey("openapi", bytes)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {"docs.html": "text/html", "docs.js": "text/javascript", "docs.css": "text/css"}


async def get_openapi(call: Call) -> web.Response:
    return web.Response(body=call.request.app[DOCUMENT], content_type="application/json")


async def get_docs(call: Call) -> web.Response:
    return _page("docs.html")


async def get_docs_file(call: Call) -> web.Response:
    name = call.path("name")
    if name not in _KINDS:
        raise web.HTTPNotFound
    return _page(name)


def _page(name: str) -> web.Response:
    body = files("router.api").joinpath("page", name).read_bytes()
    headers = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(body=body, content_type=_KINDS[name], charset="utf-8", headers=headers)
