"""A connector's declaration: what it is, what it can carry and how, as data."""

from __future__ import annotations

from typing import Literal

import msgspec

Support = Literal["native", "degraded", "refused"]
TextUnit = Literal["utf16", "characters", "bytes", "graphemes"]
AfterWindow = Literal["open", "template", "closed"]


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


class MediaRule(msgspec.Struct, frozen=True):
    """Which attachments of a kind the channel takes natively; what does not fit goes as a text with an expiring link.

    ``types``: media types, or families like ``image/*``; empty: any. ``max_bytes``: None for no limit of its own.
    """

    types: tuple[str, ...] = ()
    max_bytes: int | None = None


class ChoiceRule(msgspec.Struct, frozen=True):
    """Which choices the channel shows natively; what does not fit goes as a text with numbered lines. Lengths are in
    graphemes; None for no limit."""

    options: int | None = None
    """The most options."""
    label: int | None = None
    """The longest label."""
    text: int | None = None
    """The longest question."""
    urls: bool = True
    """Options may lead to a URL."""


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
    caption_limit: int | None = None
    """In ``text_unit``: a caption that is longer goes as a text of its own after the attachment. None: any fits."""
    media: dict[str, MediaRule] = {}
    """By kind (image, audio, video, file): what fits. A kind that is not here has no limits that the host knows."""
    choices: ChoiceRule = ChoiceRule()
    """With ``choice`` native: what fits."""
    reply_window_s: int | None = None
    """The channel lets us answer for so long after the customer last wrote there; None: always. A time that the
    channel tells (``ReplyContext.window_expires_at``) counts before it."""
    after_window: AfterWindow = "closed"
    """What still goes when the window is over: everything, only an approved template, or nothing."""
    agent_window_s: int | None = None
    """After the window an answer by a person (``Outbound.automatic`` is false) still goes for so long (Messenger's
    HUMAN_AGENT); counted from the customer's last word too."""
    reply_tokens: bool = False
    """What the customer says comes with a single-use token that answers free of charge (``Outbound.token``)."""
    billed_push: bool = False
    """What goes without a reply token is billed, or counts against a quota (see ``Connector.quota_requests``)."""
    rate_per_second: float | None = None
    """The provider's limit of calls for one account, over all our copies; settings may say less."""
    rate_per_person: float | None = None
    """The provider's limit of calls to one address a second (0.2: one in five seconds)."""
    burst_per_person: int = 1
    """So many calls to one address may go at once after a pause."""
    concurrent: int = 32
    """The most calls to the provider at once for one account, in one copy: a slow provider holds up nobody else."""
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
