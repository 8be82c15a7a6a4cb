"""One thing that is wrong with a policy: where, what, and the nearest right name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, Literal

import msgspec

Place = tuple[str | int, ...]
"""Where it stands: ``("policy", "rules", 2, "queue")``."""
Level = Literal["error", "warning"]

_FEW: Final = 8
"""So many names are listed when none of them is near."""


class PolicyProblem(msgspec.Struct, frozen=True):
    """An ``error`` keeps the policy out."""

    place: Place
    sentence: str
    level: Level = "error"

    @property
    def path(self) -> str:
        """As one would write it: ``policy.rules[2].queue``."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.place)
        return text.removeprefix(".")

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """``there is no queue 'defualt'; did you mean 'default'?``"""
    return f"there is no {what} {name!r}{nearest(name, known)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'default'?``, whatever the case; or what there is, if that is little; or nothing."""
    words = {word.casefold(): word for word in known}
    near = get_close_matches(name.casefold(), words, 1)
    if near:
        return f"; did you mean {words[near[0]]!r}?"
    return f"; there are {', '.join(sorted(words.values()))}" if 0 < len(words) <= _FEW else ""
