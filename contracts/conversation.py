"""A conversation: everything said about one matter with one contact, over whichever channels they use."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from contracts.contact import Contact, ConversationRef
from contracts.identity import ReplyContext
from contracts.message import Message
from contracts.reply import Way
from contracts.sla import SlaState

Status = Literal["open", "waiting", "snoozed", "resolved", "closed"]


class Reach(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way to the customer within this conversation: the identity last used, and what a reply may use."""

    channel: str
    account: str
    address: str
    last_at: datetime
    reply: ReplyContext | None = None
    thread: str | None = None
    """The channel's thread (email: the last Message-ID; Slack: the thread's ts)."""
    references: tuple[str, ...] = ()
    channel_class: str | None = None
    """chat, social, email, voice, sms or custom."""
    ours: bool = False
    """We began it: the customer has not written there in this conversation, and ``last_at`` is ours."""


class Conversation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversation's state. ``seq`` is the number of its latest event: it starts at 1 and has no gaps.

    Statuses: ``open`` (ours to act), ``waiting`` (for the customer), ``snoozed`` (until a time), ``resolved``
    (a new message within the window reopens it), ``closed`` (for good).
    """

    id: str
    contact: str
    seq: int
    status: Status
    opened_at: datetime
    subject: str | None = None
    agent: str | None = None
    queue: str | None = None
    offered_to: str | None = None
    assigned_at: datetime | None = None
    waiting_since: datetime | None = None
    """Since when the customer waits for an answer of ours."""
    first_response_at: datetime | None = None
    last_message_at: datetime | None = None
    last_sent_at: datetime | None = None
    """The provider's time of the latest inbound message."""
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    priority: int = 0
    """Higher goes first; -100 to 100."""
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    language: str | None = None
    reaches: tuple[Reach, ...] = ()
    """Ways to the customer, the latest used last."""
    agents: tuple[str, ...] = ()
    """Earlier agents, latest last."""
    tail: tuple[str, ...] = ()
    """Ids of the latest messages, newest last; at most 20."""
    messages: int = 0
    """How many messages it has."""
    sending: tuple[str, ...] = ()
    """Outbound messages not yet settled, in order; only the first is on its way."""
    reopened: int = 0
    key: str | None = None
    """What makes it the one conversation: empty per contact, else the channel or the thread."""
    floor: int = 0
    """Rises each time somebody else gets it: whoever speaks for a floor that has passed is refused."""
    sla: SlaState | None = None
    summary: str | None = None
    """What the last holder (a bot, a colleague) said when they handed it over."""
    consulted: tuple[str, ...] = ()
    """Agents who were asked for advice: they see it and write notes; it stays with ``agent``."""
    idle: bool = False
    """The customer is silent, so it holds none of its agent's capacity."""
    diverted: str | None = None
    """``callback``, ``voicemail`` or ``mail``: what the customer was offered instead of waiting."""
    callback_at: datetime | None = None
    """When the customer asked to be called back, if they named a time."""
    enriched: dict[str, str] = {}
    """What enrichers found out: attributes the rules may look at, by name."""


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole person at the moment the work arrives."""

    contact: Contact
    messages: tuple[Message, ...]
    """The latest ones over all channels and conversations, in order."""
    others: tuple[ConversationRef, ...] = ()
    """The contact's other conversations, newest last."""
    agents: tuple[str, ...] = ()
    """Agents who had the customer before, latest last."""
    waiting_since: datetime | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    sla: SlaState | None = None
    summary: str | None = None
    """What the last holder (a bot, a colleague) said when they handed it over."""
    ways: tuple[Way, ...] = ()
    """The ways to the customer as they stood at that moment, the latest used first: windows, what each carries."""
