"""A message: what was said, by whom, over which channel, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.content import Part

Direction = Literal["inbound", "outbound", "note"]
MessageState = Literal["received", "queued", "sending", "sent", "delivered", "read", "failed", "uncertain"]

STATE_RANK: dict[str, int] = {
    "received": 0,
    "queued": 0,
    "sending": 1,
    "uncertain": 2,
    "failed": 3,
    "sent": 3,
    "delivered": 4,
    "read": 5,
}
"""Receipts only move forward: a state replaces another only when its rank is higher."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something could not be done. ``kind`` is one of the closed vocabulary of ``connectors.api.outcome``."""

    kind: str
    sentence: str
    """For the agent, in plain words."""
    retryable: bool = False
    fault: Literal["ours", "theirs", "customer", "config"] = "theirs"
    code: str | None = None
    """The provider's own code."""
    alternatives: tuple[str, ...] = ()
    """Other ways (``channel:account:address``) that could do it, the best first."""


class Reacted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody's reaction to a message."""

    by: str
    emoji: str
    at: datetime


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation. Times are UTC; ``seq`` is the number of its first event in the conversation."""

    id: str
    conversation: str
    contact: str
    seq: int
    direction: Direction
    channel: str
    account: str
    address: str
    """The customer's address: where it came from, or where it goes."""
    parts: tuple[Part, ...]
    at: datetime
    """When we accepted it."""
    sent_at: datetime | None = None
    """The provider's own time."""
    late: bool = False
    """The provider's time lies before that of a message already in the conversation."""
    author: str | None = None
    """The agent (outbound, note), or the person within a group (inbound)."""
    author_name: str | None = None
    subject: str | None = None
    language: str | None = None
    provider_id: str | None = None
    reply_to: str | None = None
    """The id of the message it answers or quotes."""
    state: MessageState = "received"
    state_at: datetime | None = None
    attempts: int = 0
    problem: Problem | None = None
    edited_at: datetime | None = None
    unsent_at: datetime | None = None
    reactions: tuple[Reacted, ...] = ()
    raw: str | None = None
    """Where the provider's raw payload is: ``shard/entry id`` of the command, or ``media/sha256``."""
    extra: dict[str, Any] | None = None
    """Inbound: channel facts with no place of their own. Outbound: ``provider_extra`` as given by the sender."""
    command: str | None = None
    """The API command that asked for it."""
    flags: tuple[str, ...] = ()
    """For example ``automatic``, ``possible_reply_to:cv_...``, ``charset_guessed``."""
