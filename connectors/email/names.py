"""File names that came by mail, made harmless. Files are stored by hash all the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from connectors.email.headers import clean
from connectors.email.limits import NAME_BYTES

# Controls, and marks that turn the reading direction (they make "exe.pdf" out of "fdp.exe").
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]")
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


def safe_name(name: str | None) -> str | None:
    """The last part of a path, without tricks and at most 255 bytes; None when nothing is left."""
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", clean(name or "")))
    text = re.split(r"[/\\]", text)[-1]
    text = re.sub(r'[<>:"|?*]', "_", text).strip().strip(".").strip()
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    return _shortened(text) or None


def _shortened(text: str) -> str:
    stem, dot, ending = text.rpartition(".")
    if not dot or len(ending) > 16:
        stem, ending = text, ""
    tail = f"{dot}{ending}" if ending else ""
    room = NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + tail
