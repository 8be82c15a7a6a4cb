"""Hand-over codes: what they carry, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.handover import LONGEST_S, HandoverClaim, issue, read

KEY = b"k" * 32
NOW = 1_800_000_000_000
IDS = st.from_regex(r"[0-9]{2}_[0-9a-hjkmnp-tv-z]{4,20}", fullmatch=True)


@given(IDS, st.none() | IDS, st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True), st.integers(1, LONGEST_S))
def test_a_code_says_what_was_put_in(contact: str, conversation: str | None, nonce: str, seconds: int) -> None:
    cv = None if conversation is None else f"cv_{conversation}"
    code = issue(KEY, f"ct_{contact}", cv, nonce, NOW + seconds * 1000)
    assert re.fullmatch(r"[a-z2-7]+", code) and len(code) <= 200
    claim = HandoverClaim(f"ct_{contact}", cv, nonce, NOW + seconds * 1000)
    assert read(KEY, code, NOW) == read(KEY, f" {code.upper()}\n", NOW) == claim


def test_a_usual_code_is_short() -> None:
    assert len(issue(KEY, "ct_07_1mcc5rm000", None, "0123456789abcdef", NOW + 900_000)) < 80


CODE = issue(KEY, "ct_07_1mcc5rm000", "cv_07_1mcc5rm000x1", "0123456789abcdef", NOW + 900_000)


@pytest.mark.parametrize("at", range(0, len(CODE) - 1))
def test_any_changed_letter_is_refused(at: int) -> None:
    other = "a" if CODE[at] != "a" else "b"
    assert read(KEY, CODE[:at] + other + CODE[at + 1 :], NOW) is None


@pytest.mark.parametrize("token", ["", "a", "あ", "0189", "a" * 5000, CODE[:-8], CODE + "aaaaaaaa", "\x00", CODE * 2])
def test_nonsense_is_refused(token: str) -> None:
    assert read(KEY, token, NOW) is None


def test_other_keys_and_times_are_refused() -> None:
    assert read(b"another", CODE, NOW) is None
    assert read(KEY, CODE, NOW + 899_999) is not None
    assert read(KEY, CODE, NOW + 900_000) is None
    assert read(KEY, CODE, NOW - LONGEST_S * 1000) is None


@pytest.mark.parametrize(
    ("contact", "conversation", "nonce"),
    [
        ("cv_00_x", None, "n"),
        ("ct_00_x", "ct_00_x", "n"),
        ("ct_00_x", None, ""),
        ("ct_00_x", None, "a.b"),
        ("x", None, "n"),
    ],
)
def test_what_cannot_be_put_into_a_code(contact: str, conversation: str | None, nonce: str) -> None:
    with pytest.raises(ValueError):
        issue(KEY, contact, conversation, nonce, NOW + 1000)


@given(st.text(max_size=250))
def test_reading_never_raises(token: str) -> None:
    assert read(KEY, token, NOW) is None
