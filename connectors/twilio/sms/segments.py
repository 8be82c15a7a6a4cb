"""What a text costs: segments of GSM-7 (160, or 153 each) or UCS-2 (70, or 67 each). Source: 3GPP TS 23.038."""

from __future__ import annotations

from typing import Final

import msgspec

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("\f^{}\\[~]|€")
"""Two places each."""


class Segments(msgspec.Struct, frozen=True):
    """How a text goes: its encoding, its places in it, and in how many segments."""

    encoding: str
    size: int
    count: int


def segments(text: str) -> Segments:
    """GSM-7 when every sign is in it; one that is not makes all of it UCS-2."""
    if BASIC.issuperset(text) or (BASIC | EXTENDED).issuperset(text):
        return _counted("GSM-7", [2 if each in EXTENDED else 1 for each in text], 160, 153)
    return _counted("UCS-2", [2 if ord(each) > 0xFFFF else 1 for each in text], 70, 67)


def _counted(encoding: str, places: list[int], alone: int, joined: int) -> Segments:
    """A sign of two places is never cut in two, so it may leave one empty."""
    size = sum(places)
    if size <= alone:
        return Segments(encoding, size, 1)
    count, used = 1, 0
    for each in places:
        if used + each > joined:
            count, used = count + 1, 0
        used += each
    return Segments(encoding, size, count)
