"""``Receive``: at the identity's shard, and from there to the contact's home."""

from __future__ import annotations

from contracts.commands import Receive
from contracts.identity import Identity
from contracts.ids import CONVERSATION as CONVERSATION_ID
from contracts.ids import IdError, shard_of
from contracts.inbound import InboundEdit, InboundIdentity, InboundMessage, InboundTyping, InboundUnsend
from router.domain import handover
from router.domain.conversation import accept, amend, home, redeem, resolve
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import is_here
from router.domain.conversation.person import born
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import IDENTITY, UNDERWAY
from router.domain.turn import Turn


def receive(turn: Turn, rules: ConversationRules, command: Receive) -> None:
    """``Receive``, wherever on its way it is. Typing is nothing to keep."""
    event = command.event
    if type(event) is InboundTyping:
        return
    arrival = Arrival(turn, rules, command, event)
    if command.home is None:
        _at_identity(arrival)
    elif command.home.startswith(CONVERSATION_ID):
        home.at_conversation(arrival, command.home)
    else:
        home.at_home(arrival, command.home)


def _at_identity(arrival: Arrival) -> None:
    """The one place where a redelivery is found out for good: the identity's shard never changes."""
    event = arrival.event
    if type(event) is InboundMessage and accept.seen(arrival):
        return
    identity = arrival.turn.get(IDENTITY, arrival.key)
    if type(event) is InboundMessage or type(event) is InboundIdentity:
        claim = event.handover and _claim(arrival, identity)
        if claim:
            redeem.begin(arrival, claim, identity)
            return
        if identity is None and (proved := resolve.claim_of(arrival)) is not None:
            resolve.begin(arrival, proved)
            return
    if identity is None:
        identity = _first_seen(arrival)
        if identity is None:
            return
    elif identity.linked_by == "verified_claim":
        resolve.follow(arrival)
    if is_here(arrival.turn, identity.contact):
        home.at_home(arrival, identity.contact)
    else:
        arrival.relay(identity.contact)


def _claim(arrival: Arrival, identity: Identity | None) -> handover.HandoverClaim | None:
    """What the hand-over code says, if it is good and leads to another contact than the present one. While an earlier
    code is not decided yet, whose the identity is is not known, and another code counts as a message only."""
    turn = arrival.turn
    if turn.get(UNDERWAY, arrival.key) is not None:
        return None
    claim = handover.read(arrival.rules.handover_key, arrival.event.handover, turn.at_ms)
    if claim is None or (identity is not None and identity.contact == claim.contact):
        return None
    try:
        return claim if shard_of(claim.contact) < turn.shards else None
    except IdError:
        return None


def _first_seen(arrival: Arrival) -> Identity | None:
    """Somebody new: a contact is born here. What is only about a message that we never saw waits for that message."""
    event = arrival.event
    if type(event) is InboundMessage or (type(event) is InboundIdentity and event.reachable is not False):
        identity = born(arrival).identities[0]
        arrival.turn.put(IDENTITY, arrival.key, identity)
        return identity
    if type(event) is InboundEdit or type(event) is InboundUnsend:
        amend.remember(arrival)
    return None
