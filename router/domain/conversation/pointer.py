"""Which contact an identity belongs to, in the identity's own shard."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import RepointIdentity
from contracts.contact import Link
from contracts.events import IdentityUnlinked
from contracts.identity import Identity
from contracts.ids import identity_key, shard_for
from contracts.streams import conversation_shard
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.person import linked, tell_of
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, IDENTITY, MOVED, Moved
from router.domain.turn import Turn


def shard_of_identity(turn: Turn, key: str) -> str:
    """The shard in which an identity's pointer lives."""
    return conversation_shard(shard_for(key, turn.shards))


def repoint(turn: Turn, identity: Identity, by: str = "system") -> None:
    """Tells the identity's shard whose it is from now on; at once when that is here."""
    command = RepointIdentity(
        channel=identity.channel,
        account=identity.account,
        address=identity.address,
        contact=identity.contact,
        linked_by=identity.linked_by,
        by=by,
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
    pointer = turn.get(IDENTITY, key)
    if pointer is None:
        pointer = Identity(command.channel, command.account, command.address, command.contact, created_at=turn.at)
    former = pointer.contact
    turn.put(IDENTITY, key, replace(pointer, contact=command.contact, linked_by=command.linked_by))
    if former != command.contact and command.linked_by == "agent":
        if is_here(turn, former):
            _let_go(turn, command, key, former)
        else:
            turn.tell(home_of(former), replace(command, previous=former))


def _let_go(turn: Turn, command: RepointIdentity, key: str, former: str) -> None:
    """An agent linked the identity to somebody else: it leaves the list it was on."""
    contact = turn.get(CONTACT, former)
    if contact is None or former == command.contact:
        return
    if contact.merged_into is not None:
        into = contact.merged_into
        if is_here(turn, into):
            _let_go(turn, command, key, into)
        else:
            turn.tell(home_of(into), replace(command, previous=into))
        return
    identity = next((each for each in contact.identities if each.key == key), None)
    if identity is None:
        return
    link = Link(turn.at, "unlinked", command.by, "linked to another contact", key, command.contact)
    rest = tuple(each for each in contact.identities if each is not identity)
    turn.put(CONTACT, former, linked(replace(contact, identities=rest), link))
    turn.put(MOVED, key, Moved(command.contact))
    tell_of(turn, contact, IdentityUnlinked, identity=identity, why=link.why, by=command.by)
