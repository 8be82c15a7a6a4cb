"""Signatures: HMAC and comparison in constant time. Nothing here raises on garbage."""

from __future__ import annotations

import binascii
import hmac


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """The 32 bytes of HMAC-SHA256."""
    return hmac.digest(key, data, "sha256")


def hmac_sha256_base64(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256 as standard base 64 with padding, in ASCII bytes."""
    return binascii.b2a_base64(hmac.digest(key, data, "sha256"), newline=False)


def equal(expected: bytes, given: str | bytes | None) -> bool:
    """Whether what was given is what was expected, in constant time; text that is not ASCII never is."""
    if given is None:
        return False
    if isinstance(given, str):
        given = given.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(expected, given)


def decode_base64(text: str) -> bytes | None:
    """The bytes of strict base 64 (padding may be missing), or None."""
    try:
        return binascii.a2b_base64(text.encode("ascii") + b"=" * (-len(text) % 4), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
