"""Whether a customer sounds pleased or displeased, by words, in English and Japanese.

It counts words that are plain in customers' mouths and turns those round that are denied. It does not understand
irony, nor a complaint told in neutral words ("my parcel has not arrived"): it says nothing then, rather than guess.
"""

from __future__ import annotations

from typing import ClassVar, Final
from unicodedata import normalize

import msgspec
import regex

from router.enrich.api import Asked, Enricher, Found, Manifest

_BAD_EN: Final = (
    "angry annoyed annoying appalling awful bad broken cheated complain complaint damaged defective disappointed"
    " disappointing disgrace disgraceful disgusted disgusting dreadful fail failed fake faulty fraud frustrated"
    " frustrating furious garbage hate hopeless horrible incompetent joke lied lousy mess nightmare outrageous pathetic"
    " poor ridiculous rubbish rude scam shame shameful sick stupid suck sucks terrible trash unacceptable unhappy upset"
    " useless waste wasted worse worst"
)
_GOOD_EN: Final = (
    "amazing appreciate appreciated awesome brilliant cool delighted excellent fantastic friendly glad good great"
    " happy helpful impressed kind lovely love nice perfect pleased satisfied super superb thank thanks thx wonderful"
)
_NOT_EN: Final = "not no never isn't wasn't aren't weren't don't doesn't didn't can't cannot won't hardly without"
_BAD_JA: Final = (
    "最悪|最低|ひど[いく]|酷[いく]|腹が?立|怒|許せ|許さ|ふざけ|詐欺|騙|だまさ|がっかり|残念|不満|不快|不愉快|不親切|失礼|迷惑"
    "|困って|困る|困り|遅すぎ|遅い|いい加減にし|ありえな[いく]|有り得な[いく]|あり得な[いく]|信じられない|使えない|役に立たな|壊れ|不良品"
    "|クレーム|苦情|イライラ|いらいら|うんざり|二度と|ダメ|だめ|駄目|嘘|ウソ"
)
_GOOD_JA: Final = (
    "ありがと|有難|感謝|嬉し|うれし|助か[りっ]|素晴らし|すばらし|(?<!不)満足|最高|丁寧|(?<!不)親切|良かった|よかった|気に入|完璧"
    "|快適|好き|おいし|美味し"
)
_NOT_JA: Final = r"(?!(?:して|くて|く|では|じゃ|は|も|い|て|で|に|あり)*(?:な[いかく]|ませ))"
_WORD: Final = regex.compile(r"[\p{L}']+|[.,;:!?]")
_KANA: Final = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_DENIED_WITHIN: Final = 3
"""A "not" among so many words before denies a word."""


class SentimentSettings(msgspec.Struct, frozen=True):
    """``attribute``: where the answer goes: ``negative``, ``positive`` or ``mixed``."""

    attribute: str = "sentiment"


class SentimentEnricher(Enricher[SentimentSettings]):
    """Words in, one attribute out; nothing when no word says anything, or in another language."""

    manifest: ClassVar[Manifest] = Manifest(name="sentiment", about="text", budget_s=0.5, cache_s=0)
    Settings = SentimentSettings

    async def enrich(self, asked: Asked) -> Found:
        said = sentiment(asked.text, asked.language)
        return Found({self.settings.attribute: said} if said is not None else {})


def sentiment(text: str, language: str | None) -> str | None:
    """``negative``, ``positive``, ``mixed``, or None."""
    text = normalize("NFKC", text).replace("’", "'")
    stem = (language or ("ja" if _KANA.search(text) else "en")).partition("-")[0].lower()
    if stem == "ja":
        bad, good = _japanese(text)
    elif stem == "en":
        bad, good = _english(text)
    else:
        return None
    if bad == good:
        return "mixed" if bad else None
    return "negative" if bad > good else "positive"


def _english(text: str) -> tuple[int, int]:
    words = _WORD.findall(text.casefold())
    bad_words, good_words, nots = (frozenset(each.split()) for each in (_BAD_EN, _GOOD_EN, _NOT_EN))
    bad = good = 0
    for place, word in enumerate(words):
        if word not in bad_words and word not in good_words:
            continue
        denied = _is_denied(words[max(0, place - _DENIED_WITHIN) : place], nots)
        if (word in good_words) is denied:
            bad += 1
        else:
            good += 1
    return bad, good


def _is_denied(before: list[str], nots: frozenset[str]) -> bool:
    """By a word just before, in the same breath."""
    for word in reversed(before):
        if not word[0].isalpha():
            return False
        if word in nots:
            return True
    return False


def _japanese(text: str) -> tuple[int, int]:
    """What is denied counts for the other side if it was good (満足していない), and not at all if it was bad."""
    good = len(regex.findall(f"(?:{_GOOD_JA}){_NOT_JA}", text))
    denied = len(regex.findall(_GOOD_JA, text)) - good
    return len(regex.findall(f"(?:{_BAD_JA}){_NOT_JA}", text)) + denied, good
