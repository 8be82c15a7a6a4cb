"""The policies that were in force, by number: what is kept of each, and what comes next."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from contracts.policy import Policy

KEPT: Final = 100
"""So many policies are kept whole, with their notes."""

Source = Literal["api", "config"]

_canonical = msgspec.msgpack.Encoder(order="deterministic")


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who published a policy, when, from where and why."""

    number: int
    at: datetime
    by: str = "system"
    source: Source = "api"
    why: str | None = None
    rolled_back_to: int | None = None
    """It is this one again."""


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """``number`` is the one in force; 0 when none was ever published. ``notes``: oldest first, at most ``KEPT``."""

    number: int = 0
    notes: tuple[Note, ...] = ()
    config: str | None = None
    """The digest of the policy that the configuration file said last."""

    def with_next(self, note: Note) -> History:
        """With one more in force."""
        return replace(self, number=note.number, notes=(*self.notes, note)[-KEPT:])

    def note(self, number: int) -> Note | None:
        """What is known of that one; None when it is not kept (any more)."""
        return next((note for note in self.notes if note.number == number), None)


def digest(policy: Policy) -> str:
    """The same for the same policy, however its tables were ordered and whatever defaults were added since."""
    return hashlib.sha256(_canonical.encode(policy)).hexdigest()


def is_news(history: History, configured: Policy) -> bool:
    """Whether the configuration file says something else than when it was last listened to. A file that never said
    anything says what is in force anyway."""
    said = history.config or digest(Policy())
    return digest(configured) != said
