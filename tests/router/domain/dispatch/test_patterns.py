"""Patterns in RE2's syntax, over folded text."""

from __future__ import annotations

import time

import pytest

from router.domain.dispatch.patterns import any_pattern, folded, literal, pattern_problem


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"order\s*#?\d{4,}", "Where is my ORDER #12345?", True),
        (r"order\s*#?\d{4,}", "ｏｒｄｅｒ　＃１２３４５", True),
        (r"order\s*#?\d{4,}", "order soon", False),
        (r"Ｏｒｄｅｒ＃\d+", "order#1", True),
        (r"注文番号[:：]?\s*\d+", "注文番号：１２３", True),
        (r"straße \D+", "STRASSE am Tor", True),
        (r"\D{3}", "123", False),
        (r"[ぁ-ん]{3}", "すみません", True),
        (r"ﾊﾟｽﾜｰﾄﾞ", "パスワードを忘れました", True),
        (r"（返金）", "(返金)です", True),
        (r"（返金）", "返金です", False),
        ("cafe\u0301", "CAFÉ", True),
        (r"^\s*$", "", True),
        (r"^\s*$", "sticker", False),
        (r"(?s)^a.*z$", "a\nz", True),
    ],
)
def test_found_as_words_are(pattern: str, text: str, found: bool) -> None:
    assert pattern_problem(pattern) is None
    assert bool(any_pattern([pattern]).search(folded(text).encode())) is found


def test_any_of_several() -> None:
    search = any_pattern(["a|b", "c"])
    assert [letter for letter in "abcd" if search.search(letter.encode())] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "the pattern is empty"),
        ("(", "the pattern '(' cannot be used: missing ): ("),
        ("[z-a]", "the pattern '[z-a]' cannot be used: invalid character class range: z-a"),
        (
            "a(?=b)",
            "the pattern 'a(?=b)' cannot be used: invalid perl operator: (?=; there is no looking ahead or behind in "
            "RE2; say it with `unless`",
        ),
        (
            r"end\Z",
            r"the pattern 'end\\Z' cannot be used: invalid escape sequence: \Z; in RE2 the end of the text is \z",
        ),
        (
            r"(a)\1",
            r"the pattern '(a)\\1' cannot be used: invalid escape sequence: \1; there are no back-references in RE2",
        ),
        ("x{2000}", "the pattern 'x{2000}' cannot be used: invalid repetition size: {2000}"),
        ("返金*", None),
        ("a*", "the pattern 'a*' holds for every text"),
        ("\ud800", "the pattern '\\ud800' cannot be used: it is no Unicode text"),
        ("a" * 1_001, "the pattern has 1001 characters, and at most 1000 are taken"),
    ],
)
def test_problems_are_sentences(pattern: str, sentence: str | None) -> None:
    assert pattern_problem(pattern) == sentence


def test_a_bad_pattern_is_refused_when_it_is_used() -> None:
    with pytest.raises(ValueError, match="missing"):
        any_pattern(["("])


def test_a_word_stands_for_itself_alone() -> None:
    word = r"a.b*(c)[d]-\e^$|{1}?+"
    assert any_pattern([literal(word)]).search(f"x{word}y".encode())
    assert not any_pattern([literal("a.b")]).search(b"axb")


def test_the_worst_pattern_takes_no_longer_for_the_worst_text() -> None:
    search, text = any_pattern([r"(a+)+$", r"(a|aa)+b", r"(.*)(.*)(.*)(.*)x"]), b"a" * 2_000 + b"!"
    began = time.process_time()
    assert not search.search(text)
    assert time.process_time() - began < 0.5
