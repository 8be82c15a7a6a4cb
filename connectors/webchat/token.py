"""Visitor tokens: who a visitor is, signed, short-lived and bound to one account.

A visitor is named by what the browser keeps secret: ``base32(hmac(key, nonce))``. The nonce is 128 bits of the
browser's own randomness, so nobody can choose, guess or compute another's name, and nothing needs to be stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

import msgspec

from connectors.api import Secret
from connectors.webchat.user import User

_NONCE = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_MAX_TOKEN = 4_096


class TokenError(ValueError):
    """Why a token was not accepted: ``token_invalid`` or ``token_expired``."""


class Visitor(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. Times are seconds since 1970; ``signed_in`` is 0 for an anonymous visitor."""

    address: str
    issued: int
    expires: int
    signed_in: int = 0
    user: User | None = None


_decoder = msgspec.json.Decoder(Visitor)


class Tokens:
    """Makes and checks the tokens of one account. Lifetimes in seconds."""

    def __init__(self, account: str, key: Secret, lifetime: int, user_session: int) -> None:
        self._account = account.encode()
        self._key = key.key()
        self._lifetime = lifetime
        self._user_session = user_session

    def anonymous(self, nonce: str, now: datetime) -> Visitor:
        """The visitor who holds this nonce (22 letters of base64url, 128 bits).

        Raises:
            TokenError: it is no such nonce.
        """
        if not _NONCE.match(nonce):
            raise TokenError("nonce_invalid")
        return self._fresh(Visitor(self.mac("visitor", nonce.encode())[:26], 0, 0), now)

    def known(self, user: User, now: datetime) -> Visitor:
        """A logged-in user: the same address on every device."""
        address = "u_" + self.mac("user", user.sub.encode("utf-8", "surrogatepass"))[:26]
        return self._fresh(Visitor(address, 0, 0, _seconds(now), user), now)

    def renew(self, visitor: Visitor, now: datetime) -> Visitor:
        """The same visitor with a new end; a logged-in user's never lies past the end of their session."""
        return self._fresh(visitor, now)

    def due(self, visitor: Visitor, now: datetime) -> bool:
        """Is it time for a fresh token, and would it be a longer one?"""
        half = visitor.issued + self._lifetime // 2
        return _seconds(now) >= half and self._end(visitor, now) > visitor.expires

    def sign(self, visitor: Visitor) -> str:
        """The token that says so."""
        body = base64.urlsafe_b64encode(msgspec.json.encode(visitor)).rstrip(b"=")
        return f"1.{body.decode()}.{self.mac('token', body)}"

    def read(self, token: str, now: datetime) -> Visitor:
        """What a token says.

        Raises:
            TokenError: it is not ours, not of this account, or at its end.
        """
        version, _, rest = token.partition(".")
        body, _, mac = rest.partition(".")
        if version != "1" or len(token) > _MAX_TOKEN or not token.isascii():
            raise TokenError("token_invalid")
        if not hmac.compare_digest(mac, self.mac("token", body.encode())):
            raise TokenError("token_invalid")
        visitor = _decoder.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if visitor.expires <= _seconds(now):
            raise TokenError("token_expired")
        return visitor

    def mac(self, label: str, data: bytes) -> str:
        """52 letters of base 32 that only we can make of these bytes, for one use (``label``) on one account."""
        said = b"\x00".join((label.encode(), self._account, data))
        return base64.b32encode(hmac.digest(self._key, said, hashlib.sha256)).decode().rstrip("=").lower()

    def _fresh(self, visitor: Visitor, now: datetime) -> Visitor:
        return msgspec.structs.replace(visitor, issued=_seconds(now), expires=self._end(visitor, now))

    def _end(self, visitor: Visitor, now: datetime) -> int:
        end = _seconds(now) + self._lifetime
        return min(end, visitor.signed_in + self._user_session) if visitor.signed_in else end


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
