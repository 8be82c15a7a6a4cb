"""A customer's WebSocket as a state machine: frames and events in, actions out. The host owns the socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from contracts.attachment import Attachment
from contracts.inbound import Inbound
from contracts.message import Message


def no_link(attachment: Attachment) -> str | None:
    """There are no links to attachments."""
    return None


class SessionOpen(msgspec.Struct, frozen=True):
    """How a socket was opened. ``link`` gives an expiring signed link to an attachment's bytes, None without one."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    now: datetime
    remote: str | None = None
    link: Callable[[Attachment], str | None] = no_link


class Say(msgspec.Struct, frozen=True):
    """Send this text frame to the customer."""

    frame: str


class Publish(msgspec.Struct, frozen=True):
    """Append the event durably; then ``Session.published(tag)`` (or ``Session.refused(tag, reason)``) is called."""

    event: Inbound
    tag: str


class Watch(msgspec.Struct, frozen=True):
    """From now on give this identity's events to ``Session.event``; first, through ``Session.history``, every message
    of its conversation that came after ``after`` (a position from an earlier frame, or None for the latest 50)."""

    address: str
    after: str | None = None


class Close(msgspec.Struct, frozen=True):
    code: int
    reason: str = ""


class Invite(msgspec.Struct, frozen=True):
    """Make a hand-over code for the customer, so that they can go on elsewhere; ``Session.invited`` is called."""

    address: str


class Typing(msgspec.Struct, frozen=True):
    """The customer is typing (never stored)."""

    address: str
    on: bool = True


Action = Say | Publish | Watch | Close | Invite | Typing


class Session(Protocol):
    """One conversation over one socket. Every method returns what to do, in order."""

    def opened(self) -> Sequence[Action]: ...

    def frame(self, text: str, now: datetime) -> Sequence[Action]: ...

    def published(self, tag: str) -> Sequence[Action]: ...

    def refused(self, tag: str, reason: str) -> Sequence[Action]: ...

    def history(self, messages: Sequence[tuple[str, Message]]) -> Sequence[Action]:
        """Earlier messages with their positions, oldest first."""
        ...

    def event(self, position: str, event: Any) -> Sequence[Action]:
        """A live event of the customer's conversation (message events, states, typing of the agent)."""
        ...

    def invited(self, code: str, links: Mapping[str, str]) -> Sequence[Action]:
        """The hand-over code, and links by channel account ("continue in LINE") where there are any."""
        ...
