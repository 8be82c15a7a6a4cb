"""Pages of lists. A cursor is opaque text: where the page ended, so that what is added meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from router.api.problems import bad_input

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True, omit_defaults=True):
    """One page. ``next``: give it as ``cursor`` for the following one; absent on the last."""

    items: tuple[T, ...]
    next: str | None = None


def to_cursor(*parts: str | int) -> str:
    """The cursor for a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode("ascii").rstrip("=")


def from_cursor(text: str, kind: Any) -> Any:
    """The place a cursor stands for, a tuple of ``kind``. Raises ApiError 400."""
    try:
        return msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise bad_input(
            "this cursor is not one of ours", where="?cursor", expected="the next of a page", status=400
        ) from None


def bounded(limit: int, most: int = 200) -> int:
    """A page's size within 1 and ``most``. Raises ApiError 400."""
    if not 1 <= limit <= most:
        raise bad_input(f"limit is {limit}", where="?limit", expected=f"1 to {most}", status=400)
    return limit


def merged(lists: Sequence[list[tuple[str, int]]], before: tuple[int, str] | None, most: int) -> list[tuple[str, int]]:
    """The newest ``most`` of (id, score) pairs from several lists, those before a place only."""
    found = {(score, id) for part in lists for id, score in part if before is None or (score, id) < before}
    return [(id, score) for score, id in sorted(found, reverse=True)[:most]]
