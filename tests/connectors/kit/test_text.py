"""Texts are cut at the limit, in the channel's unit, and never inside a grapheme."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api.manifest import TextUnit
from connectors.kit.text import clip, graphemes, size, split
from connectors.testing.samples import CLUSTERS

UNITS: list[TextUnit] = ["utf16", "characters", "bytes", "graphemes"]
FAMILY = "👩‍👩‍👧‍👦"


@pytest.mark.parametrize(("unit", "expected"), [("utf16", 12), ("characters", 8), ("bytes", 28), ("graphemes", 2)])
def test_size(unit: TextUnit, expected: int) -> None:
    assert size("あ" + FAMILY, unit) == expected


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("short", 5, ("short",)),
        ("one two three", 8, ("one two ", "three")),
        ("first one.\nsecond one", 15, ("first one.\n", "second one")),
        ("para\n\nline\nline two", 12, ("para\n\n", "line\nline ", "two")),
        ("一つ目です。二つ目です。三つ目", 9, ("一つ目です。", "二つ目です。三つ目")),
        ("Yes! No? Perhaps so", 12, ("Yes! No? ", "Perhaps so")),
        ("abcdefgh", 3, ("abc", "def", "gh")),
        ("ab" + FAMILY + "c", 8, ("ab", FAMILY + "c")),
        ("a\n" * 3 + "\n" * 20, 6, ("a\na\n", "a\n\n\n\n\n")),
    ],
)  # fmt: skip
def test_split(text: str, limit: int, pieces: tuple[str, ...]) -> None:
    assert split(text, limit, "characters") == pieces


@pytest.mark.parametrize("unit", UNITS)
@given(words=st.lists(st.sampled_from([*CLUSTERS, " ", "\n", "。", ". "]), max_size=80), limit=st.integers(30, 60))
def test_never_inside_a_grapheme(unit: TextUnit, words: list[str], limit: int) -> None:
    text = "".join(words)
    pieces = split(text, limit, unit)
    assert all(size(piece, unit) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if not any(piece.isspace() for piece in text.split("x")) and "".join(pieces) == text:
        assert [each for piece in pieces for each in graphemes(piece)] == graphemes(text)


@pytest.mark.parametrize("unit", UNITS)
def test_a_grapheme_beyond_the_limit_is_cut_all_the_same(unit: TextUnit) -> None:
    zalgo = "e" + "\u0301" * 50
    pieces = split(zalgo + "abc" * 10, 20, unit)
    assert "".join(pieces) == zalgo + "abc" * 10
    assert all(size(piece, unit) <= 20 for piece in pieces)


def test_a_lone_surrogate_does_not_raise() -> None:
    assert "".join(split("\ud800" * 20, 5, "utf16")) == "\ud800" * 20


def test_clip() -> None:
    assert clip("東京駅前", 4, "utf16") == "東京駅前"
    assert clip("東京駅前だ", 4, "utf16") == "東京駅…"
