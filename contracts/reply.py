"""What can be said to a customer, on which way, and until when: told before anything is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Means = Literal["reply_token", "window", "push", "template", "open"]
WayState = Literal["open", "template", "closed", "opted_out", "unknown"]


class Way(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way to the customer, as it stands at one moment.

    ``state``: ``open`` (anything that it carries), ``template`` (only an approved template: the window is over),
    ``closed`` (nothing), ``opted_out`` (the customer does not want it), ``unknown`` (no such account here).
    """

    channel: str
    account: str
    address: str
    state: WayState
    title: str = ""
    title_ja: str = ""
    window_ends_at: datetime | None = None
    """Until then anything may be said; None: always, or never (see ``state``)."""
    free_until: datetime | None = None
    """Until then a reply token answers free of charge."""
    billed: bool = False
    """What is sent now is billed, or counts against a quota."""
    last_at: datetime | None = None
    """When the customer last wrote this way, as far as is known."""
    text_limit: int | None = None
    text_unit: str = "characters"
    native: tuple[str, ...] = ()
    """Kinds of content that are carried as they are."""
    degraded: tuple[str, ...] = ()
    """Kinds that become a text, or a text with a link."""
    trouble: str | None = None
    """Why the account cannot send at present; what is sent waits."""


class Carried(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one part of a message is carried: natively, degraded (``how``), or refused (``how`` says why)."""

    kind: str
    support: Literal["native", "degraded", "refused"]
    how: str = ""
    pieces: int = 1


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the sender should know. ``code``: ``billed``, ``split``, ``degraded``, ``window_ends``, ``trouble``,
    ``quota`` or ``language``."""

    code: str
    sentence: str


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether and how a draft can be said. ``kind`` and ``sentence``: why it cannot, as a refusal would say it."""

    allowed: bool
    way: Way | None = None
    by: Means | None = None
    """What makes it possible."""
    pieces: int = 0
    parts: tuple[Carried, ...] = ()
    size: int = 0
    """Of all texts together, in the way's unit."""
    kind: str | None = None
    sentence: str | None = None
    notices: tuple[Notice, ...] = ()
    alternatives: tuple[Way, ...] = ()
    """The customer's other ways that can say it, the best first; told when this one cannot."""
    templates: tuple[str, ...] = ()
    """Names of templates that could go this way, where nothing else can."""
