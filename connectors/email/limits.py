"""What a mail may be before anything is read into it. Python's mail parsers stall for minutes on what breaks these."""

from __future__ import annotations

from typing import Final

import msgspec

MESSAGE_BYTES: Final = 25 * 1024 * 1024
HEADER_BLOCK_BYTES: Final = 64 * 1024
HEADER_BYTES: Final = 8 * 1024
PARTS: Final = 500
DEPTH: Final = 20
ADDRESSES: Final = 200
TEXT_CHARACTERS: Final = 100_000
"""Of text, quoted history, and (four times as many) HTML kept in a message; the rest is in the raw source."""
REFERENCES: Final = 50
NAME_BYTES: Final = 255

INLINE_BYTES: Final = 32 * 1024
INLINE_PARTS: Final = 16
"""Mails up to both are read on the event loop: measured at under 10 ms; the others in a worker process."""


class TooMuch(Exception):
    """A limit is broken; ``what`` in words that an agent understands."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Limits(msgspec.Struct, frozen=True):
    """The limits that an account may set."""

    message_bytes: int = MESSAGE_BYTES


def inline(raw: bytes) -> bool:
    """Small and simple enough to be read without leaving the event loop."""
    return len(raw) <= INLINE_BYTES and raw.count(b"\n--") <= INLINE_PARTS * 4
