"""A file that came with a message, or goes with one. Its bytes live outside Redis, named by their hash."""

from __future__ import annotations

from typing import Literal

import msgspec

AttachmentState = Literal["pending", "pending_scan", "ready", "failed"]


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attachment's facts.

    ``pending``: known, not fetched yet. ``ready``: ``sha256`` names it in the media store, and the API gives an
    expiring signed link. ``failed``: ``problem`` says why; the message itself is unharmed.
    """

    id: str
    name: str | None = None
    media_type: str = "application/octet-stream"
    size: int | None = None
    """In bytes."""
    sha256: str | None = None
    state: AttachmentState = "pending"
    problem: str | None = None
    source: str | None = None
    """What the connector needs to fetch it from the provider (an id or a URL); never shown to customers."""
    inline: bool = False
    """Shown within the text (email's ``cid:`` images), named by ``content_id``."""
    content_id: str | None = None
