"""The first word of somebody new who proved an email or phone: whose that is, is found out before they are anybody.

The claim's shard decides, one after the other: who comes first is born there, who comes later is linked to the same
person. Until that is settled the identity points to a contact that stands for whoever it will be, in the claim's
shard, and all that comes from it takes the same way, so that nothing is overtaken.
"""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import Detour, ResolveClaim
from contracts.contact import Contact, Link
from contracts.events import IdentityLinked
from contracts.ids import CONTACT as CONTACT_ID
from contracts.ids import in_shard, shard_for
from contracts.inbound import InboundEdit, InboundMessage, InboundUnsend, Sender
from router.domain.conversation import home, person
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.merge import STRANGERS
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import (
    CLAIM,
    CONTACT,
    IDENTITY,
    MOVED,
    UNDERWAY,
    ClaimOwner,
    Moved,
    Trace,
    Underway,
)
from router.domain.turn import Turn


def claim_of(arrival: Arrival) -> str | None:
    """The claim that somebody new is found by: the first that they proved. The others are announced as ever."""
    event = arrival.event
    if type(event) is not InboundMessage and event.reachable is False:
        return None
    claims = event.sender.claims
    return next(iter(person.proved(claims)), None) if claims != person.NO_CLAIMS else None


def begin(arrival: Arrival, claim: str) -> None:
    """At the identity's shard: from now on everything goes to the claim's shard, behind this."""
    turn, early = arrival.turn, arrival.trace
    contact = _stand_in(turn, shard_for(claim, turn.shards))
    turn.put(IDENTITY, arrival.key, person.identity_of(arrival, contact, "verified_claim"))
    turn.put(UNDERWAY, arrival.key, Underway(contact, turn.entry))
    arrival.leave()
    receive = replace(arrival.onward(contact), detour=Detour(contact, turn.entry))
    command = ResolveClaim(claim=claim, contact=contact, receive=receive)
    if is_here(turn, contact):
        resolve(turn, arrival.rules, command)
    else:
        turn.tell(home_of(contact), command)
    for event in _early(arrival, early):
        _send_behind(arrival, event, contact)


def follow(arrival: Arrival) -> None:
    """At the identity's shard: while its claim is being resolved, what comes is confirmed when it arrives."""
    turn = arrival.turn
    row = turn.get(UNDERWAY, arrival.key)
    if row is not None and row.entry is not None:
        turn.put(UNDERWAY, arrival.key, replace(row, entry=turn.entry))
        arrival.command = replace(arrival.command, detour=Detour(row.contact, turn.entry))


def resolve(turn: Turn, rules: ConversationRules, command: ResolveClaim) -> None:
    """``ResolveClaim``: at the claim's shard, and from there to the home of the one who proved it first."""
    arrival = Arrival(turn, rules, command.receive, command.receive.event)
    if command.owner is not None:
        _at_owner(arrival, command, command.owner)
        return
    owner = turn.get(CLAIM, command.claim)
    if owner is None:
        turn.put(CLAIM, command.claim, ClaimOwner(command.contact, turn.at))
        person.born(arrival, id=command.contact, found_by=command.claim)
        home.at_home(arrival, command.contact)
        return
    # Nobody was ever told of this contact; it leads what comes behind to where it belongs.
    turn.put(CONTACT, command.contact, Contact(command.contact, turn.at, merged_into=owner.contact))
    _go_on(arrival, command, owner.contact)


def _at_owner(arrival: Arrival, command: ResolveClaim, owner: str) -> None:
    turn = arrival.turn
    contact = turn.get(CONTACT, owner)
    if contact is not None and contact.merged_into is not None and arrival.command.hops < home.MOST_HOPS:
        first = command.merged or owner
        _go_on(arrival, replace(command, merged=None if command.settled else first), contact.merged_into)
        return
    if command.merged is not None and (contact is None or not person.has_absorbed(contact, command.merged)):
        # Nothing came of that merge (or it was long ago): what proves the one person does not prove the other.
        turn.put(MOVED, arrival.key, Moved(command.merged))
        _go_on(arrival, replace(command, merged=None, settled=True), command.merged)
        return
    if contact is None or person.strangers(contact.claims, arrival.event.sender.claims):
        contact = _apart(arrival, command, owner)
    elif arrival.identity_in(contact) is None:
        _link(arrival, command, contact)
    home.at_home(arrival, contact.id)


def _go_on(arrival: Arrival, command: ResolveClaim, owner: str) -> None:
    """To another contact, and at once when that is here, so that what comes next does not overtake it."""
    arrival.steps += 1
    if is_here(arrival.turn, owner) and arrival.steps < home.MOST_STEPS:
        _at_owner(arrival, command, owner)
    else:
        onward = replace(command, owner=owner, receive=arrival.onward(owner))
        arrival.turn.tell(home_of(owner), onward)


def _link(arrival: Arrival, command: ResolveClaim, contact: Contact) -> None:
    """The same person, on another channel."""
    turn = arrival.turn
    identity = person.identity_of(arrival, contact.id, "verified_claim")
    link = Link(turn.at, "linked", "system", _why(command), identity.key)
    whole = replace(
        contact,
        name=contact.name or identity.profile.name,
        language=contact.language or identity.profile.language,
        profile=person.merged_profile(contact.profile, identity.profile),
        claims=person.merged_claims(contact.claims, identity.claims),
        identities=(*contact.identities, identity),
    )
    turn.put(CONTACT, contact.id, person.linked(whole, link))
    turn.drop(MOVED, identity.key)
    person.tell_of(turn, contact, IdentityLinked, identity=identity, why=link.why)
    person.claim(turn, contact.id, contact.claims, identity.claims, command.claim)
    person.look_up(turn, identity)


def _apart(arrival: Arrival, command: ResolveClaim, owner: str) -> Contact:
    """Not the same person, whatever they proved: a contact of their own, here, and a note of it with both."""
    turn, why = arrival.turn, f"{_why(command)}; {STRANGERS}"
    alone = person.born(arrival, found_by=command.claim)
    turn.put(MOVED, arrival.key, Moved(alone.id))
    for id, other in ((alone.id, owner), (owner, alone.id)):
        contact = turn.get(CONTACT, id)
        if contact is not None:
            turn.put(CONTACT, id, person.linked(contact, Link(turn.at, "refused", "system", why, contact=other)))
    return alone


def _why(command: ResolveClaim) -> str:
    return f"the same verified {command.claim.partition(':')[0]}"


def _stand_in(turn: Turn, shard: int) -> str:
    """An id in the claim's shard, made here. The letter i is in no other id, so it cannot be one made there."""
    own = turn.new_id(CONTACT_ID)
    if is_here(turn, in_shard(CONTACT_ID, shard, "")):
        return own
    return in_shard(CONTACT_ID, shard, f"{own.rpartition('_')[2]}i{turn.shard[2:]}")


def _early(arrival: Arrival, trace: Trace | None) -> list[InboundEdit | InboundUnsend]:
    """What came before the message that it changes, from the same sender."""
    address = arrival.event.sender.address
    if trace is None or trace.address != address:
        return []
    if trace.unsent_at is not None:
        return [InboundUnsend(arrival.event.provider_id, Sender(address), trace.unsent_at)]
    if trace.parts is not None and trace.edited_at is not None:
        return [InboundEdit(arrival.event.provider_id, Sender(address), trace.parts, trace.edited_at)]
    return []


def _send_behind(arrival: Arrival, event: InboundEdit | InboundUnsend, contact: str) -> None:
    behind = Arrival(arrival.turn, arrival.rules, replace(arrival.onward(contact), event=event), event)
    home.go_on(behind, contact)
