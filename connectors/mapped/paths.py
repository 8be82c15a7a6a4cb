"""Where things are in their payload: paths are JMESPath (https://jmespath.org), prepared once.

``data.message.id`` · ``entries[*].text`` · ``"a-name"`` · ``a || b`` (the first that is there) · ``x[?type=='image']``.
"""

from __future__ import annotations

from typing import Any, Final

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

MOST_CHARACTERS: Final = 4_000


class Misfit(ValueError):
    """What stands there cannot be what it should be; the message says where and why, never what."""


class Path(msgspec.Struct, frozen=True):
    """A path, and the setting in which it stands."""

    place: str
    compiled: ParsedResult

    def find(self, data: Any) -> Any:
        """What is there; None where nothing is. Raises Misfit where the path cannot be followed."""
        try:
            return self.compiled.search(data)
        except Exception as error:
            # Functions of the language complain about their data in many ways; all of them mean that it does not fit.
            raise Misfit(f"{self.place} cannot be followed: {type(error).__name__}") from None

    def text(self, data: Any) -> str | None:
        """Text, or a number as text; None where nothing is, or nothing but white space."""
        found = self.find(data)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise Misfit(f"{self.place}: expected text or a number")
        return str(found) if str(found).strip() else None

    def number(self, data: Any) -> float | None:
        """A number, also where it is written as text."""
        found = self.text(data)
        try:
            return None if found is None else float(found)
        except ValueError:
            raise Misfit(f"{self.place}: expected a number") from None

    def list(self, data: Any) -> list[Any]:
        """The items of a list; a single thing is a list of one."""
        found = self.find(data)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    def holds(self, data: Any) -> bool:
        """Whether what is there is neither nothing, empty nor false (a condition)."""
        found = self.find(data)
        return bool(found) or (isinstance(found, int | float) and not isinstance(found, bool))


def path(place: str, text: str) -> Path:
    """The path in a setting.

    Raises:
        ValueError: it is none; the message says where in it.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{place}: a path has at most {MOST_CHARACTERS} characters")
    try:
        return Path(place, jmespath.compile(text))
    except JMESPathError as error:
        raise ValueError(f"{place}: {text!r} is no path (JMESPath): {str(error).splitlines()[0]}") from None
