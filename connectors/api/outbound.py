"""What a connector is given to send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from contracts.content import Part
from contracts.conversation import Reach


class MediaLink(msgspec.Struct, frozen=True):
    """An attachment made ready for sending: an expiring signed link, and a way to read the bytes when needed."""

    url: str
    name: str
    media_type: str
    size: int


class Outbound(msgspec.Struct, frozen=True):
    """One message to one address. ``pieces`` is what the host made of its parts for this channel: texts split at the
    channel's limit, refused kinds taken out beforehand, degraded kinds already turned into what they are carried as.
    ``done`` pieces were sent by an earlier attempt and must not be sent again.

    ``key`` is the same for every attempt (a UUID in text): the channel's idempotency key. ``now``: the attempt's time.
    """

    message: str
    conversation: str
    account: str
    reach: Reach
    pieces: tuple[Part, ...]
    key: str
    now: datetime
    done: int = 0
    attempt: int = 1
    subject: str | None = None
    reply_to: str | None = None
    """The provider id of the message that is answered, where known."""
    references: tuple[str, ...] = ()
    author_name: str | None = None
    media: Mapping[str, MediaLink] = {}
    """By attachment id."""
    blobs: Mapping[str, bytes] = {}
    """By attachment id; filled for email and where the manifest says ``uploads``."""
    extra: Mapping[str, Any] | None = None
    token: str | None = None
    """A reply token that is still good at ``now``."""
    automatic: bool = False
    targets: Mapping[str, str] = {}
    """Provider ids of the messages that a piece is about (a reaction's ``target``), by our own id."""
