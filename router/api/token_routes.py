"""Tokens: made, listed and revoked by an admin."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from aiohttp import web

from router.api.call import Call
from router.api.paging import Page
from router.api.problems import bad_input, not_found
from router.api.tokens import Scope, Token


class NewToken(msgspec.Struct, frozen=True):
    """``agent``: the token is this agent's. Without ``expires_at`` it stands until it is revoked."""

    name: str
    scopes: tuple[Scope, ...]
    agent: str | None = None
    expires_at: datetime | None = None


class MadeToken(msgspec.Struct, frozen=True):
    """``text`` is shown this once and kept nowhere."""

    token: Token
    text: str


async def create_token(call: Call) -> MadeToken:
    body: NewToken = call.body
    if not 1 <= len(body.name.strip()) <= 100:
        raise bad_input("a name has 1 to 100 characters", where="$.name")
    if not body.scopes or len(set(body.scopes)) != len(body.scopes):
        raise bad_input(
            "name each scope once, and at least one", where="$.scopes", expected="read, reply, assign, admin"
        )
    _check_expiry(body.expires_at)
    token, text = await call.services.tokens.create(
        body.name, body.scopes, agent=body.agent, expires_at=body.expires_at
    )
    return MadeToken(token, text)


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    if expires_at.tzinfo is None or expires_at <= datetime.now(UTC):
        raise bad_input("expires_at must lie ahead and have a time zone", where="$.expires_at")


async def list_tokens(call: Call) -> Page[Token]:
    return Page(tuple(await call.services.tokens.all()))


async def revoke_token(call: Call) -> web.Response:
    if not await call.services.tokens.revoke(call.path("id")):
        raise not_found("token", call.path("id"))
    return web.Response(status=204)
