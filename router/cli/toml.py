"""Plain values as TOML: what a policy is shown in, to be edited and published again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml(document: Mapping[str, Any]) -> str:
    """A document: lists of tables and tables of tables under headers of their own, all below them in one line each."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    headed = {name: value for name, value in document.items() if _is_headed(value)}
    yield from _pairs({name: value for name, value in document.items() if name not in headed})
    for name, value in headed.items():
        if isinstance(value, list | tuple):
            for item in value:
                yield from ("", f"[[{_key(name)}]]", *_pairs(item))
        else:
            for below, item in value.items():
                yield from ("", f"[{_key(name)}.{_key(below)}]", *_pairs(item))


def _is_headed(value: Any) -> bool:
    items = list(value.values()) if isinstance(value, dict) else value
    return isinstance(items, list | tuple) and bool(items) and all(isinstance(item, dict) for item in items)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(name)} = {_value(value)}" for name, value in table.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # A basic string of TOML is a string of JSON but for DEL, which must be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)
