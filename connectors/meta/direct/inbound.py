"""Messenger's and Instagram's events into ours. Pure: bytes and the time of receipt in, events out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from connectors.api import Ignored, Malformed, Parsed, Request
from connectors.kit.json import BadJson, read
from connectors.meta.direct import payload as direct
from connectors.meta.direct.content import parts_of
from connectors.meta.direct.dialect import Dialect
from connectors.meta.envelope import Entry, Made, Passed, Piece, gather, instant, open_envelope
from contracts.content import Part, Postback, Text, Unsupported
from contracts.identity import ReplyContext
from contracts.ids import digest, message_id
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

WINDOW: Final = timedelta(hours=24)
"""How long after their last message a person may be answered freely."""
OURS: Final = "ms_"
EMOJIS: Final = {
    "smile": "😆", "angry": "😠", "sad": "😢", "wow": "😮", "love": "❤️", "like": "👍", "dislike": "👎",
}  # fmt: skip
STRANGE: Final = "🙂"
"""For a reaction that has neither a sign nor a name that we know."""

_item: Final = msgspec.json.Decoder(direct.Item)
_bare: Final = msgspec.json.Decoder(direct.BareItem)
_change: Final = msgspec.json.Decoder(direct.Change)


class Arrival(msgspec.Struct, frozen=True):
    """What an event's meaning depends on beside itself. ``standby``: another app has the conversation."""

    account: str
    dialect: Dialect
    received_at: datetime
    standby: bool = False


def parse(request: Request, account: str, dialect: Dialect) -> Parsed:
    """Everything one verified POST says, in Meta's order."""
    envelope = open_envelope(request.body, dialect.object)
    if isinstance(envelope, Ignored | Malformed):
        return envelope
    arrival = Arrival(account, dialect, request.received_at)
    return gather(piece for entry in envelope.entry for piece in _pieces(entry, arrival))


def _pieces(entry: Entry, arrival: Arrival) -> Iterator[Piece]:
    if str(entry.id) != arrival.dialect.own_id:
        yield b"", Passed("for a page or account that is another account's")
        return
    for raw in entry.messaging:
        yield bytes(raw), _read(bytes(raw), arrival)
    for raw in entry.standby:
        yield bytes(raw), _read(bytes(raw), msgspec.structs.replace(arrival, standby=True))
    for raw in entry.changes:
        yield bytes(raw), _read_change(bytes(raw), arrival)


def _read_change(raw: bytes, arrival: Arrival) -> Made:
    change = read(raw, _change)
    if isinstance(change, BadJson):
        return Passed("a change that is not as Meta documents it", broken=True)
    if not change.field.startswith(("messag", "standby")):
        return Passed(f"field {change.field[:64]!r} is no direct message")
    return _read(bytes(change.value), arrival)


def _read(raw: bytes, arrival: Arrival) -> Made:
    item = read(raw, _item)
    if isinstance(item, BadJson):
        return _read_strange(raw, arrival)
    for name, maker in _MAKERS.items():
        what = getattr(item, name)
        if what is not None:
            sender = item.sender.id
            return (
                Passed(f"{name} of nobody")
                if sender is None
                else maker(item, what, Sender(sender, verified=True), arrival)
            )
    return Passed("an event of a kind that is not for us")


def _read_strange(raw: bytes, arrival: Arrival) -> Made:
    """A message of which only the frame is as documented is there all the same."""
    bare = read(raw, _bare)
    if isinstance(bare, BadJson) or bare.sender.id is None:
        return Passed("an event that is not as Meta documents it", broken=True)
    if bare.message.is_echo:
        return Passed("an echo that is not as Meta documents it")
    item = direct.Item(bare.sender, bare.recipient, bare.timestamp)
    parts = (Unsupported("message that is not as documented"),)
    return (_said(item, bare.message.mid, parts, Sender(bare.sender.id, verified=True), arrival),)


def _at(item: direct.Item, arrival: Arrival) -> datetime:
    return arrival.received_at if item.timestamp is None else instant(int(item.timestamp))


# -- messages -------------------------------------------------------------------------------------------------------


def _message(item: direct.Item, message: direct.Message, sender: Sender, arrival: Arrival) -> Made:
    if message.is_echo:
        return _echo(item, message, arrival)
    if message.is_self:
        return Passed("the account wrote to itself")
    if message.is_deleted:
        return (InboundUnsend(message.mid, sender, _at(item, arrival)),)
    made = _said(item, message.mid, parts_of(message, message_id(arrival.account, message.mid)), sender, arrival)
    answered = message.reply_to or direct.ReplyTo()
    facts = {"story": _plain(answered.story), "referral": _plain(message.referral)}
    found = {name: value for name, value in facts.items() if value}
    return (
        msgspec.structs.replace(
            made,
            threading=made.threading if answered.mid is None else Threading(quoted=answered.mid),
            handover=message.referral.ref if message.referral is not None else None,
            extra={**(made.extra or {}), **found},
        ),
    )


def _said(item: direct.Item, id: str, parts: tuple[Part, ...], sender: Sender, arrival: Arrival) -> InboundMessage:
    """``extra.from`` is for the read mark."""
    sent_at = _at(item, arrival)
    return InboundMessage(
        id,
        sender,
        parts,
        sent_at,
        reply=ReplyContext(window_expires_at=sent_at + WINDOW),
        extra={"from": sender.address},
        flags=("standby",) if arrival.standby else (),
    )


def _plain(fact: direct.Fact | None) -> Any:
    return None if fact is None else msgspec.to_builtins(fact)


def _echo(item: direct.Item, message: direct.Message, arrival: Arrival) -> Made:
    """A message of ours, told back: so it was sent, whatever we were answered."""
    to, mark = item.recipient.id, message.metadata or ""
    ours = mark.startswith(OURS)
    if to is None or (arrival.dialect.marks and not ours):
        return Passed("an echo of what was sent elsewhere")
    known = mark if ours else None
    return (InboundReceipt(Sender(to, verified=True), "sent", message.mid, known, sent_at=_at(item, arrival)),)


def _edit(item: direct.Item, edit: direct.MessageEdit, sender: Sender, arrival: Arrival) -> Made:
    return (InboundEdit(edit.mid, sender, (Text(edit.text),), _at(item, arrival)),)


def _postback(item: direct.Item, postback: direct.Postback, sender: Sender, arrival: Arrival) -> Made:
    id = postback.mid or digest(sender.address, str(item.timestamp), postback.payload)
    made = _said(item, id, (Postback(postback.payload, postback.title),), sender, arrival)
    if postback.referral is None:
        return (made,)
    extra = {**(made.extra or {}), "referral": _plain(postback.referral)}
    return (msgspec.structs.replace(made, handover=postback.referral.ref, extra=extra),)


def _reaction(item: direct.Item, reaction: direct.Reaction, sender: Sender, arrival: Arrival) -> Made:
    """One person has one reaction to a message: another one takes the place of the first."""
    sent_at = _at(item, arrival)
    gone = InboundReaction(reaction.mid, sender, "", removed=True, sent_at=sent_at)
    if reaction.action != "react":
        return (gone,)
    emoji = reaction.emoji or EMOJIS.get(reaction.reaction or "", STRANGE)
    return (gone, InboundReaction(reaction.mid, sender, emoji, sent_at=sent_at))


# -- receipts, and news of the person -------------------------------------------------------------------------------


def _delivery(item: direct.Item, delivery: direct.Delivery, sender: Sender, arrival: Arrival) -> Made:
    sent_at = _at(item, arrival)
    made = tuple(InboundReceipt(sender, "delivered", mid, sent_at=sent_at) for mid in delivery.mids)
    return made or Passed("a delivery that names no messages")


def _seen(item: direct.Item, seen: direct.Read, sender: Sender, arrival: Arrival) -> Made:
    upto = None if seen.watermark is None else instant(int(seen.watermark))
    if upto is None and seen.mid is None:
        return Passed("a read mark that names no messages")
    return (InboundReceipt(sender, "read", seen.mid, upto=upto, sent_at=_at(item, arrival)),)


def _referral(item: direct.Item, referral: direct.Referral, sender: Sender, arrival: Arrival) -> Made:
    return (InboundIdentity(sender, None, "referral", sent_at=_at(item, arrival), handover=referral.ref),)


def _optin(item: direct.Item, optin: direct.Optin, sender: Sender, arrival: Arrival) -> Made:
    reason = f"optin_{(optin.type or 'plugin')[:32]}"
    return (InboundIdentity(sender, None, reason, sent_at=_at(item, arrival), handover=optin.ref),)


def _linking(item: direct.Item, linking: direct.AccountLinking, sender: Sender, arrival: Arrival) -> Made:
    """The code was made by the operator's own service for this person, so it can serve as a hand-over code."""
    reason = f"account_{linking.status[:32]}"
    return (InboundIdentity(sender, None, reason, sent_at=_at(item, arrival), handover=linking.authorization_code),)


_MAKERS: Final[dict[str, Callable[[direct.Item, Any, Sender, Arrival], Made]]] = {
    "message": _message,
    "message_edit": _edit,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _seen,
    "referral": _referral,
    "optin": _optin,
    "account_linking": _linking,
}
"""By the field that says what an item is."""
