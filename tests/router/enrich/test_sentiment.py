"""Pleased or displeased, by words."""

from __future__ import annotations

import pytest

from router.enrich.api import Found
from router.enrich.sentiment import SentimentEnricher, SentimentSettings, sentiment
from tests.router.enrich.makes import NoOutward, asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("This is terrible, I want a refund", "negative"),
        ("worst service ever!!", "negative"),
        ("I'm not happy with this", "negative"),
        ("that isn’t acceptable, awful", "negative"),
        ("Thanks, great help", "positive"),
        ("not bad at all", "positive"),
        ("great product but terrible delivery", "mixed"),
        ("Where is my order?", None),
        ("my parcel has not arrived", None),
        ("", None),
        ("対応が遅すぎます。最悪です", "negative"),
        ("ひどい対応でした", "negative"),
        ("満足していません", "negative"),
        ("不満です", "negative"),
        ("とても丁寧で助かりました", "positive"),
        ("ありがとうございます", "positive"),
        ("商品は良かったけど配送が最悪", "mixed"),
        ("注文した商品の発送日を知りたいです", None),
        ("ｻｲｱｸです", None),
    ],
)
def test_words(text: str, said: str | None) -> None:
    assert sentiment(text, None) == said


def test_the_language_decides_which_words() -> None:
    assert sentiment("das ist terrible", "de") is None
    assert sentiment("terrible", "en-GB") == "negative"
    assert sentiment("最悪", "ja-JP") == "negative"


async def test_as_an_enricher() -> None:
    enricher = SentimentEnricher("sentiment", SentimentSettings("mood"), NoOutward())
    assert await enricher.enrich(asked("awful")) == Found({"mood": "negative"})
    assert await enricher.enrich(asked("where?")) == Found()
