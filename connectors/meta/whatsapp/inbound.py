"""WhatsApp's events into ours. Pure: bytes and the time of receipt in, events out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from connectors.api import Ignored, Malformed, Parsed, Request
from connectors.kit.json import BadJson, read
from connectors.meta.envelope import Entry, Made, Passed, Piece, gather, open_envelope
from connectors.meta.whatsapp import payload as wa
from connectors.meta.whatsapp.content import parts_of
from connectors.meta.whatsapp.tracking import Tracked, tracked
from contracts.identity import Claims, Profile, ReplyContext
from contracts.ids import message_id
from contracts.inbound import (
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundUnsend,
    Sender,
    Threading,
)

OBJECT: Final = "whatsapp_business_account"
WINDOW: Final = timedelta(hours=24)
"""How long after their last message a customer may be answered freely."""
USER_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{1,128}")
"""A business-scoped user id: the country, and what is one person's for one business."""
PHONE: Final = re.compile(r"[1-9][0-9]{6,14}")
STATES: Final = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}

_T = TypeVar("_T")

_change: Final = msgspec.json.Decoder(wa.Change)
_value: Final = msgspec.json.Decoder(wa.Value)
_bare: Final = msgspec.json.Decoder(wa.Bare)
_content: Final = msgspec.json.Decoder(wa.Content)
_status: Final = msgspec.json.Decoder(wa.Status)
_preference: Final = msgspec.json.Decoder(wa.Preference)


class Arrival(msgspec.Struct, frozen=True):
    """What an event's meaning depends on beside itself."""

    account: str
    contacts: list[wa.Contact]


class Person(msgspec.Struct, frozen=True):
    """A customer: by phone number, by user id, or by both. ``contact``: how WhatsApp shows them."""

    phone: str | None
    user_id: str | None
    contact: wa.Contact

    @property
    def address(self) -> str | None:
        """The phone number where it is known, because it is what other channels know too."""
        return self.phone or self.user_id


def parse(request: Request, account: str, phone_number_id: str) -> Parsed:
    """Everything one verified POST says, in WhatsApp's order."""
    envelope = open_envelope(request.body, OBJECT)
    if isinstance(envelope, Ignored | Malformed):
        return envelope
    return gather(piece for entry in envelope.entry for piece in _pieces(entry, account, phone_number_id))


def _pieces(entry: Entry, account: str, phone_number_id: str) -> Iterator[Piece]:
    for raw in entry.changes:
        change = _decoded(bytes(raw), _change)
        if change is None:
            yield bytes(raw), Passed("a change that is not as WhatsApp documents it", broken=True)
        elif change.field not in ("messages", "user_preferences", "smb_message_echoes", "standby"):
            yield bytes(raw), Passed(f"field {change.field[:64]!r} concerns the account, not a customer")
        else:
            yield from _values(change, account, phone_number_id)


def _values(change: wa.Change, account: str, phone_number_id: str) -> Iterator[Piece]:
    whole = bytes(change.value)
    value = _decoded(whole, _value)
    if value is None:
        yield whole, Passed(f"a value of {change.field} that is not as WhatsApp documents it", broken=True)
        return
    if value.metadata.phone_number_id != phone_number_id:
        yield whole, Passed("for a phone number that is another account's")
        return
    arrival = Arrival(account, value.contacts)
    for pieces, reader in (
        (value.messages, _message), (value.statuses, _receipt), (value.user_preferences, _wish),
        (value.message_echoes, _echo),
    ):  # fmt: skip
        for raw in pieces:
            yield bytes(raw), reader(bytes(raw), arrival)
    for error in value.errors if not value.messages else ():
        yield whole, Passed(f"error {error.code} concerns the account: {error.title}")


def _decoded(data: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    found = read(data, decoder)
    return None if isinstance(found, BadJson) else found


# -- who ------------------------------------------------------------------------------------------------------------


def _person(phone: str | None, user_id: str | None, contacts: list[wa.Contact]) -> Person:
    """User ids have been seen in the place of the phone number."""
    if phone is not None and user_id is None and USER_ID.fullmatch(phone):
        phone, user_id = None, phone
    contact = next((each for each in contacts if _is(each, phone, user_id)), wa.Contact())
    return Person(phone, user_id or contact.user_id, contact)


def _is(contact: wa.Contact, phone: str | None, user_id: str | None) -> bool:
    same_phone = phone is not None and contact.wa_id == phone
    return same_phone or (user_id is not None and contact.user_id == user_id)


def _sender(person: Person, address: str, group: str | None = None) -> Sender:
    profile = Profile(person.contact.profile.name)
    if group is not None:
        return Sender(group, address, profile.name, verified=True)
    return Sender(address, verified=True, claims=_claims(person.phone), profile=profile)


def _claims(phone: str | None) -> Claims:
    """WhatsApp has proved that the number is theirs."""
    if phone is None or not PHONE.fullmatch(phone):
        return Claims()
    return Claims(phone=f"+{phone}", phone_verified=True)


def _other_id(person: Person, at: datetime) -> tuple[InboundIdentity, ...]:
    """Who comes with both ids may come with the user id alone tomorrow. The proved number makes them one person."""
    if person.phone is None or person.user_id is None:
        return ()
    return (InboundIdentity(_sender(person, person.user_id), None, "user_id", sent_at=at),)


def at(seconds: str | int) -> datetime:
    """WhatsApp's times are seconds in text."""
    return datetime.fromtimestamp(int(seconds), UTC)


# -- messages -------------------------------------------------------------------------------------------------------


def _message(raw: bytes, arrival: Arrival) -> Made:
    bare = _decoded(raw, _bare)
    if bare is None:
        return Passed("a message without id, time or type", broken=True)
    content = _decoded(raw, _content) or wa.Content(f"{bare.type[:32]} that is not as documented")
    if content.system is not None:
        return _moved(bare, content.system)
    person = _person(bare.from_, bare.from_user_id, arrival.contacts)
    address = person.address
    if address is None:
        return Passed("a message of nobody")
    made = _MAKERS.get(bare.type, _said)(bare, content, _sender(person, address, bare.group_id), arrival)
    if isinstance(made, Passed) or bare.group_id is not None:
        return made
    return (*made, *_other_id(person, at(bare.timestamp)))


def _said(bare: wa.Bare, content: wa.Content, sender: Sender, arrival: Arrival) -> Made:
    sent_at, context = at(bare.timestamp), bare.context
    made = InboundMessage(
        bare.id,
        sender,
        parts_of(content, message_id(arrival.account, bare.id)),
        sent_at,
        reply=ReplyContext(window_expires_at=sent_at + WINDOW),
        # The thread is what typing indicators name: the customer's last message.
        threading=Threading(thread=bare.id, quoted=context.id if context is not None else None),
        extra=_extra(bare, content),
    )
    return (made,)


def _extra(bare: wa.Bare, content: wa.Content) -> dict[str, Any]:
    """Channel facts with no place of their own. ``wamid`` is for the read mark."""
    context, media = bare.context, content.audio or content.sticker
    facts = {
        "wamid": bare.id,
        "user_id": bare.from_user_id,
        "parent_user_id": bare.from_parent_user_id,
        "referral": _plain(bare.referral),
        "forwarded": context is not None and (context.forwarded or context.frequently_forwarded),
        "voice": media is not None and media.voice,
        "sticker": content.sticker is not None,
        "order": _plain(content.order),
    }
    return {name: value for name, value in facts.items() if value}


def _plain(fact: wa.Fact | None) -> Any:
    return None if fact is None else msgspec.to_builtins(fact)


def _reaction(bare: wa.Bare, content: wa.Content, sender: Sender, arrival: Arrival) -> Made:
    """One person has one reaction to a message: another one takes the place of the first."""
    reaction, sent_at = content.reaction, at(bare.timestamp)
    if reaction is None:
        return Passed("a reaction that is not as documented", broken=True)
    gone = InboundReaction(reaction.message_id, sender, "", removed=True, sent_at=sent_at)
    if not reaction.emoji:
        return (gone,)
    return (gone, InboundReaction(reaction.message_id, sender, reaction.emoji, sent_at=sent_at))


def _edit(bare: wa.Bare, content: wa.Content, sender: Sender, arrival: Arrival) -> Made:
    inner = _decoded(bytes(content.edit.message), _content) if content.edit is not None else None
    if content.edit is None or inner is None:
        return Passed("an edit that is not as documented", broken=True)
    # A picture of the new version is another attachment than that of the old one.
    parts = parts_of(inner, message_id(arrival.account, bare.id))
    return (InboundEdit(content.edit.original_message_id, sender, parts, at(bare.timestamp)),)


def _revoke(bare: wa.Bare, content: wa.Content, sender: Sender, arrival: Arrival) -> Made:
    if content.revoke is None:
        return Passed("a revoke that is not as documented", broken=True)
    return (InboundUnsend(content.revoke.original_message_id, sender, at(bare.timestamp)),)


def _moved(bare: wa.Bare, system: wa.System) -> Made:
    """A new number, and with it a new user id; or a new user id alone."""
    old, new = (bare.from_, bare.from_user_id or system.previous_user_id), (system.wa_id, system.user_id)
    changes = [(was, now) for was, now in zip(old, new, strict=True) if was and now and was != now]
    sent_at, reason = at(bare.timestamp), system.type[:64]
    made = tuple(
        InboundIdentity(Sender(was, verified=True), False, reason, sent_at=sent_at, became=now) for was, now in changes
    )
    return made or Passed(f"system message {reason!r} names no old and new address")


_MAKERS: Final[dict[str, Callable[[wa.Bare, wa.Content, Sender, Arrival], Made]]] = {
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}


# -- the rest -------------------------------------------------------------------------------------------------------


def _receipt(raw: bytes, arrival: Arrival) -> Made:
    status = _decoded(raw, _status)
    if status is None:
        return Passed("a status that is not as WhatsApp documents it", broken=True)
    state = STATES.get(status.status)
    if state is None:
        return Passed(f"unknown status {status.status[:64]!r}")
    mark = tracked(status.biz_opaque_callback_data) or Tracked(None, None)
    address = mark.address or status.recipient_id or status.recipient_user_id
    if address is None:
        return Passed("a status about nobody")
    error = status.errors[0] if status.errors else None
    made = InboundReceipt(
        Sender(address, verified=True),
        state,
        status.id,
        mark.message,
        code=None if error is None else str(error.code),
        reason=None if error is None else error.error_data.details or error.message or error.title,
        sent_at=at(status.timestamp),
    )
    return (made,)


def _wish(raw: bytes, arrival: Arrival) -> Made:
    wish = _decoded(raw, _preference)
    if wish is None:
        return Passed("a preference that is not as WhatsApp documents it", broken=True)
    person = _person(wish.wa_id, wish.user_id, arrival.contacts)
    address = person.address
    if address is None:
        return Passed("a preference of nobody")
    reason = f"{wish.category[:32]}_{wish.value[:32]}"
    return (InboundIdentity(_sender(person, address), None, reason, sent_at=at(wish.timestamp)),)


def _echo(raw: bytes, arrival: Arrival) -> Made:
    return Passed("sent by ourselves from the WhatsApp Business app")
