"""Linking and unlinking identities by hand, and claims that were proved."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import ClaimVerified, LinkIdentity, MergeContact, UnlinkIdentity
from contracts.contact import Contact, Link
from contracts.events import IdentityLinked, IdentityUnlinked
from contracts.identity import Claims, Identity
from contracts.ids import CONTACT as CONTACT_ID
from contracts.ids import identity_key
from router.domain.conversation import person
from router.domain.conversation.listing import home_of
from router.domain.conversation.pointer import repoint
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CLAIM, CONTACT, MOVED, ClaimOwner, Moved
from router.domain.turn import Refusal, Turn


def link_identity(turn: Turn, rules: ConversationRules, command: LinkIdentity) -> None:
    """``LinkIdentity``: an agent says whose it is. It leaves the contact that had it."""
    contact = _live(turn, command, command.contact)
    if contact is None or any(each.key == command.identity.key for each in contact.identities):
        return
    claims = person.tidy(command.identity.claims)
    identity = replace(command.identity, contact=contact.id, linked_by="agent", claims=claims)
    link = Link(turn.at, "linked", command.by, command.why, identity.key)
    fresh = replace(
        contact,
        identities=(*contact.identities, identity),
        claims=person.merged_claims(contact.claims, claims),
        name=contact.name or identity.profile.name,
    )
    turn.put(CONTACT, contact.id, person.linked(fresh, link))
    turn.drop(MOVED, identity.key)
    person.tell_of(turn, contact, IdentityLinked, command.id, identity=identity, why=command.why, by=command.by)
    repoint(turn, identity, None, command.by)


def unlink_identity(turn: Turn, rules: ConversationRules, command: UnlinkIdentity) -> None:
    """``UnlinkIdentity``: the identity becomes a contact of its own, born here; what was said stays where it is."""
    contact = _live(turn, command, command.contact)
    if contact is None:
        return
    key = identity_key(command.channel, command.account, command.address)
    identity = next((each for each in contact.identities if each.key == key), None)
    if identity is None:
        raise Refusal("not_found", "The contact has no such identity.")
    if len(contact.identities) == 1:
        raise Refusal("conflict", "It is the contact's only identity.")
    alone = replace(identity, contact=turn.new_id(CONTACT_ID), linked_by="unlink")
    rest = tuple(each for each in contact.identities if each is not identity)
    kept = replace(contact, identities=rest, claims=_without(contact.claims, identity.claims, rest))
    link = Link(turn.at, "unlinked", command.by, command.why, key, alone.contact)
    turn.put(CONTACT, contact.id, person.linked(kept, link))
    turn.put(MOVED, key, Moved(alone.contact))
    person.tell_of(turn, contact, IdentityUnlinked, command.id, identity=identity, why=command.why, by=command.by)
    person.settle(turn, alone, command.why, command.by, command.id, came_from=contact.id)
    repoint(turn, alone, None, command.by)
    turn.result["contact"] = alone.contact


def claim_verified(turn: Turn, rules: ConversationRules, command: ClaimVerified) -> None:
    """``ClaimVerified``, in the claim's shard: who proves it later is the same person as the first."""
    owner = turn.get(CLAIM, command.claim)
    if owner is None:
        turn.put(CLAIM, command.claim, ClaimOwner(command.contact, turn.at))
    elif owner.contact != command.contact:
        kind = command.claim.partition(":")[0]
        merge = MergeContact(
            contact=command.contact, into=owner.contact, why=f"the same verified {kind}", linked_by="verified_claim"
        )
        turn.tell(home_of(command.contact), merge)


def _live(turn: Turn, command: LinkIdentity | UnlinkIdentity, id: str) -> Contact | None:
    """The contact; None when the command went on to the contact that took its place."""
    contact = turn.get(CONTACT, id)
    if contact is None:
        raise Refusal("not_found", "There is no such contact.")
    if contact.merged_into is None:
        return contact
    onward = replace(command, id=None, contact=contact.merged_into)
    turn.tell(home_of(contact.merged_into), onward)
    turn.result["contact"] = contact.merged_into
    return None


def _without(claims: Claims, gone: Claims, rest: tuple[Identity, ...]) -> Claims:
    """The contact's claims without those that only the unlinked identity made."""
    if claims.email == gone.email and all(each.claims.email != gone.email for each in rest):
        claims = replace(claims, email=None, email_verified=False)
    if claims.phone == gone.phone and all(each.claims.phone != gone.phone for each in rest):
        claims = replace(claims, phone=None, phone_verified=False)
    if claims.external_id == gone.external_id and all(each.claims.external_id != gone.external_id for each in rest):
        claims = replace(claims, external_id=None)
    return claims
