"""The letters of a text by script, without what says nothing of its language: addresses, numbers, codes, faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

import regex

MOST_LETTERS: Final = 300
"""A longer text says no more by its rest, and costs more."""
_MUTE: Final = regex.compile(
    r"""(?:https?://|www\.)\S+            # links
    | [\w.+-]+@[\w.-]+                    # addresses
    | (?<![A-Za-z_/#+-])[A-Za-z_/#+-]*+\d[A-Za-z0-9_/#.:-]*  # numbers and codes
    | \b(?:[xX][dD]+|[oO][_.][oO]|[tT]_[tT])\b
    | \P{L}\p{Katakana}\P{L}              # eyes and hands of faces: (ツ)
    | [\p{So}\p{Sk}\p{Cf}\p{Co}\p{Cn}]    # emoji and what joins them
    """,
    regex.VERBOSE,
)
_LETTERS: Final = {
    "latin": regex.compile(r"\p{Latin}"),
    "hiragana": regex.compile(r"\p{Hiragana}"),
    "katakana": regex.compile(r"\p{Katakana}"),
    "han": regex.compile(r"[\p{Han}--[々〆〇]]", regex.VERSION1),
    "hangul": regex.compile(r"\p{Hangul}"),
    "cyrillic": regex.compile(r"\p{Cyrillic}"),
    "arabic": regex.compile(r"\p{Arabic}"),
    "devanagari": regex.compile(r"\p{Devanagari}"),
}
_OTHER: Final = regex.compile(
    r"[\p{L}--[\p{Latin}\p{Hiragana}\p{Katakana}\p{Han}\p{Hangul}\p{Cyrillic}\p{Arabic}\p{Devanagari}]]", regex.VERSION1
)
_ONLY: Final = {
    "el": regex.compile(r"\p{Greek}"),
    "he": regex.compile(r"\p{Hebrew}"),
    "th": regex.compile(r"\p{Thai}"),
    "lo": regex.compile(r"\p{Lao}"),
    "km": regex.compile(r"\p{Khmer}"),
    "my": regex.compile(r"\p{Myanmar}"),
    "ka": regex.compile(r"\p{Georgian}"),
    "hy": regex.compile(r"\p{Armenian}"),
    "bn": regex.compile(r"\p{Bengali}"),
    "ta": regex.compile(r"\p{Tamil}"),
    "te": regex.compile(r"\p{Telugu}"),
    "kn": regex.compile(r"\p{Kannada}"),
    "ml": regex.compile(r"\p{Malayalam}"),
    "gu": regex.compile(r"\p{Gujarati}"),
    "pa": regex.compile(r"\p{Gurmukhi}"),
    "si": regex.compile(r"\p{Sinhala}"),
}
"""Scripts that are as good as a language; the few others who write with them are not told apart."""


@dataclass(frozen=True, slots=True)
class Letters:
    """``text``: what is left of it; the numbers count letters."""

    text: str
    latin: int = 0
    hiragana: int = 0
    katakana: int = 0
    han: int = 0
    hangul: int = 0
    cyrillic: int = 0
    arabic: int = 0
    devanagari: int = 0
    other: int = 0

    @property
    def east(self) -> int:
        """Letters of Japanese and Chinese. Each says about as much as three of an alphabet."""
        return self.hiragana + self.katakana + self.han

    @property
    def all(self) -> int:
        return self.latin + self.east + self.hangul + self.cyrillic + self.arabic + self.devanagari + self.other


def letters_of(text: str) -> Letters:
    """The letters among the first :data:`MOST_LETTERS` characters."""
    text = text[:MOST_LETTERS]
    if text.isascii():
        left = _spaced(_MUTE.sub(" ", text))
        return Letters(left, latin=sum(map(str.isalpha, left)))
    left = _spaced(_MUTE.sub(" ", normalize("NFKC", text)))
    counts = {script: len(letters.findall(left)) for script, letters in _LETTERS.items()}
    return Letters(left, other=len(_OTHER.findall(left)), **counts)


def language_of_script(letters: Letters) -> str | None:
    """The language whose own script most of the other letters are."""
    counts = {language: len(script.findall(letters.text)) for language, script in _ONLY.items()}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] * 2 > letters.other else None


def only_latin(text: str) -> str:
    """Without letters of other scripts: a name among English words."""
    return _spaced(regex.sub(r"[\p{L}--\p{Latin}]+", " ", text, flags=regex.VERSION1))


def _spaced(text: str) -> str:
    return " ".join(text.split())
