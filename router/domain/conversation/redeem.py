"""Hand-over: a code shown on one channel continues the conversation of another."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import MergeContact, RedeemHandover
from contracts.contact import Contact, Link
from contracts.events import IdentityLinked
from contracts.identity import Identity
from router.domain.conversation import home, person
from router.domain.conversation import merge as merging
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.pointer import repoint
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import (
    CONTACT,
    IDENTITY,
    MOVED,
    NONCE,
    UNDERWAY,
    Moved,
    Underway,
    UsedNonce,
)
from router.domain.handover import HandoverClaim
from router.domain.turn import Turn

WHY = "hand-over code"


def begin(arrival: Arrival, claim: HandoverClaim, identity: Identity | None) -> None:
    """At the identity's shard: from now on everything goes to the contact of the code, behind the code itself; whether
    the code was used before is found out there, and what came too far is sent back."""
    turn = arrival.turn
    pointer = identity or person.identity_of(arrival, claim.contact, "handover")
    turn.put(IDENTITY, arrival.key, replace(pointer, contact=claim.contact, linked_by="handover"))
    turn.put(UNDERWAY, arrival.key, Underway(claim.contact))
    arrival.leave()
    command = RedeemHandover(
        contact=claim.contact,
        nonce=claim.nonce,
        receive=arrival.onward(claim.contact),
        previous=identity.contact if identity is not None else None,
        conversation=claim.conversation,
    )
    if is_here(turn, claim.contact):
        redeem(turn, arrival.rules, command)
    else:
        turn.tell(home_of(claim.contact), command)


def redeem(turn: Turn, rules: ConversationRules, command: RedeemHandover) -> None:
    """``RedeemHandover``: at the home of the code's contact. An empty nonce was checked on the way already."""
    arrival = Arrival(turn, rules, command.receive, command.receive.event)
    contact = turn.get(CONTACT, command.contact)
    if contact is None or not _unused(arrival, command.nonce):
        _send_back(arrival, command.previous)
    elif contact.merged_into is not None:
        # Should that merge be undone, what follows the code here must find its way after it all the same.
        turn.put(MOVED, arrival.key, Moved(contact.merged_into))
        onward = replace(command, contact=contact.merged_into, nonce="")
        turn.tell(home_of(contact.merged_into), onward)
    else:
        _link(arrival, contact, command.previous)
        arrival.flags, arrival.conversation = ("handover",), command.conversation
        home.at_home(arrival, contact.id)


def _unused(arrival: Arrival, nonce: str) -> bool:
    """Whether nobody else used the code; it is used up from now on."""
    if not nonce:
        return True
    used = arrival.turn.get(NONCE, nonce)
    if used is None:
        arrival.turn.put(NONCE, nonce, UsedNonce(arrival.key, arrival.turn.at))
    return used is None or used.identity == arrival.key


def _link(arrival: Arrival, contact: Contact, previous: str | None) -> None:
    turn, key = arrival.turn, arrival.key
    identity = person.identity_of(arrival, contact.id, "handover")
    link = Link(turn.at, "linked", "customer", WHY, key, previous)
    others = tuple(each for each in contact.identities if each.key != key)
    contact = person.linked(replace(contact, identities=(*others, identity)), link)
    contact = replace(contact, claims=person.merged_claims(contact.claims, identity.claims))
    turn.put(CONTACT, contact.id, contact)
    person.tell_of(turn, contact, IdentityLinked, identity=identity, why=WHY, by="customer")
    person.claim(turn, contact.id, person.NO_CLAIMS, identity.claims)
    turn.drop(MOVED, key)
    repoint(turn, identity, arrival.command.home, settles=True)
    if previous is not None and previous != contact.id:
        merge = MergeContact(
            contact=previous, into=contact.id, why=WHY, linked_by="handover", by="customer", identity=key
        )
        if is_here(turn, previous):
            merging.merge(turn, arrival.rules, merge)
        else:
            turn.tell(home_of(previous), merge)


def _send_back(arrival: Arrival, previous: str | None) -> None:
    """The code does not count: the identity stays, or becomes, a contact apart."""
    turn = arrival.turn
    if previous is None:
        contact = home.newcomer(arrival, "a hand-over code that was used before", arrival.command.home, settles=True)
        turn.put(MOVED, arrival.key, Moved(contact.id))
        home.at_home(arrival, contact.id)
        return
    identity = person.identity_of(arrival, previous, "birth")
    turn.put(MOVED, arrival.key, Moved(previous))
    repoint(turn, identity, arrival.command.home, settles=True)
    home.go_on(arrival, previous)
