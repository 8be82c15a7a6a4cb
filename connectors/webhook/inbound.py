"""The other system's webhooks into our events. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request
from connectors.kit.json import BadJson, read, untyped
from connectors.webhook import payload as body
from contracts.attachment import Attachment
from contracts.content import Audio, ContactCard, File, Image, Location, Part, Postback, Text, Video
from contracts.identity import Claims, Profile
from contracts.ids import attachment_id, message_id
from contracts.inbound import (
    Inbound,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundTyping,
    InboundUnsend,
    Sender,
    Threading,
)

_any: Final = msgspec.json.Decoder(body.AnyBody)
_typed: Final = msgspec.json.Decoder(body.Typed)
# The default object itself, because only that is left out of the bytes.
_NO_THREADING: Final = InboundMessage("", Sender(""), ()).threading


class NotUsable(ValueError):
    """The body has the right types but makes no sense; the message says why."""


def parse(request: Request, account: str) -> Parsed:
    """The one event that a verified body says."""
    said = read(request.body, _any)
    if isinstance(said, BadJson):
        return _strange(request.body, said)
    try:
        event = _MAKERS[type(said)](said, request, account)
    except NotUsable as error:
        return Malformed(str(error))
    return Batch((event,), (request.body,))


def _strange(data: bytes, bad: BadJson) -> Parsed:
    if not bad.shape:
        return Malformed(bad.reason)
    typed = read(data, _typed)
    if isinstance(typed, BadJson) or typed.type in KNOWN:
        return Malformed(bad.reason)
    return Ignored(f"unknown type {typed.type[:64]!r}")


# -- events ---------------------------------------------------------------------------------------------------------


def _message(said: body.Said, request: Request, account: str) -> Inbound:
    provider_id = said.id or request.headers["webhook-id"]
    parts = _parts(said, message_id(account, provider_id))
    if not parts:
        raise NotUsable("the message has no text, attachment, location, postback or contact card")
    return InboundMessage(
        provider_id,
        _sender(said.sender),
        parts,
        _utc(said.sent_at),
        said.subject,
        said.language or said.sender.language,
        threading=_threading(said),
        handover=said.handover,
        extra=_extra(bytes(said.extra)),
    )


def _threading(said: body.Said) -> Threading:
    if said.thread is None and said.reply_to is None and not said.references:
        return _NO_THREADING
    references = said.references or ((said.reply_to,) if said.reply_to is not None else ())
    return Threading(None, references, said.thread, said.reply_to)


def _edit(said: body.Edited, request: Request, account: str) -> Inbound:
    return InboundEdit(said.id, _sender(said.sender), (Text(said.text),), _in_utc(said.sent_at))


def _unsend(said: body.Unsent, request: Request, account: str) -> Inbound:
    return InboundUnsend(said.id, _sender(said.sender), _utc(said.sent_at))


def _reaction(said: body.Reacted, request: Request, account: str) -> Inbound:
    return InboundReaction(said.id, _sender(said.sender), said.emoji, said.removed, _utc(said.sent_at))


def _receipt(said: body.Receipt, request: Request, account: str) -> Inbound:
    if said.message is None and said.id is None and said.upto is None:
        raise NotUsable("the receipt names no message: message, id or upto is needed")
    sent_at, upto = _utc(said.sent_at), _utc(said.upto)
    return InboundReceipt(
        _sender(said.sender), said.state, said.id, said.message, upto, said.code, said.reason, sent_at
    )


def _news(said: body.News, request: Request, account: str) -> Inbound:
    sent_at = _utc(said.sent_at)
    return InboundIdentity(_sender(said.sender), said.reachable, said.reason, None, sent_at, said.handover)


def _typing(said: body.TypingNow, request: Request, account: str) -> Inbound:
    return InboundTyping(_sender(said.sender), said.on)


# -- their pieces ---------------------------------------------------------------------------------------------------


def _sender(given: body.Sender) -> Sender:
    email = given.email.strip().lower() if given.email else None
    claims = Claims(email, given.email_verified, given.phone, given.phone_verified, given.external_id)
    profile = Profile(given.name, given.language, given.picture)
    return Sender(given.id, given.author, given.author_name, given.verified, claims, profile)


def _parts(said: body.Said, message: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    if said.text or said.html:
        parts.append(Text(said.text or "", said.html))
    parts.extend(_file(each, attachment_id(message, position)) for position, each in enumerate(said.attachments))
    if said.location is not None:
        place = said.location
        parts.append(Location(place.latitude, place.longitude, place.title, place.address))
    if said.postback is not None:
        parts.append(Postback(said.postback.value, said.postback.label))
    if said.contact_card is not None:
        parts.append(ContactCard(said.contact_card.name, said.contact_card.phones, said.contact_card.emails))
    return tuple(parts)


def _file(given: body.FileLink, identifier: str) -> Part:
    media_type = given.media_type.partition(";")[0].strip().lower()
    attachment = Attachment(identifier, given.name, media_type, given.size, source=given.url)
    match media_type.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "audio":
            return Audio(attachment)
        case "video":
            return Video(attachment)
        case _:
            return File(attachment)


def _extra(data: bytes) -> body.Extra | None:
    if not data:
        return None
    extra = untyped(data)
    if extra is None:
        return None
    if not isinstance(extra, dict):
        raise NotUsable("extra should be an object of plain values")
    return extra


def _utc(given: datetime | None) -> datetime | None:
    return None if given is None else _in_utc(given)


def _in_utc(given: datetime) -> datetime:
    if not 1970 <= given.year < 3000:
        raise NotUsable("a time is outside of 1970 to 2999")
    return given.astimezone(UTC)


_MAKERS: Final[dict[type[msgspec.Struct], Callable[[Any, Request, str], Inbound]]] = {
    body.Said: _message,
    body.Edited: _edit,
    body.Unsent: _unsend,
    body.Reacted: _reaction,
    body.Receipt: _receipt,
    body.News: _news,
    body.TypingNow: _typing,
}

KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in _MAKERS)
