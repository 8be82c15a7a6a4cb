"""``InboundIdentity``: news of the person behind an identity."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import LinkIdentity
from contracts.contact import Contact
from contracts.conversation import Conversation, Reach
from contracts.identity import Identity
from router.domain.conversation import link, person
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE, is_here
from router.domain.conversation.tables import CONVERSATION, REPLY, ReplyNote


def identity(arrival: Arrival, contact: Contact) -> None:
    """Followed, blocked, renamed, proved ...: into the contact; and a fresh reply token to where it is of use."""
    event = arrival.event
    known = arrival.identity_in(contact)
    if known is not None:
        fresh = person.informed(known, event.sender)
        if event.reachable is not None:
            fresh = replace(fresh, reachable=event.reachable)
        if fresh != known:
            person.changed(arrival.turn, contact, known, fresh, event.reason or _reason(known, fresh))
    if event.reply is not None:
        _keep_reply(arrival, contact)
    if event.became is not None and known is not None:
        _moved(arrival, contact, known)


def _moved(arrival: Arrival, contact: Contact, known: Identity) -> None:
    """The channel has given them another address: it is theirs too, and answers go there."""
    turn, address = arrival.turn, arrival.event.became
    identity = replace(known, address=address, reachable=True)
    link.link_identity(turn, arrival.rules, LinkIdentity(contact=contact.id, identity=identity, why="another address"))
    for ref in contact.conversations:
        conversation = turn.get(CONVERSATION, ref.id) if ref.status in LIVE and is_here(turn, ref.id) else None
        if conversation is not None:
            reaches = (
                replace(each, address=address) if _same(arrival, each) else each for each in conversation.reaches
            )
            Draft(turn, conversation, arrival.command.id).save(reaches=tuple(reaches))


def _keep_reply(arrival: Arrival, contact: Contact) -> None:
    turn = arrival.turn
    turn.put(REPLY, arrival.key, ReplyNote(arrival.event.reply, arrival.at))
    for ref in contact.conversations:
        conversation = turn.get(CONVERSATION, ref.id) if ref.status in LIVE and is_here(turn, ref.id) else None
        if conversation is not None:
            _renew(arrival, conversation)


def _renew(arrival: Arrival, conversation: Conversation) -> None:
    reaches = tuple(
        replace(reach, reply=arrival.event.reply) if _same(arrival, reach) else reach for reach in conversation.reaches
    )
    if reaches != conversation.reaches:
        Draft(arrival.turn, conversation, arrival.command.id).save(reaches=reaches)


def _same(arrival: Arrival, reach: Reach) -> bool:
    command = arrival.command
    place = (reach.channel, reach.account, reach.address)
    return place == (command.channel, command.account, arrival.event.sender.address)


def _reason(old: Identity, new: Identity) -> str | None:
    if old.reachable == new.reachable:
        return None
    return "reachable" if new.reachable else "unreachable"
