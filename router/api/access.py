"""The door: every request but the open ones needs a token with the route's scope."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from router.api.problems import ApiError
from router.api.tokens import Scope, Token, TokenStore

_REALM: Final = 'Bearer realm="madoguchi"'


async def check(request: web.Request, tokens: TokenStore, scope: Scope) -> Token:
    """The token of the request.

    Raises:
        ApiError: 401 no token, or not a good one; 403 it lacks the scope.
    """
    return require(await authenticate(request, tokens), scope)


async def authenticate(request: web.Request, tokens: TokenStore) -> Token:
    """The token named in ``Authorization``. Raises ApiError 401."""
    text = bearer(request)
    if text is None:
        raise ApiError(401, "this needs a token: Authorization: Bearer mdg_...", headers={"WWW-Authenticate": _REALM})
    token = await tokens.find(text)
    if token is None:
        raise unknown_token()
    return token


def bearer(request: web.Request) -> str | None:
    """The bearer token in the header, if there is one; never from the URL, which is logged."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.strip() else None


def unknown_token() -> ApiError:
    """The token is not, or no longer, good; which of it is not told."""
    header = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
    return ApiError(401, "the token is unknown, revoked or has expired", name="invalid-token", headers=header)


def require(token: Token, scope: Scope) -> Token:
    """The token, if it has the scope. Raises ApiError 403."""
    if token.may(scope):
        return token
    header = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'}
    raise ApiError(403, f"this needs a token with the scope {scope}", name="insufficient-scope", headers=header)
