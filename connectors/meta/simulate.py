"""A webhook as Meta would send it, signed with the account's own secret."""

from __future__ import annotations

from connectors.api import Request
from connectors.meta.gate import HEADER, signature
from contracts.codec import moment


def signed(key: bytes, body: bytes, at_ms: int, url: str = "") -> Request:
    """The request with Meta's headers."""
    return Request("POST", "", {}, headers(key, body), body, moment(at_ms), url)


def headers(key: bytes, body: bytes) -> dict[str, str]:
    """What Meta sends with these bytes."""
    return {
        "content-type": "application/json",
        "user-agent": "facebookexternalua",
        HEADER: signature(key, body).decode(),
    }
