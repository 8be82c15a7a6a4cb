"""Standard Webhooks 1.0.0, signature version v1: signing what we send, checking what we receive.

Source: https://github.com/standard-webhooks/standard-webhooks, ``spec/standard-webhooks.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from connectors.kit.signatures import decode_base64, equal, hmac_sha256_base64

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
MOST_SIGNATURES: Final = 20

# A dot in the id would let one signature stand for another id, time and body.
_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def key_of(secret: str) -> bytes:
    """The key in a ``whsec_...`` secret: the decoded bytes, not the text.

    Raises:
        ValueError: it is no base 64, or too short to be a secret. The message does not have it.
    """
    key = decode_base64(secret.removeprefix(PREFIX))
    if key is None or len(key) < 16:
        raise ValueError("expected whsec_ and the base 64 of at least 16 (better 24) random bytes")
    return key


def headers(keys: Sequence[bytes], message: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers for these exact bytes, signed with each key, so that a receiver may know either of two."""
    seconds = str(int(now.timestamp()))
    signed = _signed(message, seconds, body)
    signatures = [f"v1,{hmac_sha256_base64(key, signed).decode()}" for key in keys]
    return {"webhook-id": message, "webhook-timestamp": seconds, "webhook-signature": " ".join(signatures)}


def fault(
    keys: Sequence[bytes], given: Mapping[str, str], body: bytes, now: datetime, tolerance_s: int = TOLERANCE_S
) -> str | None:
    """Why these headers (lower-case names) do not prove the body; None when they do."""
    message, seconds = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not _ID.fullmatch(message):
        return "webhook-id is missing or has characters that it must not have"
    if not _SECONDS.fullmatch(seconds):
        return "webhook-timestamp is missing or no whole number of seconds"
    if abs(now.timestamp() - int(seconds)) > tolerance_s:
        return "webhook-timestamp is too far from now"
    listed = given.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    signatures = [each.removeprefix("v1,") for each in listed if each.startswith("v1,")]
    if not signatures:
        return "webhook-signature has no v1 signature"
    return None if _any_equal(keys, _signed(message, seconds, body), signatures) else "webhook-signature is wrong"


def _signed(message: str, seconds: str, body: bytes) -> bytes:
    return b"%s.%s.%s" % (message.encode(), seconds.encode(), body)


def _any_equal(keys: Sequence[bytes], signed: bytes, signatures: list[str]) -> bool:
    expected = [hmac_sha256_base64(key, signed) for key in keys]
    return any(equal(each, signature) for each in expected for signature in signatures)
