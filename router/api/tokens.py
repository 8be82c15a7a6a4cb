"""Bearer tokens: ``mdg_<id>_<secret>``. Kept as a hash of the secret, in one Redis hash, found by the id."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Final, Literal, get_args

import msgspec

from contracts.streams import LAYOUT
from router.store.lane import Lane

Scope = Literal["read", "reply", "assign", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

KEY: Final = f"{LAYOUT}:tokens"
_FORM: Final = re.compile(r"mdg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY: Final = hashlib.sha256(b"nobody").digest()


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token as it is kept and shown; the secret itself is nowhere.

    ``agent``: whoever holds it is this agent. ``scopes``: ``admin`` includes all others.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    agent: str | None = None
    expires_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it opens what needs this scope."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def by(self) -> str:
        """Who acts, as commands and events name them."""
        return f"agent:{self.agent}" if self.agent else f"token:{self.id}"


class _Kept(msgspec.Struct, frozen=True):
    token: Token
    hash: bytes


class TokenStore:
    """Tokens in the store. ``lane`` should be durable: a revoked token must stay revoked."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def create(
        self,
        name: str,
        scopes: tuple[Scope, ...],
        *,
        agent: str | None = None,
        expires_at: datetime | None = None,
        at: datetime | None = None,
    ) -> tuple[Token, str]:
        """A new token and its text, which is shown this once."""
        id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = Token(id, name, scopes, at or datetime.now(UTC), agent, expires_at)
        await self._lane.call(KEY, "HSET", KEY, id, msgspec.msgpack.encode(_Kept(token, _hash(secret))))
        return token, f"mdg_{id}_{secret}"

    async def find(self, text: str, at: datetime | None = None) -> Token | None:
        """The token with this text, unless it is unknown, revoked or has expired. Compares in constant time."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        kept = await self._kept(form[1])
        matches = hmac.compare_digest(_hash(form[2]), kept.hash if kept else _NOBODY)
        if kept is None or not matches or _is_over(kept.token, at or datetime.now(UTC)):
            return None
        return kept.token

    async def stands(self, id: str, at: datetime | None = None) -> bool:
        """Whether a token that was good is so still; for connections that stay open."""
        kept = await self._kept(id)
        return kept is not None and not _is_over(kept.token, at or datetime.now(UTC))

    async def all(self) -> list[Token]:
        """Every token, oldest first."""
        answer = await self._lane.call(KEY, "HVALS", KEY)
        kept = [msgspec.msgpack.decode(value, type=_Kept).token for value in answer]
        return sorted(kept, key=lambda token: (token.created_at, token.id))

    async def revoke(self, id: str) -> bool:
        """Removes it; False when there was none."""
        return bool(await self._lane.call(KEY, "HDEL", KEY, id))

    async def _kept(self, id: str) -> _Kept | None:
        value = await self._lane.call(KEY, "HGET", KEY, id)
        return None if value is None else msgspec.msgpack.decode(value, type=_Kept)


def _hash(secret: str) -> bytes:
    # A plain hash is enough: the secret has 256 bits of chance, so there is nothing to guess.
    return hashlib.sha256(secret.encode("ascii")).digest()


def _is_over(token: Token, at: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= at
