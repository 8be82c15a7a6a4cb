"""JSON from outside, read strictly: any failure is a :class:`BadJson`, never an exception.

UTF-8 must be valid, nesting is at most 64 deep, NaN and infinities are refused. Duplicate keys are tolerated (the last
one counts) and a lone surrogate escape becomes U+FFFD, because real senders produce both.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_DEPTH: Final = 64
MAX_BRACKETS: Final = 200_000
"""Beyond that, taking pairs away would hold up everybody else."""
MAX_INT: Final = 2**63 - 1
MAX_BYTES: Final = 4 * 1_048_576

_STRING: Final = re.compile(rb'"[^"]*"?')
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


class BadJson(msgspec.Struct, frozen=True):
    """Why it could not be read. ``shape``: it is good JSON, but not what was expected."""

    reason: str
    shape: bool = False


def read(data: bytes, decoder: msgspec.json.Decoder[T], max_bytes: int = MAX_BYTES) -> T | BadJson:
    """The value that ``decoder`` makes of the bytes. Prepare the decoder once: making one is dearer than decoding."""
    if len(data) > max_bytes:
        return BadJson(f"{len(data)} bytes are more than {max_bytes}")
    try:
        data.decode("utf-8")  # also covers what the decoder skips
    except UnicodeDecodeError as error:
        return BadJson(f"no UTF-8 at byte {error.start}")
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _too_deep(data):
        return BadJson(f"nested deeper than {MAX_DEPTH}, too many values, or brackets without partner")
    return _decode(data, decoder)


def untyped(data: bytes, max_bytes: int = MAX_BYTES) -> Any | BadJson:
    """The value as dicts, lists, text and numbers; whole numbers beyond 64 bits are refused."""
    value = read(data, _ANY, max_bytes)
    if not isinstance(value, BadJson) and _too_big(value):
        return BadJson("a whole number beyond 64 bits")
    return value


def without_lone_surrogates(data: bytes) -> bytes:
    """The same JSON, each ``\\ud800`` that has no partner replaced by ``\\ufffd``."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], data)


_ANY: Final = msgspec.json.Decoder(Any)


def _decode(data: bytes, decoder: msgspec.json.Decoder[T], repaired: bool = False) -> T | BadJson:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        return BadJson(str(error), shape=True)
    except (ValueError, RecursionError) as error:
        # msgspec refuses every lone surrogate; the second look costs only those who send one.
        mended = data if repaired else without_lone_surrogates(data)
        if mended == data:
            return BadJson(str(error))
        return _decode(mended, decoder, repaired=True)


def _too_deep(data: bytes) -> bool:
    """Whether brackets are left when the innermost pairs were taken away often enough. All in C: bodies are large."""
    quotes = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _NO_STRUCTURE)
    brackets = _STRING.sub(b"", quotes.replace(b'""', b""))
    if len(brackets) > MAX_BRACKETS:
        return True
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_big(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_too_big, value.values()))
    if isinstance(value, list):
        return any(map(_too_big, value))
    return isinstance(value, int) and not -MAX_INT - 1 <= value <= MAX_INT
