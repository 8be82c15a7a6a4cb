"""Which of a contact's conversations a message belongs to."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from contracts.contact import Contact, ConversationRef
from contracts.ids import CONVERSATION as CONVERSATION_ID
from contracts.ids import message_id
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import LIVE, is_here, ref_of
from router.domain.conversation.tables import CONTACT, CONVERSATION, MESSAGE, TRACE
from router.domain.turn import Turn

_OURS = re.compile(r"<?ms_[0-9a-z]+\.(cv_[0-9]+_[0-9a-z]+)@")
"""A Message-ID of ours names the conversation."""
MOST_REFERENCES = 50
"""References of one message that are looked at."""


def grouping_key(arrival: Arrival) -> str | None:
    """What makes it one conversation: nothing more than the contact, the channel, or the channel's thread."""
    command = arrival.command
    if command.grouping == "contact":
        return None
    if command.grouping == "channel":
        return arrival.key
    thread = arrival.event.threading.thread or arrival.event.provider_id
    return f"{command.channel}:{command.account}:{thread}"


def choose(arrival: Arrival, contact: Contact) -> str | None:
    """The conversation that the message joins or reopens; None when a new one begins. It may live in another shard."""
    threading = arrival.event.threading
    if arrival.conversation is not None or threading.conversation is not None:
        named = _named(arrival, contact)
        if named is not None:
            return named
    if arrival.command.grouping == "thread":
        referred = _referred(arrival, contact)
        if referred is not None:
            return referred
    if "handover" in arrival.flags:
        return _newest_live(contact) or _by_key(arrival, contact)
    return _by_key(arrival, contact)


def takes(ref: ConversationRef, now: datetime, window_s: int) -> bool:
    """Whether the conversation takes a new message: it is live, or was resolved less than the window ago."""
    if ref.status in LIVE:
        return True
    recent = ref.last_at is not None and now - ref.last_at < timedelta(seconds=window_s)
    return ref.status == "resolved" and recent


def belongs(turn: Turn, contact: Contact, conversation: str) -> bool:
    """Whether the conversation is the contact's own, or that of a contact merged into it."""
    if any(ref.id == conversation for ref in contact.conversations):
        return True
    if not is_here(turn, conversation):
        return False
    found = turn.get(CONVERSATION, conversation)
    owner = found.contact if found is not None else None
    for _ in range(len(contact.links) + 1):
        if owner is None or owner == contact.id:
            return owner is not None
        if not is_here(turn, owner):
            return False
        former = turn.get(CONTACT, owner)
        owner = former.merged_into if former is not None else None
    return False


def _by_key(arrival: Arrival, contact: Contact) -> str | None:
    wanted = grouping_key(arrival)
    resolved: ConversationRef | None = None
    for ref in reversed(contact.conversations):
        if ref.key == wanted:
            if ref.status in LIVE:
                return ref.id
            if resolved is None and ref.status == "resolved":
                resolved = ref
    if resolved is not None and takes(resolved, arrival.turn.at, arrival.rules.reopen_window_s):
        return resolved.id
    return None


def _newest_live(contact: Contact) -> str | None:
    return next((ref.id for ref in reversed(contact.conversations) if ref.status in LIVE), None)


def _named(arrival: Arrival, contact: Contact) -> str | None:
    """A verified token of ours says which. Whoever holds somebody else's token gets no further by it."""
    for id in (arrival.conversation, arrival.event.threading.conversation):
        if id is None or not id.startswith(CONVERSATION_ID):
            continue
        if not belongs(arrival.turn, contact, id):
            arrival.flags = (*arrival.flags, f"possible_reply_to:{id}")
        elif _takes(arrival, contact, id):
            return id
    return None


def _referred(arrival: Arrival, contact: Contact) -> str | None:
    """The conversation of a message that it answers, if that is this contact's. An empty reference matches nothing."""
    threading, turn = arrival.event.threading, arrival.turn
    for reference in (*filter(None, (threading.quoted,)), *threading.references)[:MOST_REFERENCES]:
        id = _place(turn, arrival.command.account, reference)
        if id is not None and belongs(turn, contact, id) and _takes(arrival, contact, id):
            return id
    return None


def _place(turn: Turn, account: str, reference: str) -> str | None:
    if not reference.strip():
        return None
    if (ours := _OURS.match(reference)) is not None:
        return ours[1]
    key = message_id(account, reference)
    message = turn.get(MESSAGE, key)
    if message is not None:
        return message.conversation
    trace = turn.get(TRACE, key)
    return trace.conversation if trace is not None else None


def _takes(arrival: Arrival, contact: Contact, id: str) -> bool:
    turn = arrival.turn
    ref = next((ref for ref in contact.conversations if ref.id == id), None)
    if ref is None and (found := turn.get(CONVERSATION, id) if is_here(turn, id) else None) is not None:
        ref = ref_of(found, found.resolved_at or found.opened_at)
    return ref is not None and takes(ref, turn.at, arrival.rules.reopen_window_s)
