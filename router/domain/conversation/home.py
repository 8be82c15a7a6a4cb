"""What arrived, at the contact's home (or at the shard of the conversation it is for)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from contracts.commands import Detour
from contracts.contact import Contact, Link
from contracts.events import IdentityLinked
from contracts.inbound import (
    InboundCall,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundUnsend,
)
from router.domain.conversation import accept, amend, call, news, person, receipt
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import is_here
from router.domain.conversation.pointer import repoint
from router.domain.conversation.tables import CONTACT, CONVERSATION, MOVED

AtHome = Callable[[Arrival, Contact], None]

_RULES: Final[dict[type, AtHome]] = {
    InboundMessage: accept.message,
    InboundEdit: amend.edit,
    InboundUnsend: amend.unsend,
    InboundReaction: amend.react,
    InboundReceipt: receipt.receive,
    InboundIdentity: news.identity,
    InboundCall: call.receive,
}

MOST_HOPS: Final = 64
"""After that a message stays where it is: better with the wrong half of a person than on its way for ever."""
MOST_STEPS: Final = 16


def at_home(arrival: Arrival, home: str) -> None:
    """At the contact's home. What was merged, unlinked or handed over meanwhile goes on to where it belongs now."""
    contact = arrival.turn.get(CONTACT, home)
    if contact is None:
        contact = newcomer(arrival, "the contact is gone", home)
    elif contact.merged_into is not None and arrival.command.hops < MOST_HOPS:
        go_on(arrival, contact.merged_into)
        return
    identity = arrival.identity_in(contact)
    if identity is None:
        moved = arrival.turn.get(MOVED, arrival.key) if arrival.command.hops < MOST_HOPS else None
        if moved is not None and moved.contact != contact.id:
            go_on(arrival, moved.contact)
            return
        contact = _adopt(arrival, contact)
    elif type(arrival.event) is InboundMessage:
        contact = person.renew(arrival, contact, identity)
    if arrival.command.detour is not None:
        _confirm(arrival, contact, arrival.command.detour)
    _RULES[type(arrival.event)](arrival, contact)


def go_on(arrival: Arrival, home: str) -> None:
    """To another contact's home: at once when that is here, so that what comes next does not overtake it. (In a ring of
    merges that is being undone there is no end to it here: then by way of the stream, behind what undoes it.)"""
    arrival.steps += 1
    if is_here(arrival.turn, home) and arrival.steps < MOST_STEPS:
        at_home(arrival, home)
    else:
        arrival.relay(home)


def at_conversation(arrival: Arrival, conversation: str) -> None:
    """At the shard of a conversation that stayed where it was when its contact was merged into one of another shard."""
    arrival.final, arrival.conversation = True, conversation
    found = arrival.turn.get(CONVERSATION, conversation)
    contact = arrival.turn.get(CONTACT, found.contact) if found is not None else None
    if contact is None:
        contact = newcomer(arrival, "the conversation is gone", None)
    _RULES[type(arrival.event)](arrival, contact)


def newcomer(arrival: Arrival, why: str, former: str | None, settles: bool = False) -> Contact:
    """A contact of its own in this shard, for an identity that points to ``former`` until now."""
    contact = person.born(arrival, why=why)
    repoint(arrival.turn, contact.identities[0], former, settles=settles)
    return contact


def _confirm(arrival: Arrival, contact: Contact, detour: Detour) -> None:
    """It has come to the end of its way; when it was the last on it, the next comes straight here."""
    identity = arrival.identity_in(contact)
    if identity is not None:
        repoint(arrival.turn, identity, detour.contact, settles=True, detour=detour)


def _adopt(arrival: Arrival, contact: Contact) -> Contact:
    """The identity's shard says it is this contact's, and nothing here says otherwise; it is asked to confirm."""
    identity = person.identity_of(arrival, contact.id, "merge")
    link = Link(at=arrival.turn.at, action="linked", by="system", why="its shard says so", identity=identity.key)
    contact = person.linked(replace(contact, identities=(*contact.identities, identity)), link)
    arrival.turn.put(CONTACT, contact.id, contact)
    person.tell_of(arrival.turn, contact, IdentityLinked, identity=identity, why=link.why)
    repoint(arrival.turn, identity, contact.id)
    return contact
