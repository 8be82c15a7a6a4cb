"""Texts cut to a channel's limit, in the channel's own unit, and never inside what a reader sees as one character.

Grapheme clusters come from ``regex`` (``\\X``): in C, kept current with Unicode, and it knows family emoji and flags.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import regex

from connectors.api.manifest import TextUnit

_CLUSTER: Final = regex.compile(r"\X")
_SENTENCE_ENDS: Final = frozenset("。！？!?.…")
_WIDE_ENDS: Final = frozenset("。！？")

PARAGRAPH, LINE, SENTENCE, SPACE = 4, 3, 2, 1


def size(text: str, unit: TextUnit) -> int:
    """How long the text is in that unit."""
    return _MEASURES[unit](text)


def graphemes(text: str) -> list[str]:
    """What a reader sees as single characters."""
    return _CLUSTER.findall(text)


def split(text: str, limit: int, unit: TextUnit) -> tuple[str, ...]:
    """The text in pieces of at most ``limit``; joined they are the text again.

    Cuts after a paragraph, else a line, a sentence (also 。！？), a space, as long as the piece is at least half full;
    else between any two graphemes. A single grapheme beyond the limit is cut between code points. Pieces of nothing
    but white space are dropped, since no channel takes them.
    """
    measure = _MEASURES[unit]
    if measure(text) <= limit:
        return (text,)
    clusters = _bounded(graphemes(text), limit, measure)
    pieces, start = [], 0
    while start < len(clusters):
        end = _cut(clusters, start, limit, measure)
        pieces.append("".join(clusters[start:end]))
        start = end
    return tuple(piece for piece in pieces if piece.strip())


def clip(text: str, limit: int, unit: TextUnit) -> str:
    """The text, or as much as fits with an ellipsis at its end."""
    if size(text, unit) <= limit:
        return text
    return split(text, limit - size("…", unit), unit)[0].rstrip() + "…"


def _bounded(clusters: list[str], limit: int, measure: Callable[[str], int]) -> list[str]:
    """The clusters, those beyond the limit taken apart into code points."""
    bounded: list[str] = []
    for cluster in clusters:
        bounded.extend(cluster if measure(cluster) > limit else (cluster,))
    return bounded


def _cut(clusters: list[str], start: int, limit: int, measure: Callable[[str], int]) -> int:
    """Where the piece that begins at ``start`` ends."""
    best: dict[int, int] = {}
    used = 0
    for position in range(start, len(clusters)):
        used += measure(clusters[position])
        if used > limit and position > start:
            return _preferred(best) or position
        rank = _rank(clusters, position)
        if rank and used * 2 >= limit:
            best[rank] = position + 1
    return len(clusters)


def _preferred(best: dict[int, int]) -> int | None:
    return best[max(best)] if best else None


def _rank(clusters: list[str], position: int) -> int:
    """How good it is to cut after this cluster; 0 for not."""
    cluster = clusters[position]
    following = clusters[position + 1] if position + 1 < len(clusters) else ""
    if cluster in ("\n", "\r\n", "\u2029"):
        blank = position > 0 and clusters[position - 1] in ("\n", "\r\n")
        return 0 if following in ("\n", "\r\n") else PARAGRAPH if blank or cluster == "\u2029" else LINE
    if following.isspace() or following in _SENTENCE_ENDS:
        return 0
    if cluster in _WIDE_ENDS:
        return SENTENCE
    if cluster.isspace():
        return SENTENCE if position > 0 and clusters[position - 1] in _SENTENCE_ENDS else SPACE
    return 0


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _utf8(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _graphemes(text: str) -> int:
    return len(graphemes(text))


_MEASURES: Final[dict[str, Callable[[str], int]]] = {
    "utf16": _utf16,
    "characters": len,
    "bytes": _utf8,
    "graphemes": _graphemes,
}
