"""A connector's declaration: what it is, what it can carry and how, as data."""

from __future__ import annotations

from typing import Literal

import msgspec

Support = Literal["native", "degraded", "refused"]
TextUnit = Literal["utf16", "characters", "bytes", "graphemes"]


class Carry(msgspec.Struct, frozen=True):
    """How a content kind is carried. ``how``: into what it is degraded, or why it is refused."""

    support: Support
    how: str = ""


NATIVE = Carry("native")


def degraded(how: str) -> Carry:
    """Carried as something lesser, said in ``how``."""
    return Carry("degraded", how)


def refused(why: str) -> Carry:
    """Not carried; the sender is told ``why`` before sending."""
    return Carry("refused", why)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the host needs to know before anything is sent or received."""

    name: str
    """The channel's name, as in identities: lower case."""
    title: str
    title_ja: str
    api_version: int = 1
    channel_class: Literal["chat", "social", "email", "voice", "sms", "custom"]
    carries: dict[str, Carry]
    """Every kind in ``contracts.content.KINDS``."""
    text_limit: int | None = None
    text_unit: TextUnit = "characters"
    batch: int = 1
    """The most pieces in one provider request."""
    receipts: tuple[str, ...] = ()
    """Which of sent, delivered, read, failed the channel reports later."""
    idempotent: bool = False
    """A repeated send with the same key is done once by the provider."""
    reply_window_s: int | None = None
    typing: bool = False
    read_marks: bool = False
    profile_lookup: bool = False
    verified_addresses: bool = True
    """The channel proves that the sender owns the address."""
    listens: Literal["no", "leased", "every_edge"] = "no"
    """``leased``: one listener over all copies (a mailbox); ``every_edge``: one in each (a port)."""
    uploads: bool = False
    """It sends files themselves, not links: ``Outbound.blobs`` has their bytes, unless they are too many."""
    sessions: bool = False
    """It speaks WebSocket with customers (``/chat/<account>``)."""
    max_body: int = 1_048_576
    """Bytes of a webhook that the host reads at most."""
    grouping: Literal["contact", "channel", "thread"] = "contact"
    """The account's default for what makes one conversation."""
    extra: str | None = None
    """The extra to install when an import is missing, for example ``email``."""
