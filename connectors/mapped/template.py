"""What we say, in their form: texts with ``{placeholders}`` that no customer's or agent's words can break out of.

A JSON body is a table whose leaves are filled; a form is a flat table; a URL gets each value percent-encoded; headers
take only what is ours. ``{{`` and ``}}`` stand for the brackets themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from connectors.mapped.words import one_of

Values = Mapping[str, str | None]

OURS: Final = ("basic", "id", "key", "secret", "token", "username")
"""What a header may hold: nothing that anybody else has written."""
SAID: Final = (
    *OURS, "account", "author", "conversation", "file_name", "file_size", "file_type", "file_url", "reply_to",
    "subject", "text", "thread", "time", "to",
)  # fmt: skip

_PLACE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def check(place: str, template: str, known: Iterable[str] = SAID) -> None:
    """Raises ValueError for a placeholder that is none, or a bracket without a partner."""
    for found in _PLACE.finditer(template):
        if found[1] is not None:
            one_of(place, found[1], known)
        elif len(found[0]) == 1:
            raise ValueError(f"{place}: a {found[0]!r} without its partner; write {found[0] * 2!r} for the sign itself")


def names(template: str) -> list[str]:
    """The placeholders in it."""
    return [found[1] for found in _PLACE.finditer(template) if found[1] is not None]


def fill(template: str, values: Values, safe: Callable[[str], str] = str) -> str:
    """The text with each placeholder's value, made safe; what is not there is empty."""

    def put(found: re.Match[str]) -> str:
        return found[0][0] if found[1] is None else safe(values.get(found[1]) or "")

    return _PLACE.sub(put, template)


def encoded(text: str) -> str:
    """For a URL."""
    return quote(text, safe="")


def one_line(text: str) -> str:
    """For a header."""
    return "".join(letter for letter in text if " " <= letter <= "~")


def filled(body: Any, values: Values) -> Any:
    """A table of templates with their values. What is nothing but placeholders without values is left out."""
    if isinstance(body, dict):
        return {name: filled(each, values) for name, each in body.items() if not _nothing(each, values)}
    if isinstance(body, list):
        return [filled(each, values) for each in body if not _nothing(each, values)]
    return fill(body, values) if isinstance(body, str) else body


def leaves(place: str, body: Any) -> Iterator[tuple[str, str]]:
    """Every text in a table of templates, with its place."""
    if isinstance(body, dict):
        for name, each in body.items():
            yield from leaves(f"{place}.{name}", each)
    elif isinstance(body, list):
        for number, each in enumerate(body):
            yield from leaves(f"{place}[{number}]", each)
    elif isinstance(body, str):
        yield place, body


def _nothing(template: Any, values: Values) -> bool:
    if isinstance(template, dict | list) and template:
        return all(_nothing(each, values) for each in (template.values() if isinstance(template, dict) else template))
    found = _PLACE.fullmatch(template) if isinstance(template, str) else None
    return found is not None and found[1] is not None and values.get(found[1]) is None
