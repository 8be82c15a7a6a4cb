"""Which contact an identity belongs to, in the identity's own shard."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import Detour, RepointIdentity
from contracts.contact import Link
from contracts.events import IdentityUnlinked
from contracts.identity import Identity
from contracts.ids import identity_key, shard_for
from contracts.streams import conversation_shard
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.person import has_absorbed, linked, tell_of
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, IDENTITY, MOVED, UNDERWAY, Moved
from router.domain.turn import Turn


def shard_of_identity(turn: Turn, key: str) -> str:
    """The shard in which an identity's pointer lives."""
    return conversation_shard(shard_for(key, turn.shards))


def repoint(
    turn: Turn,
    identity: Identity,
    former: str | None,
    by: str = "system",
    settles: bool = False,
    detour: Detour | None = None,
) -> None:
    """Tells the identity's shard whose it is from now on, at once when that is here. ``former``: only while it points
    there (None: in any case). ``settles``: a hand-over of it is decided. ``detour``: this has arrived."""
    command = RepointIdentity(
        channel=identity.channel,
        account=identity.account,
        address=identity.address,
        contact=identity.contact,
        linked_by=identity.linked_by,
        former=former,
        settles=settles,
        by=by,
        detour=detour,
    )
    shard = shard_of_identity(turn, identity.key)
    if shard == turn.shard:
        _point(turn, command, identity.key)
    else:
        turn.tell(shard, command)


def repoint_identity(turn: Turn, rules: ConversationRules, command: RepointIdentity) -> None:
    """``RepointIdentity``, at the identity's shard, and at the home of the contact that had it until now."""
    key = identity_key(command.channel, command.account, command.address)
    if command.previous is not None:
        _let_go(turn, command, key, command.previous)
    else:
        _point(turn, command, key)


def _point(turn: Turn, command: RepointIdentity, key: str) -> None:
    """The pointer is the one truth about whose an identity is; who comes too late is told."""
    pointer = turn.get(IDENTITY, key)
    if pointer is None:
        pointer = Identity(command.channel, command.account, command.address, command.contact, created_at=turn.at)
    row = turn.get(UNDERWAY, key)
    if row is not None and command.detour is not None and row.entry != command.detour.entry:
        # More was sent the same way, and must not be overtaken by what comes next: it will say so when it arrives.
        return
    under_way = row is not None
    if under_way and (command.settles or command.former is None):
        turn.drop(UNDERWAY, key)
        under_way = False
    now = pointer.contact
    if command.former in (None, now) or now == command.contact:
        turn.put(IDENTITY, key, replace(pointer, contact=command.contact, linked_by=command.linked_by))
        if now != command.contact and command.linked_by == "agent":
            _tell_former(turn, command, key, now)
    elif not under_way:
        late = replace(command, contact=now, former=None, settles=False, detour=None)
        _tell_former(turn, late, key, command.contact)


def _tell_former(turn: Turn, command: RepointIdentity, key: str, former: str) -> None:
    if is_here(turn, former):
        _let_go(turn, command, key, former)
    else:
        turn.tell(home_of(former), replace(command, previous=former))


def _let_go(turn: Turn, command: RepointIdentity, key: str, former: str) -> None:
    """The identity is somebody else's: it leaves the list it was on. (Unless that somebody was merged into this very
    contact: then it is the pointer that is behind.)"""
    contact = turn.get(CONTACT, former)
    if contact is None or former == command.contact:
        return
    if contact.merged_into is not None:
        turn.tell(home_of(contact.merged_into), replace(command, previous=contact.merged_into))
        return
    identity = next((each for each in contact.identities if each.key == key), None)
    if identity is None:
        return
    if has_absorbed(contact, command.contact):
        repoint(turn, identity, command.contact)
        return
    link = Link(turn.at, "unlinked", command.by, "linked to another contact", key, command.contact)
    rest = tuple(each for each in contact.identities if each is not identity)
    turn.put(CONTACT, former, linked(replace(contact, identities=rest), link))
    turn.put(MOVED, key, Moved(command.contact))
    tell_of(turn, contact, IdentityUnlinked, identity=identity, why=link.why, by=command.by)
