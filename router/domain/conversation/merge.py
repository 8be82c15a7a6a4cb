"""Merging two contacts who are one person.

``MergeContact`` marks the one that gives way (it says so at once, and passes on whatever arrives), ``AbsorbContact``
carries all it had to the other's home, and there it is taken over or refused (``RefuseMerge`` goes back); within one
shard all this is one command. Conversations stay in their shards. A merge that would close a ring comes back to where
it began, and is undone there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from contracts.commands import AbsorbContact, MergeContact, RefuseMerge
from contracts.contact import Contact, Link
from contracts.events import ContactMerged, ContactUpdated, IdentityLinked
from contracts.identity import Identity
from contracts.ids import IdError, shard_of
from router.domain.conversation.listing import home_of, is_here, joined, listed
from router.domain.conversation.person import has_absorbed, linked, merged_claims, merged_profile, strangers, tell_of
from router.domain.conversation.pointer import repoint
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import AGENTS, CONTACT, LINKS, MOVED, Moved
from router.domain.turn import Refusal, Turn

T = TypeVar("T", bound=msgspec.Struct)

STRANGERS: Final = "their ids in your own system differ"
MOST_ROUND: Final = 64
"""Contacts that pass on a merge before it is given up."""


def merge(turn: Turn, rules: ConversationRules, command: MergeContact) -> None:
    """``MergeContact``, at the home of the one that gives way."""
    contact = turn.get(CONTACT, command.contact)
    if contact is None:
        raise Refusal("not_found", "There is no such contact.")
    if command.settled:
        _point_straight(turn, contact, command.into)
        return
    _check_target(turn, command)
    if command.identity is not None and contact.merged_into is None and not _has(contact, command.identity):
        _follow(turn, rules, command, command.identity)
        return
    if contact.merged_into is not None:
        if contact.merged_into != command.into:
            _to(turn, rules, contact.merged_into, replace(command, id=None, contact=contact.merged_into), merge)
        return
    if contact.id == command.into or has_absorbed(contact, command.into):
        return
    link = Link(turn.at, "merged", command.by, command.why, contact=command.into)
    gone = linked(replace(contact, merged_into=command.into), link)
    turn.put(CONTACT, contact.id, gone)
    tell_of(turn, contact, ContactUpdated, command.id, person=gone, by=command.by)
    request = AbsorbContact(
        into=command.into, contact=contact, why=command.why, linked_by=command.linked_by, by=command.by
    )
    _to(turn, rules, command.into, request, absorb)


def absorb(turn: Turn, rules: ConversationRules, command: AbsorbContact) -> None:
    """``AbsorbContact``, at the home of the one that stays."""
    winner = turn.get(CONTACT, command.into)
    loser = command.contact
    if winner is None:
        _refuse(turn, rules, command, None, "there is no such contact")
    elif winner.id == loser.id:
        _came_round(turn, rules, command, winner)
    elif winner.merged_into is not None:
        onward = replace(command, into=winner.merged_into, through=(*command.through, winner.id))
        _to(turn, rules, winner.merged_into, onward, absorb)
    elif strangers(winner.claims, loser.claims):
        _refuse(turn, rules, command, winner, STRANGERS)
    else:
        _take_over(turn, command, winner)
        if command.through:
            straight = MergeContact(contact=loser.id, into=winner.id, why=command.why, by=command.by, settled=True)
            _to(turn, rules, loser.id, straight, merge)


def refuse_merge(turn: Turn, rules: ConversationRules, command: RefuseMerge) -> None:
    """``RefuseMerge``: the contact stays itself, and remembers."""
    contact = turn.get(CONTACT, command.contact)
    if contact is not None and contact.merged_into is not None:
        _stay(turn, contact, command.into, command.why, command.by)


def _to(
    turn: Turn, rules: ConversationRules, contact: str, command: T, rule: Callable[[Turn, ConversationRules, T], None]
) -> None:
    """To the contact's home; when that is here, at once, so that nothing comes between."""
    if is_here(turn, contact):
        rule(turn, rules, command)
    else:
        turn.tell(home_of(contact), command)


def _check_target(turn: Turn, command: MergeContact) -> None:
    try:
        exists = shard_of(command.into) < turn.shards
    except IdError as error:
        raise Refusal("invalid", str(error)) from None
    if command.into == command.contact:
        raise Refusal("invalid", "A contact cannot be merged into itself.")
    if not exists or (is_here(turn, command.into) and turn.get(CONTACT, command.into) is None):
        raise Refusal("not_found", "There is no contact to merge into.")


def _point_straight(turn: Turn, contact: Contact, into: str) -> None:
    """Those in between may yet turn out not to be merged; who took this contact over is certain."""
    if contact.merged_into not in (None, into):
        turn.put(CONTACT, contact.id, replace(contact, merged_into=into))


def _follow(turn: Turn, rules: ConversationRules, command: MergeContact, identity: str) -> None:
    """The identity that is the reason is not here any more: whoever it went to is meant, and nobody else."""
    moved = turn.get(MOVED, identity)
    if moved is not None and moved.contact not in (command.contact, command.into):
        onward = replace(command, id=None, contact=moved.contact, identity=None)
        _to(turn, rules, moved.contact, onward, merge)


def _has(contact: Contact, identity: str) -> bool:
    return any(each.key == identity for each in contact.identities)


def _take_over(turn: Turn, command: AbsorbContact, winner: Contact) -> None:
    loser = command.contact
    gained = _gained(winner, command)
    link = Link(turn.at, "absorbed", command.by, command.why, contact=loser.id)
    merged = replace(
        winner,
        name=winner.name or loser.name,
        language=winner.language or loser.language,
        claims=merged_claims(winner.claims, loser.claims),
        profile=merged_profile(winner.profile, loser.profile),
        identities=(*winner.identities, *gained),
        conversations=listed(winner, *loser.conversations, first=True),
        agents=joined(loser.agents, winner.agents)[-AGENTS:],
        tags=joined(winner.tags, loser.tags),
        attributes={**loser.attributes, **winner.attributes},
        links=(*loser.links, *winner.links, link)[-LINKS:],
    )
    turn.put(CONTACT, winner.id, merged)
    tell_of(turn, winner, ContactMerged, merged=loser.id, why=command.why, by=command.by)
    for identity in gained:
        tell_of(turn, winner, IdentityLinked, identity=identity, why=command.why, by=command.by)
        turn.drop(MOVED, identity.key)
        repoint(turn, identity, loser.id)


def _gained(winner: Contact, command: AbsorbContact) -> list[Identity]:
    known = {each.key for each in winner.identities}
    new = [each for each in command.contact.identities if each.key not in known]
    return [replace(each, contact=winner.id, linked_by=command.linked_by) for each in new]


def _refuse(turn: Turn, rules: ConversationRules, command: AbsorbContact, winner: Contact | None, why: str) -> None:
    """Both stay themselves. What came here already under the other's name goes back."""
    loser = command.contact
    refusal = RefuseMerge(contact=loser.id, into=command.into, why=why, by=command.by)
    _to(turn, rules, loser.id, refusal, refuse_merge)
    theirs = {each.key: each for each in loser.identities}
    for key in theirs:
        turn.put(MOVED, key, Moved(loser.id))
    if winner is None:
        return
    both = [theirs[each.key] for each in winner.identities if each.key in theirs]
    rest = tuple(each for each in winner.identities if each.key not in theirs)
    link = Link(turn.at, "refused", command.by, f"{command.why}; {why}", contact=loser.id)
    turn.put(CONTACT, winner.id, linked(replace(winner, identities=rest), link))
    for identity in both:
        repoint(turn, identity, winner.id)


def _came_round(turn: Turn, rules: ConversationRules, command: AbsorbContact, contact: Contact) -> None:
    """Everybody it was passed on by was merged in turn, and so it came back: a ring. It breaks here when this contact
    had taken over one of the others before, and the others are then asked to follow; or else at the ring's least id;
    the rest goes round again to find it."""
    ring = command.through
    if contact.merged_into is None:
        return
    holds = any(has_absorbed(contact, other) for other in ring)
    if not holds and contact.id >= min(ring, default="~") and len(ring) < MOST_ROUND:
        onward = replace(command, into=contact.merged_into, through=(*ring, contact.id))
        _to(turn, rules, contact.merged_into, onward, absorb)
        return
    _stay(turn, contact, contact.merged_into, "they were merged the other way round", command.by)
    for other in dict.fromkeys(ring) if holds else ():
        if other != contact.id and not has_absorbed(contact, other):
            follow = MergeContact(contact=other, into=contact.id, why=command.why, by=command.by)
            turn.tell(home_of(other), follow)


def _stay(turn: Turn, contact: Contact, into: str, why: str, by: str) -> None:
    link = Link(turn.at, "refused", by, why, contact=into)
    stays = linked(replace(contact, merged_into=None), link)
    turn.put(CONTACT, contact.id, stays)
    tell_of(turn, contact, ContactUpdated, person=stays, by=by)
