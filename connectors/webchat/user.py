"""Who is logged in, signed by the operator's backend: a JWT with exactly one algorithm, HS256.

Written out rather than taken from a library: forty lines with nothing to choose from (no ``none``, no key types, no
header that picks the algorithm), against one more dependency for every installation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Annotated

import msgspec

from connectors.api import Secret
from contracts.identity import Claims, Profile

MAX_LIFETIME_S = 300
LEEWAY_S = 30
_MAX_LENGTH = 4_096

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class UserError(ValueError):
    """Why a signed identity was not accepted."""


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """A logged-in user as the operator's backend knows them. ``sub`` is their id in the operator's system."""

    sub: Short
    email: Short | None = None
    email_verified: bool = False
    name: Short | None = None

    def claims(self) -> Claims:
        """As claims; the operator vouches for ``sub``, and for the email where they say so."""
        email = self.email.lower() if self.email else None
        return Claims(email=email, email_verified=self.email_verified and email is not None, external_id=self.sub)

    def profile(self, language: str | None) -> Profile:
        return Profile(name=self.name, language=language)


class _Header(msgspec.Struct):
    alg: str


class _Body(msgspec.Struct):
    aud: str
    exp: int | float


_header = msgspec.json.Decoder(_Header)
_body = msgspec.json.Decoder(_Body)
_user = msgspec.json.Decoder(User)


def read_user(jwt: str, key: Secret, account: str, now: datetime) -> User:
    """The user that a JWT names.

    Raises:
        UserError: wrong signature or algorithm, another account's, at its end, or good for longer than five minutes.
    """
    head, body, signature = _split(jwt)
    if not hmac.compare_digest(signature, hmac.digest(key.key(), f"{head}.{body}".encode(), hashlib.sha256)):
        raise UserError("wrong signature")
    try:
        alg, facts, user = _header.decode(_bytes(head)).alg, _body.decode(_bytes(body)), _user.decode(_bytes(body))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise UserError(f"not as expected: {error}") from None
    _check(alg, facts, account, now.timestamp())
    return user


def _check(alg: str, facts: _Body, account: str, now: float) -> None:
    if alg != "HS256":
        raise UserError("alg has to be HS256")
    if facts.aud != account:
        raise UserError("aud has to be this account's name")
    if facts.exp <= now - LEEWAY_S:
        raise UserError("at its end")
    if facts.exp > now + MAX_LIFETIME_S + LEEWAY_S:
        raise UserError("exp may be at most five minutes ahead")


def _split(jwt: str) -> tuple[str, str, bytes]:
    pieces = jwt.split(".", 3)
    if len(pieces) != 3 or len(jwt) > _MAX_LENGTH or not jwt.isascii():
        raise UserError("no JWT")
    return pieces[0], pieces[1], _bytes(pieces[2])


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UserError("no base64url") from None
