"""Words and patterns found in a text, over one folding of both.

Patterns are RE2's (``google-re2``: Google's own binding, wheels for every system): it searches in a time linear in
the text, whatever the pattern, so that neither an author's slip nor a customer's text can stop a shard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol
from unicodedata import normalize

import re2
import regex

MOST_LETTERS: Final = 1_000
"""A longer pattern is a list of words in disguise."""
_MEMORY: Final = 4 << 20
_NOT_ASCII: Final = regex.compile(r"[^\x00-\x7f]+")
_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$-")
_HINTS: Final = (
    (("(?=", "(?!", "(?<=", "(?<!"), "there is no looking ahead or behind in RE2; say it with `unless`"),
    ((r"\Z",), r"in RE2 the end of the text is \z"),
    (("(?>", "*+", "++", "?+"), "RE2 never goes back, so that it needs no atomic groups"),
    (tuple(rf"\{digit}" for digit in range(1, 10)), "there are no back-references in RE2"),
)


class Search(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes) -> Any:
        """Something true when it is found in the text (UTF-8)."""
        ...


def folded(text: str) -> str:
    """Text for comparing: full-width and half-width, upper and lower case are the same (NFKC and case folding)."""
    if text.isascii():
        return text.lower()
    return normalize("NFKC", normalize("NFKC", text).casefold())


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, as a sentence with what would be right; None: nothing."""
    if not pattern:
        return "the pattern is empty"
    if len(pattern) > MOST_LETTERS:
        return f"the pattern has {len(pattern)} characters, and at most {MOST_LETTERS} are taken"
    try:
        _compile(pattern)  # as written first: a full-width bracket after a backslash is an error, and folded none
        found = _compile(_folded_pattern(pattern))
    except (re2.error, UnicodeEncodeError) as error:
        return f"the pattern {pattern!r} cannot be used: {_plainly(error)}{_hint(pattern)}"
    if found.search(b"") and found.search(b"\x01"):
        return f"the pattern {pattern!r} holds for every text"
    return None


def any_pattern(patterns: Iterable[str]) -> Search:
    """Finds any of them in a folded text, in one pass.

    Raises:
        ValueError: one of them cannot be used; see :func:`pattern_problem`.
    """
    try:
        return _compile("|".join(f"(?:{_folded_pattern(pattern)})" for pattern in patterns))
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_plainly(error)) from None


def literal(word: str) -> str:
    """The pattern that finds this word, and nothing else."""
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in word)


def _compile(pattern: str) -> Search:
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEMORY
    found: Search = re2.compile(pattern, options)
    return found


def _folded_pattern(pattern: str) -> str:
    """What is beyond ASCII is folded as the text is; what is within is compared without case, and keeps its meaning:
    ``\\D`` must not become ``\\d``, nor a full-width bracket a group."""
    return _NOT_ASCII.sub(lambda run: literal(folded(run[0])), normalize("NFC", pattern))


def _plainly(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else "it is no Unicode text"


def _hint(pattern: str) -> str:
    return next((f"; {hint}" for marks, hint in _HINTS if any(mark in pattern for mark in marks)), "")
