"""A subscription, what waits for it, and what came of each attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who wants which events where. Empty filters take everything; given ones must all hold."""

    id: str
    url: str
    name: str = ""
    types: tuple[str, ...] = ()
    conversation: str | None = None
    contact: str | None = None
    agent: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    created_at: datetime
    revision: int = 1


class Kept(msgspec.Struct, frozen=True):
    """A subscription with its secrets, newest first; each delivery is signed with all of them."""

    subscription: Subscription
    secrets: tuple[str, ...]


class Item(msgspec.Struct, frozen=True):
    """One event to deliver: where it stands, and its msgpack bytes."""

    shard: str
    entry: str
    type: str
    event: str
    data: bytes

    @property
    def place(self) -> float:
        """Its place among others by stream time; exact to the millisecond and the 4,096th within."""
        ms, _, number = self.entry.partition("-")
        return float(int(ms) * 4096 + min(int(number), 4095))


class Tries(msgspec.Struct, frozen=True):
    """How often the head of a lane was tried in vain; milliseconds since 1970."""

    attempts: int
    first_ms: int


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt. ``status``: what the endpoint answered; its body is never kept."""

    id: str
    event: str
    type: str
    shard: str
    entry: str
    at: datetime
    outcome: Literal["delivered", "failed", "given_up"]
    attempt: int = 1
    status: int | None = None
    problem: str | None = None
    duration_ms: int = 0
    next_at: datetime | None = None


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the endpoint does. ``circuit`` open: it is left alone until ``probe_at``."""

    circuit: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    """In a row."""
    since: datetime | None = None
    probe_at: datetime | None = None
    problem: str | None = None
    backlog: int = 0
    """Events that wait for a retry."""
