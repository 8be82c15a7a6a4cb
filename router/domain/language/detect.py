"""From a text to its language: by script where that says it, by words and characters, else by statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from router.domain.language.han import Han
from router.domain.language.letters import Letters, language_of_script, letters_of, only_latin
from router.domain.language.words import languages_of

Guess = Callable[[str], Sequence[tuple[str, float]]]
"""A statistical detector: the likeliest languages (ISO 639-1) of one line of text, each with its probability."""

_EAST_WEIGHS: Final = 3
_FEW_WORDS: Final = 2
_SURE_OF_FEW: Final = 0.75
_SURE: Final = 0.5
"""Less than this probability is no answer; a word or two need more."""
_BONUS: Final = 0.3
"""What each word that is plainly of one language adds to its probability."""
_FEWEST_LETTERS: Final = 3


class Detector:
    """``detect`` says what language a text is in. Without ``guess``, alphabets that several languages share are told by
    a few words only. The same text and hints always give the same answer."""

    def __init__(self, guess: Guess | None = None) -> None:
        self._guess = guess
        self._han = Han()

    def detect(self, text: str, hints: Iterable[str | None] = ()) -> str | None:
        """The language as a BCP 47 tag without region (``ja``), or None when the text does not tell.

        ``hints``: what the contact, then the account, is known to speak; they decide only between Japanese and Chinese,
        where the text itself could be either.
        """
        letters = letters_of(text)
        if letters.latin >= max(letters.all - letters.latin, letters.east * _EAST_WEIGHS + 1):
            return self._latin(letters)
        if letters.east and letters.east >= letters.all - letters.east - letters.latin:
            return self._east(letters, hints)
        if letters.hangul * 2 > letters.all - letters.latin:
            return "ko"
        if letters.other * 2 > letters.all - letters.latin:
            return language_of_script(letters)
        return self._shared_script(letters)

    def _east(self, letters: Letters, hints: Iterable[str | None]) -> str | None:
        text = letters.text
        if letters.hiragana > text.count("の") or (letters.east > letters.han and self._han.chinese(text) < 4):
            return "ja"
        decided = self._han.decide(text)
        if decided is not None:
            return decided
        return next((near for near in map(_primary, hints) if near in ("ja", "zh")), None)

    def _shared_script(self, letters: Letters) -> str | None:
        """Cyrillic, Arabic, Devanagari."""
        if letters.all < _FEWEST_LETTERS:
            return None
        return self._told(letters.text)

    def _latin(self, letters: Letters) -> str | None:
        if letters.latin < _FEWEST_LETTERS - 1:
            return None
        return self._told(only_latin(letters.text) if letters.all > letters.latin else letters.text)

    def _told(self, text: str) -> str | None:
        """What statistics and plain words say together."""
        words = [word.strip(".,;:!?¿¡()\"'") for word in text.lower().split()]
        scores = dict(self._guesses(text))
        for language, count in languages_of(words).items():
            scores[language] = scores.get(language, 0.0) + _BONUS * count * (3 if len(words) <= _FEW_WORDS else 1)
        return _surest(scores, _SURE_OF_FEW if len(words) <= _FEW_WORDS else _SURE)

    def _guesses(self, text: str) -> Sequence[tuple[str, float]]:
        if self._guess is None:
            return ()
        return self._guess(text.lower() if text.isupper() else text)


def _surest(scores: dict[str, float], least: float) -> str | None:
    """The one with the highest score, if it is high enough and no other has the same."""
    if not scores:
        return None
    first, *rest = sorted(scores.items(), key=lambda each: -each[1])
    return None if first[1] < least or (rest and rest[0][1] >= first[1]) else first[0]


def _primary(tag: str | None) -> str:
    return (tag or "").partition("-")[0].lower()
