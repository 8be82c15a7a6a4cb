"""The body of a webhook to us, as types. Fields we do not know are passed over; the README documents those we do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Moment = Annotated[datetime, Meta(tz=True)]
Few = Meta(max_length=50)


class Sender(msgspec.Struct, frozen=True):
    """Who wrote. ``id`` is where an answer goes: the person, or the group with the person as ``author``.

    ``verified``, ``email_verified``, ``phone_verified``: the calling system has made sure of it.
    """

    id: Id
    name: str | None = None
    author: Id | None = None
    author_name: str | None = None
    verified: bool = True
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    phone_verified: bool = False
    external_id: Id | None = None
    language: str | None = None
    picture: str | None = None


class FileLink(msgspec.Struct, frozen=True):
    """A file that we fetch once, soon; ``url`` should be good for an hour."""

    url: Annotated[str, Meta(pattern=r"^https?://[^\x00-\x20]+$", max_length=4_000)]
    name: str | None = None
    media_type: str = "application/octet-stream"
    size: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Place(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    title: str | None = None
    address: str | None = None


class Pick(msgspec.Struct, frozen=True):
    """Which option of a choice of ours was taken."""

    value: str
    label: str | None = None


class Card(msgspec.Struct, frozen=True):
    name: str
    phones: Annotated[tuple[str, ...], Few] = ()
    emails: Annotated[tuple[str, ...], Few] = ()


class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """A message. Without ``id`` the ``webhook-id`` is taken, so that a retry is the same message."""

    sender: Sender
    id: Id | None = None
    text: str | None = None
    html: str | None = None
    attachments: Annotated[list[FileLink], Few] = []
    location: Place | None = None
    postback: Pick | None = None
    contact_card: Card | None = None
    sent_at: Moment | None = None
    subject: str | None = None
    language: str | None = None
    thread: Id | None = None
    reply_to: Id | None = None
    references: Annotated[tuple[Id, ...], Few] = ()
    handover: Id | None = None
    extra: msgspec.Raw = msgspec.Raw()


class Edited(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="edit"):
    id: Id
    sender: Sender
    text: str
    sent_at: Moment


class Unsent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="unsend"):
    id: Id
    sender: Sender
    sent_at: Moment | None = None


class Reacted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="reaction"):
    id: Id
    sender: Sender
    emoji: Annotated[str, Meta(min_length=1, max_length=64)]
    removed: bool = False
    sent_at: Moment | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="receipt"):
    """What became of a message of ours, by ``message`` (our id) or ``id`` (the one in the answer to it)."""

    sender: Sender
    state: Literal["sent", "delivered", "read", "failed"]
    message: Id | None = None
    id: Id | None = None
    upto: Moment | None = None
    code: str | None = None
    reason: str | None = None
    sent_at: Moment | None = None


class News(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="identity"):
    """News of the person: a profile, claims, whether they can be reached, a hand-over code."""

    sender: Sender
    reachable: bool | None = None
    reason: str | None = None
    sent_at: Moment | None = None
    handover: Id | None = None


class TypingNow(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="typing"):
    sender: Sender
    on: bool = True


AnyBody = Said | Edited | Unsent | Reacted | Receipt | News | TypingNow


class Typed(msgspec.Struct, frozen=True):
    """Only the type, for what we do not know."""

    type: str


Extra = dict[str, Any]
