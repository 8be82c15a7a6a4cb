"""Unknown keys, each with the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from router.settings.problem import Path, Problem
from router.settings.shape import fields_of, shape_of

UNKNOWN: Final = "unknown key"


def unknown_keys(raw: Any, annotation: Any, path: Path = ()) -> Iterator[Problem]:
    """Every key of ``raw`` that the type behind ``annotation`` does not have."""
    shape = shape_of(annotation)
    if shape.kind == "table" and isinstance(raw, dict):
        assert shape.struct is not None
        yield from _table(raw, fields_of(shape.struct), path)
    elif shape.kind == "tables" and isinstance(raw, dict):
        for key, value in raw.items():
            yield from unknown_keys(value, shape.item, (*path, key))
    elif shape.kind == "list" and isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from unknown_keys(value, shape.item, (*path, index))


def _table(raw: dict[str, Any], fields: dict[str, Any], path: Path) -> Iterator[Problem]:
    for key, value in raw.items():
        if key in fields:
            yield from unknown_keys(value, fields[key], (*path, key))
        else:
            yield Problem((*path, key), UNKNOWN, nearest(key, fields))


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant: ``did you mean listen?``, or what there is."""
    words = list(known)
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(words)}" if words else "nothing is known here"
