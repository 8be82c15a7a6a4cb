"""What a client may say over the agents' WebSocket: JSON text frames, told apart by ``type``.

The first one is ``hello``. All others carry an ``id`` of the client's choice, and are answered by a ``result`` with it.
``key``, where there is one, makes a repeated frame (after a reconnect) one write.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from contracts.agent import Declared
from contracts.content import Part
from contracts.conversation import Status
from contracts.policy import Need


class Frame(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Base of all but ``hello``."""

    id: str


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello", kw_only=True):
    """``token``: unless it came in ``Authorization``. ``after``: the ``token`` of the last event seen, to resume there;
    ``conversations``: the ones the client shows, so that what became of them meanwhile is told."""

    token: str | None = None
    after: str | None = None
    conversations: tuple[str, ...] = ()


class Accept(Frame, frozen=True, tag="accept"):
    conversation: str
    key: str | None = None


class Decline(Frame, frozen=True, tag="decline"):
    conversation: str
    reason: str | None = None
    key: str | None = None


class Claim(Frame, frozen=True, tag="claim"):
    conversation: str
    key: str | None = None


class Reply(Frame, frozen=True, tag="reply"):
    """As ``POST /v1/conversations/{id}/messages``."""

    conversation: str
    key: str | None = None
    text: str | None = None
    parts: tuple[Part, ...] = ()
    channel: str | None = None
    account: str | None = None
    address: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    provider_extra: dict[str, Any] | None = None
    floor: int | None = None


class Check(Frame, frozen=True, tag="check"):
    """As ``POST /v1/conversations/{id}/reply-check``: can it be said, how, and where else. While it is written;
    nothing is kept, so ``key`` means nothing."""

    conversation: str
    text: str | None = None
    parts: tuple[Part, ...] = ()
    channel: str | None = None
    account: str | None = None
    address: str | None = None
    key: str | None = None


class Note(Frame, frozen=True, tag="note"):
    conversation: str
    key: str | None = None
    text: str | None = None
    parts: tuple[Part, ...] = ()


class SetStatus(Frame, frozen=True, tag="status"):
    conversation: str
    status: Status
    until: datetime | None = None
    key: str | None = None


class Transfer(Frame, frozen=True, tag="transfer"):
    conversation: str
    queue: str | None = None
    agent: str | None = None
    note: str | None = None
    key: str | None = None


class Handoff(Frame, frozen=True, tag="handoff"):
    """As ``POST /v1/conversations/{id}/handoff``."""

    conversation: str
    queue: str | None = None
    agent: str | None = None
    summary: str | None = None
    note: str | None = None
    skills: tuple[Need, ...] = ()
    floor: int | None = None
    force: bool = False
    key: str | None = None


class TakeOver(Frame, frozen=True, tag="take_over"):
    """To oneself, whoever has it. Needs the scope ``assign``."""

    conversation: str
    why: str | None = None
    key: str | None = None


class Consult(Frame, frozen=True, tag="consult"):
    """``agent`` is asked for advice, or, with ``end``, no longer (without ``agent``: oneself)."""

    conversation: str
    agent: str | None = None
    note: str | None = None
    end: bool = False
    key: str | None = None


class Callback(Frame, frozen=True, tag="callback"):
    """As ``POST /v1/conversations/{id}/callback``."""

    conversation: str
    at: datetime | None = None
    address: str | None = None
    key: str | None = None


class FinishWrapUp(Frame, frozen=True, tag="finish_wrap_up"):
    conversation: str
    key: str | None = None


class Presence(Frame, frozen=True, tag="presence"):
    declared: Declared
    key: str | None = None


class Typing(Frame, frozen=True, tag="typing"):
    """Never stored; shown to the customer where the channel can."""

    conversation: str
    on: bool = True


class Read(Frame, frozen=True, tag="read"):
    """The agent has seen this message; passed on to the channel where it can, never stored."""

    conversation: str
    message: str


class Watch(Frame, frozen=True, tag="watch"):
    """Also tell what happens in this conversation, from now on until the connection ends."""

    conversation: str


ClientFrame = (
    Hello
    | Accept
    | Decline
    | Claim
    | Reply
    | Check
    | Note
    | SetStatus
    | Transfer
    | Handoff
    | TakeOver
    | Consult
    | Callback
    | FinishWrapUp
    | Presence
    | Typing
    | Read
    | Watch
)
