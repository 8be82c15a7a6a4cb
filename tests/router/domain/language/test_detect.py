"""Languages of short texts: the two lists beside this file, and what the lists cannot show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.language import Detector
from router.enrich.statistics import open_guess

HERE = Path(__file__).parent
README = HERE.parents[3] / "router" / "domain" / "language" / "README.md"


def listed(name: str) -> Iterator[tuple[str | None, str]]:
    for line in (HERE / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            language, _, text = line.partition("\t")
            yield (None if language == "-" else language), text


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(open_guess())


@pytest.mark.parametrize(("name", "wrong"), [("short_texts.txt", 1), ("unseen_texts.txt", 1)])
def test_the_readme_says_how_well_it_does(detector: Detector, name: str, wrong: int) -> None:
    texts = list(listed(name))
    told = [(expected, detector.detect(text)) for expected, text in texts]
    right = sum(expected == found for expected, found in told)
    unknown = sum(expected != found and found is None for expected, found in told)
    assert len(told) - right - unknown == wrong
    assert f"| {right} of {len(told)} | {wrong} | {unknown} |" in README.read_text("utf-8")


def test_the_list_has_many_languages() -> None:
    counts = Counter(language for language, _ in listed("short_texts.txt"))
    assert counts["ja"] >= 60
    assert counts["zh"] >= 40
    assert len(counts) >= 20


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_japanese_and_chinese_need_no_statistics(language: str) -> None:
    detector = Detector()
    assert {detector.detect(text) for wanted, text in listed("short_texts.txt") if wanted == language} == {language}


@pytest.mark.parametrize(
    ("text", "hints", "language"),
    [
        ("電話", (), None),
        ("電話", ("ja-JP",), "ja"),
        ("電話", (None, "zh-TW"), "zh"),
        ("電話", ("en", "ja"), "ja"),
        ("電話", ("en",), None),
        ("电话", ("ja",), "zh"),
        ("電話してください", ("zh",), "ja"),
        ("Where is my order?", ("ja",), "en"),
        ("優の良品怎麼退款", (), "zh"),
        ("where is my ポケモン card order?", (), "en"),
        ("HELLO", (), "en"),
        ("الطلب 12345 لم يصل", (), "ar"),
        ("დამეხმარეთ", (), "ka"),
        ("", (), None),
        ("\u200b", (), None),
    ],
)
def test_hints_and_mixtures(detector: Detector, text: str, hints: tuple[str | None, ...], language: str | None) -> None:
    assert detector.detect(text, hints) == language


def test_only_the_beginning_counts(detector: Detector) -> None:
    assert detector.detect("Where is my order? " * 16 + "返金してください" * 100) == "en"


@given(st.text(max_size=80))
def test_any_text_has_an_answer_and_always_the_same(text: str) -> None:
    detector = Detector()
    assert detector.detect(text) == detector.detect(text)
