"""Who it is: contacts being born, and the news that arrivals bring of their identities."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from contracts.commands import ClaimVerified, ProfileFetched, UpdateContact
from contracts.contact import Contact, Link
from contracts.events import ContactCreated, ContactUpdated, Event, IdentityChanged, IdentityLinked
from contracts.identity import Claims, Identity, Profile
from contracts.ids import CONTACT as CONTACT_ID
from contracts.ids import identity_key, shard_for
from contracts.inbound import Sender
from contracts.streams import conversation_shard
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, IDENTITY, LINKS
from router.domain.effects import LookUp
from router.domain.turn import Refusal, Turn

NO_CLAIMS = Claims()
NO_PROFILE = Profile()
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def born(arrival: Arrival, why: str = "first seen", id: str | None = None, found_by: str | None = None) -> Contact:
    """A contact of its own for the identity that the arrival came from, in this shard. ``id``: if it has one already.
    ``found_by``: a claim of theirs that needs no announcing."""
    identity = identity_of(arrival, id or arrival.turn.new_id(CONTACT_ID), "birth")
    contact = settle(arrival.turn, identity, why, found_by=found_by)
    look_up(arrival.turn, identity)
    return contact


def look_up(turn: Turn, identity: Identity) -> None:
    """Asks the channel who it is, unless it told already."""
    if identity.profile == NO_PROFILE:
        turn.after(LookUp(identity.channel, identity.account, identity.address, identity.contact))


def identity_of(arrival: Arrival, contact: str, linked_by: Any) -> Identity:
    """The identity that the arrival came from, as far as the arrival tells."""
    command, sender = arrival.command, arrival.event.sender
    return Identity(
        channel=command.channel,
        account=command.account,
        address=sender.address,
        contact=contact,
        verified=sender.verified,
        claims=tidy(sender.claims),
        profile=NO_PROFILE if sender.author else sender.profile,
        created_at=arrival.turn.at,
        linked_by=linked_by,
    )


def settle(
    turn: Turn,
    identity: Identity,
    why: str,
    by: str = "system",
    cause: str | None = None,
    came_from: str | None = None,
    found_by: str | None = None,
) -> Contact:
    """Writes a new contact with its first identity, and says so. Of an identity that came from another contact the
    claims were announced before, and announcing them again would undo the parting."""
    contact = Contact(
        id=identity.contact,
        created_at=turn.at,
        name=identity.profile.name,
        language=identity.profile.language,
        claims=identity.claims,
        profile=identity.profile,
        identities=(identity,),
        links=(Link(turn.at, "unlinked", by, why, identity.key, came_from),) if came_from else (),
    )
    turn.put(CONTACT, contact.id, contact)
    turn.index("contacts", contact.id, turn.at_ms)
    tell_of(turn, contact, ContactCreated, cause, person=contact)
    tell_of(turn, contact, IdentityLinked, cause, identity=identity, why=why, by=by)
    if came_from is None:
        claim(turn, contact.id, NO_CLAIMS, identity.claims, found_by)
    return contact


def tell_of(turn: Turn, contact: Contact, kind: type[Event], cause: str | None = None, **fields: Any) -> None:
    """Emits an event of a contact."""
    turn.emit(kind(id=turn.event_id(), at=turn.at, contact=contact.id, cause=cause, **fields))


def renew(arrival: Arrival, contact: Contact, identity: Identity) -> Contact:
    """Takes over what the arrival tells of its sender; mostly nothing is new and nothing is written."""
    sender = arrival.event.sender
    if identity.reachable and not _news(identity, sender):
        return contact
    fresh = replace(informed(identity, sender), reachable=True)
    return contact if fresh == identity else changed(arrival.turn, contact, identity, fresh, "wrote")


def changed(turn: Turn, contact: Contact, old: Identity, new: Identity, reason: str | None) -> Contact:
    """Puts an identity's new state into its contact, and says so."""
    contact = replace(
        contact,
        identities=tuple(new if each is old else each for each in contact.identities),
        name=contact.name or new.profile.name,
        language=contact.language or new.profile.language,
        profile=merged_profile(contact.profile, new.profile),
        claims=merged_claims(contact.claims, new.claims),
    )
    turn.put(CONTACT, contact.id, contact)
    tell_of(turn, contact, IdentityChanged, identity=new, reason=reason)
    claim(turn, contact.id, old.claims, new.claims)
    return contact


def claim(turn: Turn, contact: str, before: Claims, now: Claims, known: str | None = None) -> None:
    """Announces claims that were proved just now, in the shards that keep them; but not one that is ``known`` there."""
    if now is before or now == before:
        return
    for text in sorted(set(proved(now)) - {*proved(before), known}):
        turn.tell(conversation_shard(shard_for(text, turn.shards)), ClaimVerified(claim=text, contact=contact))


def proved(claims: Claims) -> list[str]:
    """The claims that link people: verified, and spelt as they must be."""
    found = []
    if claims.email_verified and claims.email and _EMAIL.fullmatch(claims.email):
        found.append(f"email:{claims.email.lower()}")
    if claims.phone_verified and claims.phone and _E164.fullmatch(claims.phone):
        found.append(f"phone:{claims.phone}")
    return found


def tidy(claims: Claims) -> Claims:
    """Email in lower case, as it is compared."""
    email = claims.email
    return claims if email is None or email == email.lower() else replace(claims, email=email.lower())


def merged_claims(first: Claims, second: Claims) -> Claims:
    """The first one's claims, with what it lacks from the second; a proved claim goes before one that is not."""
    if second == NO_CLAIMS or first == second:
        return first
    email = second if _better(first.email, first.email_verified, second.email, second.email_verified) else first
    phone = second if _better(first.phone, first.phone_verified, second.phone, second.phone_verified) else first
    return Claims(
        email=email.email,
        email_verified=email.email_verified,
        phone=phone.phone,
        phone_verified=phone.phone_verified,
        external_id=first.external_id or second.external_id,
    )


def merged_profile(first: Profile, second: Profile) -> Profile:
    """The first one's profile, with what it lacks from the second."""
    if second == NO_PROFILE or first == second:
        return first
    return Profile(
        name=first.name or second.name,
        language=first.language or second.language,
        picture=first.picture or second.picture,
        status=first.status or second.status,
    )


def strangers(first: Claims, second: Claims) -> bool:
    """Whether they are certainly not the same person: their ids in the operator's own system differ."""
    return first.external_id is not None and second.external_id is not None and first.external_id != second.external_id


def linked(contact: Contact, link: Link) -> Contact:
    """The contact with one more record of who linked what and why."""
    return replace(contact, links=(*contact.links, link)[-LINKS:])


def has_absorbed(contact: Contact, other: str) -> bool:
    """Whether ``other`` was merged into this contact before."""
    return any(link.action == "absorbed" and link.contact == other for link in contact.links)


def profile_fetched(turn: Turn, rules: ConversationRules, command: ProfileFetched) -> None:
    """``ProfileFetched``: at the identity's shard it is sent home; at home it is taken over."""
    key = identity_key(command.channel, command.account, command.address)
    home = command.home
    if home is None:
        pointer = turn.get(IDENTITY, key)
        if pointer is None:
            return
        home = pointer.contact
    if not is_here(turn, home):
        turn.tell(home_of(home), replace(command, home=home))
        return
    contact = turn.get(CONTACT, home)
    if contact is not None and contact.merged_into is not None:
        turn.tell(home_of(contact.merged_into), replace(command, home=contact.merged_into))
        return
    identity = next((each for each in contact.identities if each.key == key), None) if contact else None
    if contact is None or identity is None:
        return
    fresh = replace(identity, profile=merged_profile(command.profile, identity.profile))
    if fresh != identity:
        changed(turn, contact, identity, fresh, "profile")


def update(turn: Turn, rules: ConversationRules, command: UpdateContact) -> None:
    """``UpdateContact``: sets what is given."""
    contact = turn.get(CONTACT, command.contact)
    if contact is None:
        raise Refusal("not_found", "There is no such contact.")
    if contact.merged_into is not None:
        # The id stays here: this shard announces the outcome, and the command is carried out elsewhere.
        onward = replace(command, id=None, contact=contact.merged_into)
        turn.tell(home_of(contact.merged_into), onward)
        turn.result["contact"] = contact.merged_into
        return
    claims = contact.claims if command.claims is None else merged_claims(tidy(command.claims), contact.claims)
    new = replace(
        contact,
        name=contact.name if command.name is None else command.name,
        language=contact.language if command.language is None else command.language,
        tags=contact.tags if command.tags is None else tuple(dict.fromkeys(command.tags)),
        attributes=with_changes(contact.attributes, command.attributes),
        claims=claims,
    )
    if new != contact:
        turn.put(CONTACT, new.id, new)
        tell_of(turn, new, ContactUpdated, command.id, person=new, by=command.by)
        claim(turn, new.id, contact.claims, claims)


def with_changes(attributes: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """The attributes with these set, and those set to None removed."""
    return {key: value for key, value in {**attributes, **changes}.items() if value is not None}


def _news(identity: Identity, sender: Sender) -> bool:
    return (
        (sender.verified and not identity.verified)
        or (sender.profile != identity.profile and sender.profile != NO_PROFILE and sender.author is None)
        or (sender.claims != identity.claims and sender.claims != NO_CLAIMS)
    )


def informed(identity: Identity, sender: Sender) -> Identity:
    profile = identity.profile if sender.author else merged_profile(sender.profile, identity.profile)
    return replace(
        identity,
        verified=identity.verified or sender.verified,
        profile=profile,
        claims=merged_claims(tidy(sender.claims), identity.claims),
    )


def _better(first: str | None, first_proved: bool, second: str | None, second_proved: bool) -> bool:
    return second is not None and (first is None or (second_proved and not first_proved))
