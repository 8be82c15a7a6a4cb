"""Is it theirs? Over the raw bytes and in constant time, as the settings say. Pure."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from typing import Final

from connectors.api import Refused, Request, Verified
from connectors.kit import standard_webhooks
from connectors.kit.signatures import equal
from connectors.mapped.settings import Verify
from connectors.mapped.template import names

_VERIFIED: Final = Verified()
_DIGITS: Final = re.compile(r"[0-9]{1,16}")
_PLACE: Final = re.compile(r"(\{[a-z]+\})")


def verify(how: Verify, keys: Sequence[bytes], request: Request) -> Verified | Refused:
    """By signature, or by the secret itself."""
    if how.by == "standard":
        fault = standard_webhooks.fault(keys, request.headers, request.body, request.received_at, how.tolerance_s)
        return _VERIFIED if fault is None else Refused(fault)
    name = (how.header or "authorization").lower()
    given = request.headers.get(name, "")
    expected = _signatures(how, keys, request) if how.by == "hmac" else _tokens(how, keys)
    if isinstance(expected, Refused):
        return expected
    # All are compared, so that the time tells nothing of which one it is.
    matches = [equal(how.prefix.encode() + each, given) for each in expected]
    return _VERIFIED if any(matches) else Refused(f"{name} is missing or wrong")


def sign(how: Verify, key: bytes, body: bytes, timestamp: str, url: str) -> bytes:
    """The signature as their side makes it, without the prefix."""
    values = {"{body}": body, "{timestamp}": timestamp.encode(), "{url}": url.encode()}
    data = b"".join(values.get(piece, piece.encode()) for piece in _PLACE.split(how.signed))
    digest = hmac.digest(key, data, how.algorithm)
    match how.encoding:
        case "hex":
            return digest.hex().encode()
        case "hex_upper":
            return digest.hex().upper().encode()
        case "base64":
            return base64.b64encode(digest)


def tokens(how: Verify, key: bytes) -> bytes:
    """What their header holds, without the prefix, when it is the secret itself."""
    if how.by == "token":
        return key
    return b"Basic " + base64.b64encode((how.username or "").encode() + b":" + key)


def _tokens(how: Verify, keys: Sequence[bytes]) -> list[bytes]:
    return [tokens(how, key) for key in keys]


def _signatures(how: Verify, keys: Sequence[bytes], request: Request) -> list[bytes] | Refused:
    timestamp = ""
    if "timestamp" in names(how.signed):
        timestamp = request.headers.get((how.timestamp_header or "").lower(), "")
        fault = _stale(how, timestamp, request)
        if fault is not None:
            return Refused(fault)
    return [sign(how, key, request.body, timestamp, request.url) for key in keys]


def _stale(how: Verify, timestamp: str, request: Request) -> str | None:
    if not _DIGITS.fullmatch(timestamp):
        return "the signed time is missing or no whole number"
    seconds = int(timestamp) / (1_000 if how.timestamp_in == "ms" else 1)
    late = abs(request.received_at.timestamp() - seconds) > how.tolerance_s
    return "the signed time is too far from now" if late else None
