"""What is served besides the socket: the widget, a page to try it, and tokens."""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib import resources

import msgspec

from connectors.api import Request, Response
from connectors.webchat.origin import allowed, cors
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.token import TokenError, Tokens, Visitor
from connectors.webchat.user import UserError, read_user

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, x-file-name",
    "Access-Control-Max-Age": "600",
}
_SCRIPT = "text/javascript; charset=utf-8"
_SAFE = {"X-Content-Type-Options": "nosniff"}


class Asked(msgspec.Struct, frozen=True):
    """The body of ``POST /token``: who is logged in, else a token to renew, else the browser's own nonce."""

    nonce: str | None = None
    token: str | None = None
    user: str | None = None


class Issued(msgspec.Struct, frozen=True):
    """Its answer. ``expires_at`` in seconds since 1970."""

    token: str
    visitor: str
    expires_at: int


_asked = msgspec.json.Decoder(Asked)


class Pages:
    """The requests of one account that carry no event."""

    def __init__(self, account: str, settings: WebchatSettings, tokens: Tokens) -> None:
        self._account = account
        self._settings = settings
        self._tokens = tokens
        self._widget = _asset("widget.js")
        self._demo = _asset("demo.html").decode()
        self._packed = gzip.compress(self._widget, 9, mtime=0)
        self._etag = f'W/"{hashlib.sha256(self._widget).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response | None:
        """The answer, or None for a request that is not one of these."""
        match request.method, request.path:
            case (("GET" | "HEAD"), "/widget.js"):
                return self._script(request)
            case (("GET" | "HEAD"), "/demo"):
                return self._try_out(request)
            case "OPTIONS", "/token" | "/upload":
                return self._preflight(request)
            case "POST", "/token":
                return self._issue(request)
            case _:
                return None

    def _script(self, request: Request) -> Response:
        headers = _SAFE | {
            "ETag": self._etag,
            "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        }
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(200, self._widget, _SCRIPT, headers)
        return Response(200, self._packed, _SCRIPT, headers | {"Content-Encoding": "gzip"})

    def _try_out(self, request: Request) -> Response:
        lang = "en" if request.query.get("lang") == "en" else "ja"
        page = self._demo.replace('<html lang="ja">', f'<html lang="{lang}">')
        style = page.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = (
            "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' http: https:; "
            f"media-src 'self' http: https:; style-src 'sha256-{digest}'; "
            "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )
        headers = _SAFE | {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        return Response(200, page.encode(), "text/html; charset=utf-8", headers)

    def _preflight(self, request: Request) -> Response:
        if not allowed(self._settings.origins, request.headers):
            return Response(403)
        return Response(204, headers=_PREFLIGHT | cors(request.headers))

    def _issue(self, request: Request) -> Response:
        if not allowed(self._settings.origins, request.headers):
            return _problem(request, 403, "origin")
        try:
            visitor = self._visitor(_asked.decode(request.body), request)
        except (msgspec.DecodeError, RecursionError):
            return _problem(request, 400, "malformed")
        except UserError:
            return _problem(request, 401, "user_invalid")
        except TokenError as error:
            return _problem(request, 401, str(error))
        issued = Issued(self._tokens.sign(visitor), visitor.address, visitor.expires)
        return _json(request, 200, issued)

    def _visitor(self, asked: Asked, request: Request) -> Visitor:
        now = request.received_at
        if asked.user is not None:
            if self._settings.user_key is None:
                raise UserError("no user_key is set")
            return self._tokens.known(read_user(asked.user, self._settings.user_key, self._account, now), now)
        if asked.token is not None:
            return self._tokens.renew(self._tokens.read(asked.token, now), now)
        return self._tokens.anonymous(asked.nonce or "", now)


def _problem(request: Request, status: int, code: str) -> Response:
    return _json(request, status, {"error": code})


def _json(request: Request, status: int, said: object) -> Response:
    headers = _SAFE | cors(request.headers) | {"Cache-Control": "no-store"}
    return Response(status, msgspec.json.encode(said), "application/json", headers)


def _asset(name: str) -> bytes:
    return resources.files(__package__).joinpath("assets", name).read_bytes()
