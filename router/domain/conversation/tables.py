"""The state of a conversation shard: its tables, and the values that only the rules see."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from contracts.contact import Contact
from contracts.content import Part
from contracts.conversation import Conversation
from contracts.identity import Identity, ReplyContext
from contracts.message import Message, Problem
from contracts.terms import Terms
from router.domain.turn import Table

TAIL: Final = 20
"""How many message ids a conversation keeps at hand, and messages a context shows."""
CONVERSATIONS: Final = 20
"""How many conversations a contact lists."""
AGENTS: Final = 10
"""How many earlier agents are kept."""
LINKS: Final = 200
"""How many records of linking a contact keeps."""
REFERENCES: Final = 20
"""How many references a reach keeps beside the first (RFC 5322 threads)."""
AUTOMATIC: Final = "automatic"
"""Flag of an out-of-office note and its like, and of what the service says by itself: nobody waits for an answer to it,
and it answers nobody."""
CONSULTED: Final = 10
"""How many agents may be asked for advice at once."""
REACTIONS: Final = 50
"""How many reactions a message keeps."""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """An outbound message under way: the head of its conversation's queue. Times in milliseconds since 1970."""

    message: str
    conversation: str
    channel: str
    account: str
    attempt: int
    ready_ms: int
    """Not to be sent before."""
    done_pieces: int = 0
    """Pieces that earlier attempts sent already."""
    asked_ms: int = 0
    """When it became the head."""


class MediaFetch(msgspec.Struct, frozen=True):
    """An attachment to be fetched from its provider."""

    attachment: str
    message: str
    conversation: str
    channel: str
    account: str


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A provider's word on an outbound message that we cannot place yet."""

    state: Literal["sent", "delivered", "read", "failed"]
    at: datetime
    problem: Problem | None = None


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a message id that is no message of this shard (or not yet).

    ``message``: our outbound message that the provider calls so. ``conversation``: where the message was passed on to,
    when another shard has it. The others came before the message itself and wait for it.
    """

    message: str | None = None
    conversation: str | None = None
    relayed: bool = False
    parts: tuple[Part, ...] | None = None
    edited_at: datetime | None = None
    unsent_at: datetime | None = None
    address: str | None = None
    """Whose words the early edit or unsend changes: only theirs."""
    receipts: tuple[Receipt, ...] = ()


class ClaimOwner(msgspec.Struct, frozen=True):
    """The first contact that proved a claim."""

    contact: str
    at: datetime


class UsedNonce(msgspec.Struct, frozen=True):
    """A hand-over code that was used, and the identity that it let in."""

    identity: str
    at: datetime


class Underway(msgspec.Struct, frozen=True):
    """A hand-over of an identity that the home of the code's contact has not confirmed yet; or a claim of it that is
    being resolved: then with the ``entry`` of what was sent last on that way."""

    contact: str
    entry: str | None = None


class Moved(msgspec.Struct, frozen=True):
    """An identity that was the contact's until lately: what is still on its way here belongs to this contact."""

    contact: str


class ReplyNote(msgspec.Struct, frozen=True):
    """A reply context that came before there was a conversation (LINE's ``follow``)."""

    reply: ReplyContext
    at: datetime


class AlbumItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item of an album: its place, the message id that it would have by itself, how many parts are its own."""

    position: int
    id: str
    parts: int
    edited_at: datetime | None = None


class AlbumRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an album is; ``message`` None: the conversation's shard knows. ``items`` in order, by the message's id."""

    conversation: str
    message: str | None = None
    items: tuple[AlbumItem, ...] = ()


IDENTITY: Final = Table("identity", Identity)
"""By identity key, in the identity's shard: which contact it belongs to. The contact's own copy has the news of it."""
CONTACT: Final = Table("contact", Contact)
CONVERSATION: Final = Table("conversation", Conversation)
MESSAGE: Final = Table("message", Message)
DELIVER: Final = Table("deliver", Delivery, preload=True)
"""By message id."""
FETCH: Final = Table("fetch", MediaFetch, preload=True)
"""By attachment id."""
TRACE: Final = Table("trace", Trace, ttl_s=30 * 86_400)
"""By ``message_id(account, provider id)``, or by our own message id."""
CLAIM: Final = Table("claim", ClaimOwner)
"""By claim (``email:taro@example.jp``), in the claim's shard."""
NONCE: Final = Table("nonce", UsedNonce, ttl_s=8 * 86_400)
MOVED: Final = Table("moved", Moved, ttl_s=7 * 86_400)
"""By identity key, in a shard that was its contact's home."""
UNDERWAY: Final = Table("underway", Underway, ttl_s=86_400)
"""By identity key, in the identity's shard."""
REPLY: Final = Table("reply", ReplyNote, ttl_s=7 * 86_400)
"""By identity key, in the contact's home."""
ALBUM: Final = Table("album", AlbumRow, ttl_s=30 * 86_400)
"""By identity key and the channel's album id; and, with its items, by message id."""

TERMS: Final = Table("terms", Terms, preload=True)
"""One row, ``current``: what the published policy means for conversations."""
CURRENT: Final = "current"

TABLES: Final = (
    IDENTITY, CONTACT, CONVERSATION, MESSAGE, DELIVER, FETCH, TRACE, CLAIM, NONCE, MOVED, UNDERWAY, REPLY, ALBUM, TERMS,
)  # fmt: skip
