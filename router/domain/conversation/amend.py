"""What customers do to messages they sent: edit, take back; and reactions to any message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from contracts.contact import Contact
from contracts.content import Part, attachments_of
from contracts.events import Event, MessageEdited, MessageReacted, MessageUnsent
from contracts.inbound import InboundEdit
from contracts.message import Message, Reacted
from router.domain.conversation import album
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.draft import Draft
from router.domain.conversation.fetch import fetch
from router.domain.conversation.find import message_here, pass_on
from router.domain.conversation.tables import CONVERSATION, FETCH, MESSAGE, REACTIONS, TRACE, AlbumItem, Trace
from router.domain.turn import Turn


def edit(arrival: Arrival, contact: Contact) -> None:
    """``InboundEdit``: the latest one by the provider's time holds, whatever order they come in."""
    event = arrival.event
    message = _own_words(arrival, contact)
    if message is None or message.unsent_at is not None:
        return
    item = album.part_of(arrival.turn, message, arrival.message_id)
    if item is not None:
        _edit_item(arrival, message, item, event.parts, event.sent_at)
    elif not _is_newer(message.edited_at, event.sent_at):
        _rewrite(arrival, message, event.parts, event.sent_at)


def unsend(arrival: Arrival, contact: Contact) -> None:
    """``InboundUnsend``: the content goes, the place in the conversation stays."""
    message = _own_words(arrival, contact)
    if message is None or message.unsent_at is not None:
        return
    turn = arrival.turn
    at = arrival.event.sent_at or arrival.at
    item = album.part_of(turn, message, arrival.message_id)
    if item is not None and item.parts < len(message.parts):
        _edit_item(arrival, message, item, (), at)
        return
    turn.put(MESSAGE, message.id, replace(message, parts=(), subject=None, extra=None, reactions=(), unsent_at=at))
    _forget_media(turn, message)
    _say(arrival, message, MessageUnsent, message_id=message.id)


def react(arrival: Arrival, contact: Contact) -> None:
    """``InboundReaction``: to one of their messages, or of ours. To a message that nobody knows it says nothing."""
    event, turn = arrival.event, arrival.turn
    message = message_here(arrival, arrival.message_id)
    if message is None:
        pass_on(arrival, contact)
        return
    if message.address != event.sender.address or message.unsent_at is not None:
        return
    by = event.sender.author or event.sender.address
    reaction = Reacted(by=by, emoji=event.emoji, at=event.sent_at or arrival.at)
    gone = {event.emoji} if event.emoji else {each.emoji for each in message.reactions}
    others = tuple(each for each in message.reactions if each.by != by or each.emoji not in gone)
    if event.removed and len(others) == len(message.reactions):
        return
    reactions = others if event.removed else (*others, reaction)[-REACTIONS:]
    turn.put(MESSAGE, message.id, replace(message, reactions=reactions))
    _say(arrival, message, MessageReacted, message_id=message.id, reaction=reaction, removed=event.removed)


def remember(arrival: Arrival) -> None:
    """Keeps an edit or unsend until its message comes."""
    event, turn = arrival.event, arrival.turn
    known = turn.get(TRACE, arrival.message_id) or Trace()
    known = replace(known, address=event.sender.address)
    if type(event) is not InboundEdit:
        known = replace(known, parts=None, unsent_at=event.sent_at or arrival.at)
    elif known.unsent_at is None and not _is_newer(known.edited_at, event.sent_at):
        known = replace(known, parts=event.parts, edited_at=event.sent_at)
    turn.put(TRACE, arrival.message_id, known)


def _rewrite(arrival: Arrival, message: Message, parts: tuple[Part, ...], at: datetime) -> None:
    edited = replace(message, parts=parts, edited_at=at)
    arrival.turn.put(MESSAGE, edited.id, edited)
    _forget_media(arrival.turn, message)
    fetch(arrival.turn, edited)
    _say(arrival, edited, MessageEdited, message_id=edited.id, parts=parts, edited_at=at)


def _edit_item(arrival: Arrival, message: Message, item: AlbumItem, parts: tuple[Part, ...], at: datetime) -> None:
    """One item of an album; what the others say stays."""
    if not _is_newer(item.edited_at, at):
        _rewrite(arrival, message, album.changed(arrival.turn, message, item, parts, at), at)


def _own_words(arrival: Arrival, contact: Contact) -> Message | None:
    """The message, if the same sender wrote it. One that has not come yet is waited for."""
    message = message_here(arrival, arrival.message_id)
    if message is None:
        remember(arrival)
        pass_on(arrival, contact)
        return None
    own = message.direction == "inbound" and message.address == arrival.event.sender.address
    return message if own else None


def _forget_media(turn: Turn, message: Message) -> None:
    """What was to be fetched for it is not wanted any more."""
    for attachment in attachments_of(message.parts):
        turn.drop(FETCH, attachment.id)


def _say(arrival: Arrival, message: Message, kind: type[Event], **fields: Any) -> None:
    turn = arrival.turn
    conversation = turn.get(CONVERSATION, message.conversation)
    if conversation is not None:
        draft = Draft(turn, conversation, arrival.command.id)
        draft.emit(kind, **fields)
        draft.save()


def _is_newer(known: datetime | None, at: datetime) -> bool:
    return known is not None and known >= at
