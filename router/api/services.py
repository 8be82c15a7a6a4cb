"""What the API is given by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from contracts.conversation import Reach
from contracts.message import Message
from router.api.subscriptions.store import SubscriptionStore
from router.api.tokens import TokenStore
from router.domain.reply.facts import Condition, ReplyFacts
from router.media.links import Links
from router.media.store import MediaStore
from router.observe.metrics import Metrics
from router.shards.append import Appender
from router.shards.signals import Signals
from router.shards.state import StateReader
from router.shards.submit import Submitter
from router.shards.tail import Tail
from router.store.lane import Lane


class AccountHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account and how it does. ``since``: since when it is in this state; ``reason``: why it is not ``ok``."""

    account: str
    connector: str
    channel: str
    title: str
    state: Literal["ok", "troubled", "starting", "stopped", "unknown"]
    since: datetime | None = None
    reason: str | None = None
    sends: bool = True
    typing: bool = False


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hand-over code, and links by account ("continue in LINE") where the channel has one."""

    code: str
    expires_at: datetime
    links: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the API. Times in seconds, sizes in bytes."""

    body: int = 1_048_576
    wait_s: float = 5.0
    """How long a write waits for its outcome before it answers 202."""
    sse: int = 500
    """The most event streams at once in this copy."""
    sockets: int = 5_000
    """The most agent connections at once in this copy."""
    heartbeat_s: float = 20.0
    reannounce_s: float = 60.0
    send_timeout_s: float = 5.0
    frame: int = 65_536
    queue: int = 500
    """Frames that wait for a slow agent before the connection is closed with 1013."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything the API needs. ``links`` signs what opens attachments; ``media`` has their bytes.

    ``invite``: makes a hand-over code for a contact and conversation. ``accounts``: every account and its health.
    """

    appender: Appender
    submitter: Submitter
    state: StateReader
    tail: Tail
    signals: Signals
    tokens: TokenStore
    subscriptions: SubscriptionStore
    lane: Lane
    links: Links
    public_url: str = ""
    """Without a slash at the end; empty: links are relative."""
    language: str = "en"
    invite: Callable[[str, str | None], Awaitable[Invitation]] | None = None
    accounts: Callable[[], Awaitable[Sequence[AccountHealth]]] | None = None
    media: MediaStore | None = None
    limits: Limits = Limits()
    metrics: Metrics = field(default_factory=Metrics)
    show_typing: Callable[[Reach, bool], None] | None = None
    """Shows the customer, where the channel can, that an agent types. Returns at once."""
    show_read: Callable[[Message], None] | None = None
    """Marks a customer's message as read, where the channel can. Returns at once."""
    reply: ReplyFacts = field(default_factory=ReplyFacts)
    """What the channels can carry and until when, and the templates."""
    conditions: Callable[[Iterable[str]], Awaitable[Mapping[str, Condition]]] | None = None
    """How these accounts are at the moment: their troubles and quotas."""
    allow_private: bool = False
    """Subscriptions may lead into private networks: for development and tests."""
