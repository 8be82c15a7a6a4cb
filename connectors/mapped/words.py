"""Checks of what an operator wrote: a wrong word is answered with the place and the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def one_of(place: str, word: str, known: Iterable[str]) -> None:
    """Raises ValueError unless ``word`` is one of those known; the message says where it stands."""
    choices = sorted(known)
    if word in choices:
        return
    close = difflib.get_close_matches(word, choices, 1, 0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(choices)}"
    raise ValueError(f"{place}: {word!r} is not known here; {hint}")
