"""Receipts: a provider's word on what we sent."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from contracts.contact import Contact
from contracts.ids import message_id
from contracts.message import STATE_RANK, Message, MessageState, Problem
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.draft import Draft
from router.domain.conversation.find import message_here, pass_on
from router.domain.conversation.listing import is_here
from router.domain.conversation.state import move
from router.domain.conversation.tables import CONVERSATION, DELIVER, MESSAGE, TRACE, Receipt, Trace
from router.domain.turn import Turn

STATES = frozenset({"sent", "delivered", "read", "failed"})
MOST_RECEIPTS = 8
"""Receipts kept for a message that we cannot place yet."""
MOST_READ = 3
"""Conversations of a contact, from the newest, that a read-up-to mark looks at."""


def receive(arrival: Arrival, contact: Contact) -> None:
    """``InboundReceipt``: of one message, and with ``upto`` of everything that the identity was sent until then."""
    event = arrival.event
    if event.state not in STATES:
        return
    key = _key(arrival)
    message = message_here(arrival, key) if key is not None else None
    if message is not None and message.direction == "outbound":
        early = _learn(arrival, message)
        if arrival.turn.get(DELIVER, message.id) is not None:
            # Of a piece, perhaps, while others are still to be sent.
            _keep(arrival.turn, message.id, (*early, _told(arrival)))
        else:
            _apply(arrival, message, (*early, _told(arrival)))
    elif key is not None and message is None:
        # It may have come before the report of the sending: then that report finds it.
        _keep(arrival.turn, key, (_told(arrival),))
    if event.state == "read" and event.upto is not None:
        _read_upto(arrival, contact)
    if message is None:
        pass_on(arrival, contact)


def problem_of(event_code: str | None, reason: str | None) -> Problem:
    """Why a message came back, in the provider's words."""
    return Problem("rejected", reason or "The channel could not deliver the message.", False, "theirs", event_code)


def _key(arrival: Arrival) -> str | None:
    """Our own id when the channel carries it, else the hash of the provider's; empty ones match nothing."""
    event = arrival.event
    if event.message:
        return str(event.message).partition(".")[0]
    return message_id(arrival.command.account, event.provider_id) if event.provider_id else None


def _told(arrival: Arrival) -> Receipt:
    event = arrival.event
    problem = problem_of(event.code, event.reason) if event.state == "failed" else None
    return Receipt(event.state, event.sent_at or arrival.at, problem)


def _learn(arrival: Arrival, message: Message) -> tuple[Receipt, ...]:
    """A receipt with both ids tells what the provider calls a message whose answer we never had; gives the receipts
    that were here before under that name."""
    event, turn = arrival.event, arrival.turn
    if not event.message or not event.provider_id:
        return ()
    key = message_id(arrival.command.account, event.provider_id)
    known = turn.get(TRACE, key) or Trace()
    if known.message is not None or key == message.id:
        return ()
    turn.put(TRACE, key, replace(known, message=message.id, conversation=message.conversation, receipts=()))
    return known.receipts


def _apply(arrival: Arrival, message: Message, receipts: tuple[Receipt, ...]) -> None:
    conversation = arrival.turn.get(CONVERSATION, message.conversation)
    if conversation is None:
        return
    draft = Draft(arrival.turn, conversation, arrival.command.id)
    for receipt in sorted(receipts, key=lambda each: STATE_RANK[each.state]):
        message = move(draft, message, cast(MessageState, receipt.state), receipt.at, receipt.problem)
    if draft.seq != conversation.seq:
        draft.save()


def _keep(turn: Turn, key: str, receipts: tuple[Receipt, ...]) -> None:
    known = turn.get(TRACE, key) or Trace()
    turn.put(TRACE, key, replace(known, receipts=(*known.receipts, *receipts)[-MOST_RECEIPTS:]))


def _read_upto(arrival: Arrival, contact: Contact) -> None:
    turn = arrival.turn
    here = [ref.id for ref in reversed(contact.conversations) if is_here(turn, ref.id)][:MOST_READ]
    for id in here:
        conversation = turn.get(CONVERSATION, id)
        if conversation is None:
            continue
        draft = Draft(turn, conversation, arrival.command.id)
        for each in conversation.tail:
            message = turn.get(MESSAGE, each)
            if message is not None and _was_read(arrival, message):
                move(draft, message, "read", arrival.event.sent_at or arrival.event.upto)
        if draft.seq != conversation.seq:
            draft.save()


def _was_read(arrival: Arrival, message: Message) -> bool:
    return (
        message.direction == "outbound"
        and message.state in ("sent", "delivered")
        and message.address == arrival.event.sender.address
        and message.account == arrival.command.account
        and message.channel == arrival.command.channel
        and (message.sent_at or message.at) <= arrival.event.upto
    )
