"""The outside of every webhook of Meta's, and how its pieces become one batch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from connectors.api import Batch, Ignored, Malformed, Parsed
from connectors.kit.json import BadJson, read
from contracts.inbound import Inbound

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Number = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Whole; small enough to be kept in msgpack, and to be a time in milliseconds."""
Big = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id that was written as a number."""
MOST: Final = 1_000
"""Updates in one webhook, and entries in one."""
_REASONS: Final = 5
_MILLISECONDS: Final = 10**11
"""What is less, as a time, is in seconds (until the year 5138)."""


class Entry(msgspec.Struct, frozen=True):
    """News of one account at Meta. Which of the lists is there depends on the channel."""

    id: Id | Big | None = None
    changes: Annotated[list[msgspec.Raw], Meta(max_length=MOST)] = []
    messaging: Annotated[list[msgspec.Raw], Meta(max_length=MOST)] = []
    standby: Annotated[list[msgspec.Raw], Meta(max_length=MOST)] = []
    """As ``messaging``, while another app has the conversation."""


class Envelope(msgspec.Struct, frozen=True):
    """The body of one POST."""

    object: str
    entry: Annotated[list[Entry], Meta(max_length=MOST)] = []


class Passed(msgspec.Struct, frozen=True):
    """Why a piece gave nothing; ``broken`` when it is not what Meta documents."""

    reason: str
    broken: bool = False


Made = tuple[Inbound, ...] | Passed
Piece = tuple[bytes, Made]

_envelope: Final = msgspec.json.Decoder(Envelope)
_wrapped: Final = msgspec.json.Decoder(Annotated[list[Envelope], Meta(min_length=1, max_length=1)])


def open_envelope(body: bytes, wanted: str) -> Envelope | Ignored | Malformed:
    """What is in it, when its object is the wanted one. Some of Meta's own examples come within a list."""
    opened = read(body, _envelope)
    if isinstance(opened, BadJson) and body.lstrip()[:1] == b"[":
        unwrapped = read(body, _wrapped)
        opened = unwrapped if isinstance(unwrapped, BadJson) else unwrapped[0]
    if isinstance(opened, BadJson):
        return Malformed(opened.reason)
    if opened.object != wanted:
        return Ignored(f"the object is {opened.object[:64]!r}, not {wanted!r}")
    return opened


def gather(pieces: Iterable[Piece]) -> Parsed:
    """One batch of all that the pieces gave, in their order."""
    events: list[Inbound] = []
    raws: list[bytes] = []
    passed: list[Passed] = []
    for raw, made in pieces:
        if isinstance(made, Passed):
            passed.append(made)
        else:
            events.extend(made)
            raws.extend([raw] * len(made))
    if events:
        return Batch(tuple(events), tuple(raws), ignored=tuple(each.reason for each in passed))
    reasons = "; ".join(each.reason for each in passed[:_REASONS]) or "nothing is in it"
    return Malformed(reasons) if any(each.broken for each in passed) else Ignored(reasons)


def instant(number: int) -> datetime:
    """A time of Meta's: milliseconds, though seconds have been seen in their place."""
    return datetime.fromtimestamp(number if number < _MILLISECONDS else number / 1_000, UTC)
