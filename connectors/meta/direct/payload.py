"""The ``messaging`` items of Messenger's and Instagram's webhooks as types; only what we read."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.meta.envelope import MOST, Big, Id, Number

Time = Number | Annotated[str, Meta(pattern=r"^[0-9]{1,14}$")]
"""Milliseconds; seconds have been seen, and text."""


class Fact(msgspec.Struct, frozen=True):
    """Base of the parts."""


class Party(Fact, frozen=True):
    """Somebody: a person by an id that is theirs for this page or account only, or the page or account itself."""

    id: Id | None = None


class QuickReply(Fact, frozen=True):
    payload: str


class Story(Fact, frozen=True, omit_defaults=True):
    id: str | None = None
    url: str | None = None


class ReplyTo(Fact, frozen=True):
    """A message, or a story of ours, that is answered."""

    mid: Id | None = None
    story: Story | None = None


class Coordinates(Fact, frozen=True):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    long: Annotated[float, Meta(ge=-180, le=180)]


class Payload(Fact, frozen=True):
    url: str | None = None
    title: str | None = None
    sticker_id: Big | str | None = None
    coordinates: Coordinates | None = None


class Attachment(Fact, frozen=True):
    """``url`` and ``title`` beside the payload come with ``fallback`` only."""

    type: str
    payload: Payload | None = None
    url: str | None = None
    title: str | None = None


class Referral(Fact, frozen=True, omit_defaults=True):
    """What led the person here: a link with ``ref``, an advertisement."""

    ref: str | None = None
    source: str | None = None
    type: str | None = None
    ad_id: str | None = None


class Message(Fact, frozen=True):
    mid: Id
    text: str | None = None
    quick_reply: QuickReply | None = None
    reply_to: ReplyTo | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=MOST)] = []
    referral: Referral | None = None
    is_echo: bool = False
    metadata: str | None = None
    is_deleted: bool = False
    is_unsupported: bool = False
    is_self: bool = False


class MessageEdit(Fact, frozen=True):
    mid: Id
    text: str


class Reaction(Fact, frozen=True):
    """``reaction`` is a name, ``emoji`` the sign; one of them may be missing."""

    mid: Id
    action: str
    reaction: str | None = None
    emoji: str | None = None


class Postback(Fact, frozen=True):
    payload: str
    mid: Id | None = None
    title: str | None = None
    referral: Referral | None = None


class Optin(Fact, frozen=True):
    type: str | None = None
    ref: str | None = None


class Delivery(Fact, frozen=True):
    """The messages that arrived; without ids only that all until ``watermark`` did."""

    mids: Annotated[list[Id], Meta(max_length=MOST)] = []


class Read(Fact, frozen=True):
    """Messenger: everything until ``watermark`` was read. Instagram: this message was."""

    watermark: Time | None = None
    mid: Id | None = None


class AccountLinking(Fact, frozen=True):
    status: str
    authorization_code: str | None = None


class Item(Fact, frozen=True):
    """One event: who, to whom, when, and one of the rest."""

    sender: Party = Party()
    recipient: Party = Party()
    timestamp: Time | None = None
    message: Message | None = None
    message_edit: MessageEdit | None = None
    reaction: Reaction | None = None
    postback: Postback | None = None
    referral: Referral | None = None
    optin: Optin | None = None
    delivery: Delivery | None = None
    read: Read | None = None
    account_linking: AccountLinking | None = None


class BareMessage(Fact, frozen=True):
    mid: Id
    is_echo: bool = False


class BareItem(Fact, frozen=True):
    """A message of which only the frame is as documented."""

    sender: Party
    recipient: Party
    message: BareMessage
    timestamp: Time | None = None


class Change(Fact, frozen=True):
    """The other form of an event, seen with Instagram: the item is the value."""

    field: str
    value: msgspec.Raw = msgspec.Raw(b"null")
