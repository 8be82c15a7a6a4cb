"""Broken versions of good bodies, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec

STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 2**31, 2**53 + 1, 2**63, 10**40, 1.5, -0.0, 1e308, "", " ", "\x00", "x" * 10_000,
    "\ud800", "０１２", "../../etc/passwd", [], {}, [[]], [None], {"": ""}, {"type": "message"}, [{"id": 1}],
)  # fmt: skip


def hostile(body: bytes) -> Iterator[bytes]:
    """What no sender of ours sends but somebody will: always the same list."""
    yield from (b"", b" ", b"null", b"[]", b"{}", b'""', b"0", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{}")
    yield b"[" * 5_000 + b"]" * 5_000
    yield body[: len(body) // 2]
    yield body[:-1]
    yield body + b"}"
    yield b"\xef\xbb\xbf" + body
    yield body.replace(b'"', b"'")
    yield body.decode("utf-8", "replace").encode("utf-16")
    yield body.replace(b'"type"', b'"type":NaN,"type"', 1)
    yield body[:-1] + b',"deep":' + b"[" * 200 + b"]" * 200 + b"}"
    yield body[:-1] + b',"huge":' + b"9" * 5_000 + b"}"
    yield body[:-1] + b',"lone":"\\ud800"}'
    yield body[:-1] + b',"bad":"\xc3\x28"}'


def mutated(body: bytes, seed: int) -> bytes:
    """The body with one to three things wrong, by structure where it is JSON, otherwise by bytes."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        return _bytes_mutated(body, chance)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _bytes_mutated(body, chance)
    for _ in range(chance.randint(1, 3)):
        value = _changed(value, chance)
    return encode(value)


def encode(value: Any) -> bytes:
    """JSON that may hold what msgspec refuses to write: huge numbers and lone surrogates."""
    if isinstance(value, dict):
        return b"{" + b",".join(encode(key) + b":" + encode(item) for key, item in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(encode, value)) + b"]"
    if isinstance(value, str):
        escaped = "".join(
            f"\\u{ord(each):04x}" if "\ud800" <= each <= "\udfff" or each < " " else each for each in value
        )
        return b'"' + escaped.replace('"', '\\"').encode() + b'"'
    return str(value).encode() if type(value) is int else msgspec.json.encode(value)


def _bytes_mutated(body: bytes, chance: random.Random) -> bytes:
    broken = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(broken) + 1)
        match chance.randrange(3):
            case 0:
                broken[at : at + chance.randint(1, 8)] = b""
            case 1:
                broken[at:at] = chance.randbytes(chance.randint(1, 4))
            case _:
                broken[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(broken)


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with one place in it made strange, left out, or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return _dict_changed(value, key, chance)
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + chance.randint(0, 1) :]]
    return chance.choice(STRANGE)


def _dict_changed(value: dict[str, Any], key: str, chance: random.Random) -> dict[str, Any]:
    match chance.randrange(6):
        case 0:
            return {name: item for name, item in value.items() if name != key}
        case 1:
            return {**value, key: chance.choice(STRANGE)}
        case _:
            return {**value, key: _changed(value[key], chance)}
