"""Telegram's entities (formatting, links, mentions; offsets in UTF-16 units) into text and HTML.

The text keeps every word and shows links that are hidden behind words; the HTML has the formatting too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from connectors.telegram.payload import Entity

MOST: Final = 200
"""Entities of one message that are looked at; Telegram itself allows 100."""
_TAGS: Final = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "span",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
_LINKS: Final = ("https://", "http://", "mailto:", "tel:")


def plain(text: str, entities: Sequence[Entity]) -> str:
    """The words, each hidden link behind the words that hide it."""
    links = {each.offset + each.length: each for each in entities[:MOST] if each.type == "text_link" and each.url}
    if not links:
        return text
    units, pieces = _units(text), []
    for start, end in _cuts(units, links):
        pieces.append(_slice(units, start, end))
        link = links.get(end)
        if link is not None and _slice(units, link.offset, end).strip() != link.url:
            pieces.append(f" ({link.url})")
    return "".join(pieces)


def html(text: str, entities: Sequence[Entity]) -> str | None:
    """The text with its formatting as HTML; None when it has none."""
    styled = [each for each in entities[:MOST] if each.length and (each.type in _TAGS or _href(each))]
    if not styled:
        return None
    edges = [edge for each in styled for edge in (each.offset, each.offset + each.length)]
    units, pieces = _units(text), []
    for start, end in _cuts(units, edges):
        inner = escape(_slice(units, start, end), quote=False).replace("\n", "<br>")
        # Innermost last in Telegram's order; each stretch gets all its tags, so that they always nest.
        for each in reversed(styled):
            if each.offset <= start and end <= each.offset + each.length:
                inner = _wrapped(inner, each)
        pieces.append(inner)
    return "".join(pieces)


def _wrapped(inner: str, entity: Entity) -> str:
    href = _href(entity)
    if href is not None:
        return f'<a href="{escape(href)}">{inner}</a>'
    tag = _TAGS[entity.type]
    return f"<{tag}>{inner}</{tag}>"


def _href(entity: Entity) -> str | None:
    url = entity.url if entity.type == "text_link" else None
    return url if url is not None and url.startswith(_LINKS) else None


def _cuts(units: bytes, edges: Iterable[int]) -> list[tuple[int, int]]:
    """The stretches between the edges, from the beginning to the end of the text."""
    whole = len(units) // 2
    places = sorted({0, whole, *(edge for edge in edges if 0 < edge < whole)})
    return list(pairwise(places))


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _slice(units: bytes, start: int, end: int) -> str:
    """By UTF-16 units; half a pair becomes U+FFFD."""
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")
