"""Finds the line of a TOML file that a key stands on; tomllib does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from router.settings.problem import Path

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ONE = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_PART = re.compile(_ONE)
_KEY = re.compile(rf"^\s*({_ONE}(?:\s*\.\s*{_ONE})*)\s*=(.*)$")


def line_of(text: str, path: Path) -> int | None:
    """The line of ``path`` (``("agents", 0, "name")``), counted from 1; of the nearest parent when it is not found."""
    lines: dict[Path, int] = {}
    for number, found in _keys(text):
        lines.setdefault(found, number)
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _keys(text: str) -> Iterator[tuple[int, Path]]:
    table: Path = ()
    counts: dict[Path, int] = {}
    quote = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if quote in line else quote
        elif header := _HEADER.match(line):
            table = _table(header, counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _parts(key[1])
            quote = _left_open(key[2])


def _table(header: re.Match[str], counts: dict[Path, int]) -> Path:
    path = _with_indexes(_parts(header[2]), counts)
    if header[1] == "[[":
        counts[path] = counts.get(path, -1) + 1
        return (*path, counts[path])
    return path


def _with_indexes(parts: Path, counts: dict[Path, int]) -> Path:
    """A part that names a list of tables means its latest one."""
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        path = (*path, counts[path]) if path in counts else path
    return (*path, parts[-1])


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _left_open(value: str) -> str:
    return next((quote for quote in ('"""', "'''") if value.count(quote) == 1), "")
