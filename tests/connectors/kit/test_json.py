"""JSON from outside: what is taken, and what is refused without an exception."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.json import BadJson, read, untyped, without_lone_surrogates


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ude00x\\ud83d\\ud83d\\ude00"', "\ufffdx\ufffd😀"),
        (b'"\\\\ud83d"', "\\ud83d"),
        (b"9223372036854775807", 2**63 - 1),
        (b'["' + b"[" * 500 + b'"]', ["[" * 500]),
        (b'["' + b'\\"[\\\\' * 100 + b'"]', ['"[\\' * 100]),
        (b'["a\\\\","' + b"{" * 100 + b'"]', ["a\\", "{" * 100]),
        (b"[" + b"[]," * 500 + b"[]]", [[]] * 501),
    ],
)
def test_taken(data: bytes, value: Any) -> None:
    assert untyped(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"nul", b"NaN", b"[Infinity]", b'"\xff"', b"\xef\xbb\xbf{}", b"9223372036854775808", b"1" * 5_000,
        b"1e999", nested(65), nested(100_000), b"[" * 100_000, b'{"a":' * 65 + b"1" + b"}" * 65, b'{"a":"\x01"}',
        b'["a\\\\",' + nested(65) + b"]",
    ],
)  # fmt: skip
def test_refused(data: bytes) -> None:
    assert isinstance(untyped(data), BadJson)


def test_sixty_four_deep_is_the_most() -> None:
    assert not isinstance(untyped(nested(64)), BadJson)
    assert isinstance(untyped(nested(65)), BadJson)


def test_what_a_decoder_skips_is_checked_too() -> None:
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    for value in (b'"\xff"', nested(64), b'"\\ud800'):
        assert isinstance(read(b'{"a":' + value + b"}", decoder), BadJson)


def test_size() -> None:
    assert isinstance(untyped(b'"' + b"a" * 100 + b'"', 100), BadJson)


def test_a_wrong_shape_is_told_from_bad_json() -> None:
    wrong, bad = (read(data, msgspec.json.Decoder(list[int])) for data in (b'["a"]', b"["))
    assert isinstance(wrong, BadJson) and wrong.shape
    assert isinstance(bad, BadJson) and not bad.shape


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    untyped(data)
    without_lone_surrogates(data)


@given(st.recursive(st.none() | st.text(st.characters(codec="utf-8")), lambda each: st.lists(each), max_leaves=100))
def test_good_json_is_never_refused(value: Any) -> None:
    assert untyped(msgspec.json.encode(value)) == value


@pytest.mark.parametrize("data", [b"[]," * 333_000, nested(60) * 8_000, b'"",' * 333_000, b'"\\"[",' * 150_000])
def test_a_megabyte_of_brackets_does_not_stall(data: bytes) -> None:
    start = time.process_time()
    assert not isinstance(read(b"[" + data.replace(b"][", b"],[").removesuffix(b",") + b"]", _skip), str)
    assert time.process_time() - start < 1.0


_skip = msgspec.json.Decoder(msgspec.Raw)
