"""Teams' activities into our events. Pure: bytes in, events out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request, Response
from connectors.kit.json import BadJson, read
from connectors.teams import payload as teams
from connectors.teams.parts import parts_of, postback, quoted
from contracts.codec import moment
from contracts.content import Unsupported
from contracts.identity import Profile, ReplyContext
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

THREAD: Final = ";messageid="
READ: Final = "application/vnd.microsoft.readReceipt"
EMOJI: Final = {
    "like": "👍", "heart": "❤️", "laugh": "😆", "surprised": "😮", "sad": "😢", "angry": "😠", "plusone": "👍",
}  # fmt: skip
_CODE: Final = re.compile(r"([0-9a-f]{4,5})_")
"""Newer reactions are told as ``1f44d_thumbsup``."""

Made = tuple[Inbound, ...] | str
"""Events, or why there are none."""

_activity: Final = msgspec.json.Decoder(teams.Activity)
_typed: Final = msgspec.json.Decoder(teams.Typed)
_execute: Final = msgspec.json.Decoder(teams.Execute)
_receipt: Final = msgspec.json.Decoder(teams.ReadReceipt)
_TAKEN: Final = Response(
    200,
    b'{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"OK"}',
    "application/json",
)
_NOT_OURS: Final = Response(501, b"{}", "application/json")


def parse(request: Request, account: str) -> Parsed:
    """What one POST says: a single activity. An invoke is answered in the response itself."""
    activity = read(request.body, _activity)
    if isinstance(activity, BadJson):
        return _strange(request.body, activity)
    if activity.timestamp is not None and not 1970 <= activity.timestamp.year < 3000:
        return Malformed("the timestamp is outside of 1970 to 2999")
    made = _MAKERS.get(activity.type, _unknown)(activity, account)
    response = _answer(activity, made)
    if isinstance(made, str):
        return Ignored(made, response)
    return Batch(made, (request.body,) * len(made), response=response)


def address_of(conversation: str) -> str:
    """A channel's threads belong to the channel; everything else is its own place."""
    return conversation.partition(THREAD)[0]


def provider_id(conversation: str, activity: str) -> str:
    """Activity ids are unique within a conversation only."""
    return f"{address_of(conversation)}/{activity}"


def _strange(body: bytes, bad: BadJson) -> Parsed:
    typed = read(body, _typed)
    if isinstance(typed, BadJson) or typed.type in _MAKERS:
        return Malformed(bad.reason)
    return Ignored(f"an activity of another type: {typed.type[:64]!r}")


def _answer(activity: teams.Activity, made: Made) -> Response:
    if activity.type != "invoke":
        return Response()
    return _NOT_OURS if isinstance(made, str) else _TAKEN


# -- who and where ----------------------------------------------------------------------------------------------------


def _sender(activity: teams.Activity, person: teams.Account | None = None) -> Sender:
    """In a personal chat the person; elsewhere the group or channel, with the person as author."""
    who, place = person or activity.from_, activity.conversation
    address = address_of(place.id)
    if place.conversation_type in (None, "personal"):
        return Sender(address, verified=True, profile=Profile(who.name if who else None, activity.locale))
    return Sender(address, who.id if who else None, who.name if who else None, verified=True)


def _is_bot(activity: teams.Activity) -> bool:
    """Our own words, told to us again."""
    return activity.from_ is not None and activity.recipient is not None and activity.from_.id == activity.recipient.id


def _bot(activity: teams.Activity) -> str:
    return activity.recipient.id if activity.recipient is not None else ""


def _at(activity: teams.Activity) -> datetime | None:
    given = activity.timestamp
    if given is None:
        return None
    given = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    return given.astimezone(UTC).replace(microsecond=given.microsecond // 1_000 * 1_000)


def _reply(activity: teams.Activity) -> ReplyContext:
    """Where answers go: it differs by region and may change, so each message tells it anew."""
    return ReplyContext(via=activity.service_url)


def _threading(activity: teams.Activity) -> Threading:
    """A channel's thread, or else the whole chat, so that each is one conversation."""
    place = activity.conversation.id
    address, _, root = place.partition(THREAD)
    answered = quoted(activity.attachments or ()) or activity.reply_to_id
    about = f"{address}/{answered}" if answered is not None and answered != root and len(answered) < 256 else None
    return Threading(thread=place, quoted=about)


def _extra(activity: teams.Activity) -> dict[str, Any] | None:
    """Facts with no place of their own, under Teams' names."""
    who = activity.from_
    kept = {
        "aadObjectId": who.aad_object_id if who is not None else None,
        "tenantId": activity.conversation.tenant_id,
        "conversationType": activity.conversation.conversation_type,
    }
    return {name: value for name, value in kept.items() if value} or None


# -- messages ---------------------------------------------------------------------------------------------------------


def _message(activity: teams.Activity, account: str) -> Made:
    if activity.id is None or activity.from_ is None:
        return "a message without id or sender"
    if _is_bot(activity):
        return "our own words"
    identifier = provider_id(activity.conversation.id, activity.id)
    parts = parts_of(activity, account, identifier, _bot(activity))
    made = InboundMessage(
        identifier,
        _sender(activity),
        parts or (Unsupported("message"),),
        _at(activity),
        language=activity.locale,
        reply=_reply(activity),
        threading=_threading(activity),
        extra=_extra(activity),
    )
    return (made,)


def _update(activity: teams.Activity, account: str) -> Made:
    """Edited, or taken back and then restored."""
    at = _at(activity)
    if activity.id is None or activity.from_ is None or at is None:
        return "an edit without id, sender or time"
    if _is_bot(activity):
        return "our own words"
    identifier = provider_id(activity.conversation.id, activity.id)
    parts = parts_of(activity, account, identifier, _bot(activity))
    return (InboundEdit(identifier, _sender(activity), parts or (Unsupported("message"),), at),)


def _delete(activity: teams.Activity, account: str) -> Made:
    if activity.id is None:
        return "a deletion without id"
    return (InboundUnsend(provider_id(activity.conversation.id, activity.id), _sender(activity), _at(activity)),)


def _reactions(activity: teams.Activity, account: str) -> Made:
    if activity.reply_to_id is None:
        return "a reaction to nothing"
    identifier = provider_id(activity.conversation.id, activity.reply_to_id)
    sender, at = _sender(activity), _at(activity)
    changes = ((activity.reactions_removed, True), (activity.reactions_added, False))
    made = [
        InboundReaction(identifier, sender, _emoji(each.type), removed, at)
        for reactions, removed in changes
        for each in reactions or ()
    ]
    return tuple(made) or "reactions that did not change"


def _emoji(name: str) -> str:
    code = _CODE.match(name)
    if code is not None and 0x2000 <= int(code[1], 16) < 0x20000:
        return chr(int(code[1], 16))
    return EMOJI.get(name, name)


def _invoke(activity: teams.Activity, account: str) -> Made:
    """A button of an adaptive card (Action.Execute); other invokes are of apps that we are not."""
    if activity.name != "adaptiveCard/action" or activity.id is None:
        return f"an invoke of another kind: {(activity.name or '')[:64]!r}"
    execute = teams.inner(activity.value, _execute)
    picked = None if execute is None else postback(execute.action.data, execute.action.title)
    if picked is None:
        return "a button that is none of ours"
    made = InboundMessage(
        provider_id(activity.conversation.id, activity.id),
        _sender(activity),
        (picked,),
        _at(activity),
        language=activity.locale,
        reply=_reply(activity),
        threading=_threading(activity),
        extra=_extra(activity),
    )
    return (made,)


def _event(activity: teams.Activity, account: str) -> Made:
    """Read up to a message: its id is its time."""
    if activity.name != READ:
        return f"an event of another kind: {(activity.name or '')[:64]!r}"
    receipt = teams.inner(activity.value, _receipt)
    if receipt is None:
        return "a read receipt that names no message"
    upto = moment(int(receipt.last_read_message_id))
    return (InboundReceipt(_sender(activity), "read", upto=upto, sent_at=_at(activity)),)


def _typing(activity: teams.Activity, account: str) -> Made:
    return (InboundTyping(_sender(activity)),)


# -- news of people and places ----------------------------------------------------------------------------------------


def _members(activity: teams.Activity, account: str) -> Made:
    """The bot was added or removed, or other people were."""
    bot = _bot(activity)
    made: list[Inbound] = []
    for people, word, here in ((activity.members_added, "joined", True), (activity.members_removed, "left", False)):
        for person in people or ():
            if person.id == bot:
                made.append(_news(activity, activity.from_, here, word))
            elif activity.conversation.conversation_type not in (None, "personal"):
                made.append(_news(activity, person, None, f"member_{word}"))
    kind = activity.channel_data.event_type if activity.channel_data is not None else None
    return tuple(made) or f"a change of the conversation: {(kind or 'of nobody')[:64]}"


def _installation(activity: teams.Activity, account: str) -> Made:
    """The app was installed or removed, also for an upgrade."""
    here = (activity.action or "").partition("-")[0] == "add"
    return (_news(activity, activity.from_, here, "installed" if here else "uninstalled"),)


def _news(activity: teams.Activity, person: teams.Account | None, here: bool | None, reason: str) -> InboundIdentity:
    sender = _sender(activity, person if person is not None and person.id != _bot(activity) else None)
    return InboundIdentity(sender, here, reason, _reply(activity) if here else None, _at(activity))


def _unknown(activity: teams.Activity, account: str) -> Made:
    return f"an activity of another type: {activity.type[:64]!r}"


_MAKERS: Final[dict[str, Callable[[teams.Activity, str], Made]]] = {
    "message": _message,
    "messageUpdate": _update,
    "messageDelete": _delete,
    "messageReaction": _reactions,
    "conversationUpdate": _members,
    "installationUpdate": _installation,
    "invoke": _invoke,
    "event": _event,
    "typing": _typing,
}
