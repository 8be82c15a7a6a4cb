"""Finds where in a TOML file something stands; tomllib does not tell. Only for text that tomllib could read."""

from __future__ import annotations

import contextlib
import re
import tomllib
from typing import Final, NamedTuple

from router.settings.problem import Path

_SPACE: Final = re.compile(r"[ \t]*")
_GAP: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY: Final = re.compile(r"""'[^'\n]*'|"(?:[^"\\\n]|\\.)*"|[A-Za-z0-9_-]+""")
_TEXT: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL)
_PLAIN: Final = re.compile(r"[^,\]}\n#]*")


class Unreadable(Exception):
    """Not as expected here."""


class Spot(NamedTuple):
    """Counted from 1; columns in characters."""

    line: int
    column: int


def spot_of(text: str, path: Path, *, of_key: bool = False) -> Spot | None:
    """Where the value of ``path`` (``("agents", 0, "name")``) begins, or its key; of the nearest parent when it is not
    found."""
    found = _scanned(text)
    while path:
        place = found.get(path)
        if place is not None:
            offset = place[0] if of_key else place[1]
            return Spot(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
        path = path[:-1]
    return None


def _scanned(text: str) -> dict[Path, tuple[int, int]]:
    scanner = _Scanner(text)
    # Something that tomllib reads and we do not: what was found before it is right all the same.
    with contextlib.suppress(IndexError, Unreadable):
        scanner.document()
    return scanner.found


class _Scanner:
    """One pass over the text: ``found`` has the offsets of key and value by path; a table's are those of its header."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, tuple[int, int]] = {}
        self._counts: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._skip(_GAP) < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        begin = self.at
        is_list = self.text.startswith("[[", begin)
        self.at += 2 if is_list else 1
        path = self._with_indexes(self._key())
        if is_list:
            self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, self._counts[path])
        self._note(path, begin, begin)
        self._skip(_SPACE)
        self.at += 2 if is_list else 1
        return path

    def _with_indexes(self, parts: Path) -> Path:
        """A part that names a list of tables means its latest one."""
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            path = (*path, self._counts[path]) if path in self._counts else path
        return (*path, parts[-1])

    def _pair(self, table: Path) -> None:
        begin = self.at
        path = (*table, *self._key())
        self._skip(_SPACE)
        self.at += 1
        self._skip(_SPACE)
        self._note(path, begin, self.at)
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            parts.append(_plain_key(self._take(_KEY)))
            self._skip(_SPACE)
            if self.text[self.at : self.at + 1] != ".":
                return tuple(parts)
            self.at += 1

    def _value(self, path: Path) -> None:
        if self.text[self.at] == "[":
            self._list(path)
        elif self.text[self.at] == "{":
            self._inline(path)
        elif self.text[self.at] in "\"'":
            self._take(_TEXT)
        else:
            self._take(_PLAIN)

    def _list(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.text[self._skip(_GAP)] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._note((*path, index), self.at, self.at)
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self.text[self._skip(_GAP)] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self._pair(path)
        self.at += 1

    def _note(self, path: Path, key: int, value: int) -> None:
        self.found.setdefault(path, (key, value))

    def _skip(self, what: re.Pattern[str]) -> int:
        self._take(what)
        return self.at

    def _take(self, what: re.Pattern[str]) -> str:
        found = what.match(self.text, self.at)
        if found is None:
            raise Unreadable
        self.at = found.end()
        return found[0]


def _plain_key(written: str) -> str:
    return str(tomllib.loads(f"key = {written}")["key"]) if written[0] in "\"'" else written
