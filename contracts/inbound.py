"""What a connector makes of a provider's payload: facts about a channel, before any rule of ours has spoken."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.content import Part
from contracts.identity import Claims, Profile, ReplyContext


class Sender(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who wrote. ``address`` is where an answer goes (the user, or the group); ``author`` the person in a group."""

    address: str
    author: str | None = None
    author_name: str | None = None
    verified: bool = False
    claims: Claims = Claims()
    profile: Profile = Profile()


class Threading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ties a message to earlier ones. Nothing here is authority by itself; see the conversation rules.

    ``conversation``: the id in a token of ours that the connector verified (email's plus address).
    ``references``: provider message ids it answers, nearest first. ``thread``: the channel's own thread id.
    """

    conversation: str | None = None
    references: tuple[str, ...] = ()
    thread: str | None = None
    quoted: str | None = None
    """The provider id of the message it quotes."""


class Album(msgspec.Struct, frozen=True):
    """The message is one item of several that the customer sent as one: they become one message, in the order of
    ``position``, whatever order they come in. ``id`` is the same for all of them, and unique on the account."""

    id: str
    position: int


class InboundMessage(msgspec.Struct, frozen=True, omit_defaults=True, tag="message"):
    provider_id: str
    sender: Sender
    parts: tuple[Part, ...]
    sent_at: datetime | None = None
    subject: str | None = None
    language: str | None = None
    reply: ReplyContext | None = None
    threading: Threading = Threading()
    handover: str | None = None
    """A hand-over code or link token found in the message."""
    extra: dict[str, Any] | None = None
    flags: tuple[str, ...] = ()
    album: Album | None = None
    attributes: dict[str, str] = {}
    """Of the conversation from now on: what the customer chose in a menu, for the rules to look at."""


class InboundEdit(msgspec.Struct, frozen=True, omit_defaults=True, tag="edit"):
    """A message was changed; edits may arrive out of order, the latest ``sent_at`` wins."""

    provider_id: str
    sender: Sender
    parts: tuple[Part, ...]
    sent_at: datetime


class InboundUnsend(msgspec.Struct, frozen=True, omit_defaults=True, tag="unsend"):
    """The customer took a message back: its content is removed from what we show and keep."""

    provider_id: str
    sender: Sender
    sent_at: datetime | None = None


class InboundReaction(msgspec.Struct, frozen=True, omit_defaults=True, tag="reaction"):
    provider_id: str
    """The message reacted to."""
    sender: Sender
    emoji: str
    """With ``removed`` it may be empty: the channel does not say which, all of theirs are gone."""
    removed: bool = False
    sent_at: datetime | None = None


class InboundReceipt(msgspec.Struct, frozen=True, omit_defaults=True, tag="receipt"):
    """A provider's word on an outbound message of ours. ``message`` is our own id where the channel carries it.

    ``state``: sent, delivered, read or failed. ``upto``: with ``read``, everything up to then was read.
    """

    sender: Sender
    state: str
    provider_id: str | None = None
    message: str | None = None
    upto: datetime | None = None
    code: str | None = None
    reason: str | None = None
    sent_at: datetime | None = None


class InboundIdentity(msgspec.Struct, frozen=True, omit_defaults=True, tag="identity"):
    """News of the person: followed, blocked, profile, claims. ``reachable`` None means no news of that."""

    sender: Sender
    reachable: bool | None = None
    reason: str | None = None
    reply: ReplyContext | None = None
    sent_at: datetime | None = None
    handover: str | None = None
    became: str | None = None
    """The channel has given the sender another address (a Telegram group that was upgraded): what comes from there is
    the same contact's."""


class InboundCall(msgspec.Struct, frozen=True, omit_defaults=True, tag="call"):
    """What became of a call that came as a message with a ``call`` part. ``provider_id``: that message's.

    ``answered``: ``agent`` took it; ``unanswered``: they did not, for ``reason``; ``ended``: it is over;
    ``transcribed``: what was left by voice mail, in words.
    """

    provider_id: str
    sender: Sender
    did: Literal["answered", "unanswered", "ended", "transcribed"]
    agent: str | None = None
    reason: str | None = None
    duration_s: int | None = None
    transcript: str | None = None
    sent_at: datetime | None = None


class InboundTyping(msgspec.Struct, frozen=True, omit_defaults=True, tag="typing"):
    """The customer is typing. Never stored: passed on to whoever watches, then forgotten."""

    sender: Sender
    on: bool = True


Inbound = (
    InboundMessage
    | InboundEdit
    | InboundUnsend
    | InboundReaction
    | InboundReceipt
    | InboundIdentity
    | InboundCall
    | InboundTyping
)
