"""Hand-over codes: a short signed text that moves a customer from one channel to another.

A code names the contact and the conversation it continues, a nonce (good once) and its end. It is lower-case base 32
without padding, so it survives being folded to capitals or put into a link. Before the base 32 it is::

    1 byte   version, 1
    4 bytes  end, seconds since 1970
    n bytes  ASCII, joined by dots: contact (without ct_), conversation (without cv_, may be empty), nonce
    10 bytes HMAC-SHA256 of all before, cut to 80 bits

A code proves only that somebody was given it; that it works once is seen to by the contact's home shard.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import b32decode, b32encode
from dataclasses import dataclass
from typing import Final

from contracts.ids import CONTACT, CONVERSATION, IdError, shard_of

_HEAD: Final = struct.Struct(">BI")
_VERSION: Final = 1
_MAC: Final = 10
LONGEST_S: Final = 7 * 86_400
"""The longest that a code may live; used nonces are remembered for longer than this."""
LONGEST_CODE: Final = 200
"""In letters; nothing longer is looked at."""


@dataclass(frozen=True, slots=True)
class HandoverClaim:
    """What a genuine code says. ``expires_ms``: a whole second, in milliseconds since 1970."""

    contact: str
    conversation: str | None
    nonce: str
    expires_ms: int


def issue(key: bytes, contact: str, conversation: str | None, nonce: str, expires_ms: int) -> str:
    """A code for ``contact``. ``nonce``: letters and digits that were never used before (64 random bits do).

    Raises:
        ValueError: an id or the nonce cannot be put into a code.
    """
    names = (_rest(CONTACT, contact), _rest(CONVERSATION, conversation) if conversation else "", nonce)
    if not nonce or any("." in name for name in names):
        raise ValueError("a hand-over code needs a nonce, and neither ids nor nonce with a dot")
    body = _HEAD.pack(_VERSION, expires_ms // 1000) + ".".join(names).encode("ascii")
    code = b32encode(body + _seal(key, body)).decode("ascii").rstrip("=").lower()
    if len(code) > LONGEST_CODE:
        raise ValueError("the ids or the nonce are too long for a hand-over code")
    return code


def read(key: bytes, token: str, now_ms: int) -> HandoverClaim | None:
    """What the code says; None when it is not ours, was changed, has expired, or lives longer than we ever allow."""
    data = _bytes(token)
    if data is None or not hmac.compare_digest(_seal(key, data[:-_MAC]), data[-_MAC:]):
        return None
    version, expires_s = _HEAD.unpack_from(data)
    expires_ms = expires_s * 1000
    if version != _VERSION or not now_ms < expires_ms <= now_ms + LONGEST_S * 1000:
        return None
    contact, conversation, nonce = data[_HEAD.size : -_MAC].decode("ascii").split(".")
    place = f"{CONVERSATION}_{conversation}" if conversation else None
    return HandoverClaim(f"{CONTACT}_{contact}", place, nonce, expires_ms)


def _rest(kind: str, id: str) -> str:
    shard_of(id)
    if not id.startswith(kind + "_"):
        raise IdError(f"{id!r} does not start with {kind}_")
    return id[len(kind) + 1 :]


def _bytes(token: str) -> bytes | None:
    letters = token.strip().upper()
    if not letters.isascii() or len(letters) > LONGEST_CODE:
        return None
    try:
        data = b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:
        return None
    return data if len(data) > _HEAD.size + _MAC else None


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"madoguchi handover\x00" + body, hashlib.sha256).digest()[:_MAC]
