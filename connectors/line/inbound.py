"""LINE's events into ours. Pure: bytes and the time of receipt in, events out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request
from connectors.kit.json import BadJson, read
from connectors.line import payload as line
from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Audio, File, Image, Location, Part, Postback, Sticker, Text, Unsupported, Video
from contracts.identity import ReplyContext
from contracts.ids import attachment_id, digest, message_id
from contracts.inbound import (
    Inbound,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReceipt,
    InboundUnsend,
    Sender,
    Threading,
)

TOKEN_LIFE: Final = timedelta(minutes=1)
TOKEN_LAST: Final = timedelta(minutes=20)
"""A redelivered event's reply token is dead this long after the event itself."""
TRACKED: Final = "ms."
"""How the tracking ids of our own videos begin; LINE allows no underscore in them."""

_envelope: Final = msgspec.json.Decoder(line.Envelope)
_event: Final = msgspec.json.Decoder(line.AnyEvent)
_bare_message: Final = msgspec.json.Decoder(line.BareMessageEvent)
_typed: Final = msgspec.json.Decoder(line.Typed)


class Passed(msgspec.Struct, frozen=True):
    """Why an event gave nothing; ``broken`` when it is not what LINE documents."""

    reason: str
    broken: bool = False


class Arrival(msgspec.Struct, frozen=True):
    """What an event's meaning depends on beside itself."""

    account: str
    at: datetime


Made = tuple[Inbound, ...] | Passed


def parse(request: Request, account: str, bot_user_id: str | None) -> Parsed:
    """Everything one verified POST says, in LINE's order."""
    envelope = read(request.body, _envelope)
    if isinstance(envelope, BadJson):
        return Malformed(envelope.reason)
    if bot_user_id is not None and envelope.destination != bot_user_id:
        return Malformed("the destination is not this account's bot_user_id")
    if not envelope.events:
        return Ignored("no events: LINE's check of the webhook")
    return _batch([bytes(raw) for raw in envelope.events], Arrival(account, request.received_at))


def _batch(pieces: list[bytes], arrival: Arrival) -> Parsed:
    events: list[Inbound] = []
    raws: list[bytes] = []
    passed: list[Passed] = []
    for piece in pieces:
        made = _read_event(piece, arrival)
        if isinstance(made, Passed):
            passed.append(made)
        else:
            events.extend(made)
            raws.extend([piece] * len(made))
    if events:
        return Batch(tuple(events), tuple(raws), ignored=tuple(each.reason for each in passed))
    reasons = "; ".join(each.reason for each in passed[:5])
    return Malformed(reasons) if any(each.broken for each in passed) else Ignored(reasons)


def _read_event(piece: bytes, arrival: Arrival) -> Made:
    try:
        event = _event.decode(piece)
    except (ValueError, RecursionError):
        return _read_strange(piece, arrival)
    return _MAKERS[type(event)](event, arrival)


def _read_strange(piece: bytes, arrival: Arrival) -> Made:
    """An event that is not as documented: a type we do not know, or a message of a kind we do not know."""
    typed = read(piece, _typed)
    if isinstance(typed, BadJson):
        return Passed("an event without a type", broken=True)
    if typed.type == "message":
        bare = read(piece, _bare_message)
        if not isinstance(bare, BadJson):
            return _messages(bare, arrival, (Unsupported(bare.message.type[:64]),))
    if typed.type in KNOWN:
        return Passed(f"a {typed.type} event that is not as LINE documents it", broken=True)
    return Passed(f"unknown event type {typed.type[:64]!r}")


# -- who, when, and how to answer -----------------------------------------------------------------------------------


def _sender(event: line.Event) -> Sender | None:
    source = event.source
    if source is None:
        return None
    place = source.group_id or source.room_id
    if place is not None:
        return Sender(place, source.user_id, verified=True)
    return Sender(source.user_id, verified=True) if source.user_id is not None else None


def _reply(event: line.Event, arrival: Arrival) -> ReplyContext | None:
    if event.reply_token is None or event.mode == "standby":
        return None
    if event.delivery_context.is_redelivery and arrival.at - moment(event.timestamp) >= TOKEN_LAST:
        return None
    return ReplyContext(event.reply_token, arrival.at + TOKEN_LIFE)


def _event_key(event: line.Event, *more: str) -> str:
    """An id that is the same on redelivery, for events that are no messages."""
    if event.webhook_event_id is not None:
        return event.webhook_event_id
    return digest(str(event.timestamp), repr(event.source), *more)


def _sourceless(what: str) -> Passed:
    return Passed(f"{what} without a source")


# -- messages -------------------------------------------------------------------------------------------------------


def _message(event: line.MessageEvent, arrival: Arrival) -> Made:
    part = _PARTS[type(event.message)](event.message, arrival.account)
    return _messages(event, arrival, (part,))


def _messages(event: line.MessageEvent | line.BareMessageEvent, arrival: Arrival, parts: tuple[Part, ...]) -> Made:
    sender = _sender(event)
    if sender is None:
        return _sourceless("message")
    message = event.message
    quoted = getattr(message, "quoted_message_id", None)
    made = InboundMessage(
        message.id,
        sender,
        parts,
        moment(event.timestamp),
        reply=_reply(event, arrival),
        threading=Threading(quoted=quoted) if quoted is not None else _NO_THREADING,
        extra=_extra(message),
        flags=("standby",) if event.mode == "standby" else (),
    )
    return (made,)


# The default object itself, because only that is left out of the bytes.
_NO_THREADING: Final = InboundMessage("", Sender(""), ()).threading
_KEPT: Final = (
    "quote_token",
    "mark_as_read_token",
    "emojis",
    "mention",
    "image_set",
    "sticker_resource_type",
)


def _extra(message: Any) -> dict[str, Any] | None:
    """Channel facts with no place of their own, under LINE's names in snake case (inside them as LINE has them)."""
    kept = {}
    for name in _KEPT:
        value = getattr(message, name, None)
        if value is not None:
            kept[name] = value if isinstance(value, str) else msgspec.to_builtins(value)
    return kept or None


def _edited(event: line.MessageEditedEvent, arrival: Arrival) -> Made:
    sender = _sender(event)
    if sender is None:
        return _sourceless("messageEdited")
    return (InboundEdit(event.message.id, sender, (Text(event.message.text),), moment(event.timestamp)),)


def _unsend(event: line.UnsendEvent, arrival: Arrival) -> Made:
    sender = _sender(event)
    if sender is None:
        return _sourceless("unsend")
    return (InboundUnsend(event.unsend.message_id, sender, moment(event.timestamp)),)


def _postback(event: line.PostbackEvent, arrival: Arrival) -> Made:
    sender = _sender(event)
    if sender is None:
        return _sourceless("postback")
    made = InboundMessage(
        _event_key(event, event.postback.data),
        sender,
        (Postback(event.postback.data, params=event.postback.params),),
        moment(event.timestamp),
        reply=_reply(event, arrival),
        flags=("standby",) if event.mode == "standby" else (),
    )
    return (made,)


# -- parts ----------------------------------------------------------------------------------------------------------


def _text(message: line.TextMessage, account: str) -> Part:
    return Text(message.text)


def _attachment(message: line.Message, account: str, media_type: str, source: str | None = None) -> Attachment:
    return Attachment(attachment_id(message_id(account, message.id), 0), None, media_type, source=source or message.id)


def _provided(message: line.MediaMessage) -> str | None:
    """Where the bytes are when LINE does not have them."""
    provider = message.content_provider
    return provider.original_content_url if provider.type == "external" else None


def _image(message: line.ImageMessage, account: str) -> Part:
    return Image(_attachment(message, account, "image/jpeg", _provided(message)))


def _video(message: line.VideoMessage, account: str) -> Part:
    return Video(_attachment(message, account, "video/mp4", _provided(message)), message.duration)


def _audio(message: line.AudioMessage, account: str) -> Part:
    return Audio(_attachment(message, account, "audio/mp4", _provided(message)), message.duration)


def _file(message: line.FileMessage, account: str) -> Part:
    attachment = _attachment(message, account, "application/octet-stream")
    return File(msgspec.structs.replace(attachment, name=message.file_name, size=message.file_size))


def _location(message: line.LocationMessage, account: str) -> Part:
    return Location(message.latitude, message.longitude, message.title, message.address)


def _sticker(message: line.StickerMessage, account: str) -> Part:
    return Sticker(message.package_id, message.sticker_id, message.text, message.keywords or ())


# -- news of the person ---------------------------------------------------------------------------------------------


def _news(event: line.Event, arrival: Arrival, reason: str, reachable: bool | None = None) -> Made:
    sender = _sender(event)
    if sender is None:
        return _sourceless(reason)
    return (InboundIdentity(sender, reachable, reason, _reply(event, arrival), moment(event.timestamp)),)


def _follow(event: line.FollowEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, "unblocked" if event.follow.is_unblocked else "followed", True)


def _unfollow(event: line.UnfollowEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, "blocked", False)


def _join(event: line.JoinEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, "joined", True)


def _leave(event: line.LeaveEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, "left", False)


def _members(event: line.Event, arrival: Arrival, members: list[line.Source], reason: str) -> Made:
    place = _sender(event)
    if place is None:
        return _sourceless(reason)
    reply, sent_at = _reply(event, arrival), moment(event.timestamp)
    return tuple(
        InboundIdentity(Sender(place.address, member.user_id, verified=True), None, reason, reply, sent_at)
        for member in members
    ) or Passed(f"{reason} without members")


def _member_joined(event: line.MemberJoinedEvent, arrival: Arrival) -> Made:
    return _members(event, arrival, event.joined.members, "member_joined")


def _member_left(event: line.MemberLeftEvent, arrival: Arrival) -> Made:
    return _members(event, arrival, event.left.members, "member_left")


def _beacon(event: line.BeaconEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, f"beacon_{event.beacon.type[:32]}:{event.beacon.hwid[:32]}")


def _membership(event: line.MembershipEvent, arrival: Arrival) -> Made:
    return _news(event, arrival, f"membership_{event.membership.type[:32]}")


def _account_link(event: line.AccountLinkEvent, arrival: Arrival) -> Made:
    """The nonce was made by the operator's own service for this customer, so it can serve as a hand-over code."""
    made = _news(event, arrival, "account_linked" if event.link.result == "ok" else "account_link_failed")
    if isinstance(made, Passed) or event.link.result != "ok":
        return made
    return tuple(msgspec.structs.replace(each, handover=event.link.nonce) for each in made)


def _video_played(event: line.VideoPlayCompleteEvent, arrival: Arrival) -> Made:
    """A video of ours was watched to its end, so the message was read."""
    tracking = event.video_play_complete.tracking_id
    sender = _sender(event)
    if sender is None or not tracking.startswith(TRACKED):
        return Passed("videoPlayComplete of a video that is not ours")
    message = "ms_" + tracking.removeprefix(TRACKED)
    return (InboundReceipt(sender, "read", message=message, sent_at=moment(event.timestamp)),)


def _of_the_account(event: line.Event, arrival: Arrival) -> Made:
    return Passed(f"{event.__struct_config__.tag} concerns the account, not a customer")


_PARTS: Final[dict[type, Callable[[Any, str], Part]]] = {
    line.TextMessage: _text,
    line.ImageMessage: _image,
    line.VideoMessage: _video,
    line.AudioMessage: _audio,
    line.FileMessage: _file,
    line.LocationMessage: _location,
    line.StickerMessage: _sticker,
}

_MAKERS: Final[dict[type[line.Event], Callable[[Any, Arrival], Made]]] = {
    line.MessageEvent: _message,
    line.MessageEditedEvent: _edited,
    line.UnsendEvent: _unsend,
    line.FollowEvent: _follow,
    line.UnfollowEvent: _unfollow,
    line.JoinEvent: _join,
    line.LeaveEvent: _leave,
    line.MemberJoinedEvent: _member_joined,
    line.MemberLeftEvent: _member_left,
    line.PostbackEvent: _postback,
    line.VideoPlayCompleteEvent: _video_played,
    line.BeaconEvent: _beacon,
    line.AccountLinkEvent: _account_link,
    line.MembershipEvent: _membership,
    line.ModuleEvent: _of_the_account,
    line.ActivatedEvent: _of_the_account,
    line.DeactivatedEvent: _of_the_account,
    line.BotSuspendedEvent: _of_the_account,
    line.BotResumedEvent: _of_the_account,
    line.DeliveryEvent: _of_the_account,
}

KNOWN: Final = frozenset(str(kind.__struct_config__.tag) for kind in _MAKERS)
