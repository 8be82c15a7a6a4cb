"""The context: the whole customer at the moment the work arrives. Pure, and used by the API with values it loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from contracts.contact import Contact
from contracts.conversation import Context, Conversation
from contracts.message import Message
from contracts.reply import Way
from router.domain.conversation import permit
from router.domain.conversation.listing import is_here, joined
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import AGENTS, CONTACT, CONVERSATION, MESSAGE, TAIL
from router.domain.reply.ways import ways_of
from router.domain.turn import Turn


def build(
    contact: Contact, conversation: Conversation, messages: Iterable[Message], ways: tuple[Way, ...] = ()
) -> Context:
    """A context from loaded values. ``messages``: any of the contact's, in any order; the latest are kept."""
    ordered = sorted(messages, key=_order)[-TAIL:]
    return Context(
        contact=contact,
        messages=tuple(ordered),
        others=tuple(ref for ref in contact.conversations if ref.id != conversation.id),
        agents=joined(contact.agents, conversation.agents)[-AGENTS:],
        waiting_since=conversation.waiting_since,
        tags=joined(contact.tags, conversation.tags),
        attributes={**contact.attributes, **conversation.attributes},
        sla=conversation.sla,
        summary=conversation.summary,
        ways=ways,
    )


def wanted(conversation: Conversation, contact: Contact, load: Callable[[str], Conversation | None]) -> list[str]:
    """The ids of the messages that a context needs: this conversation's latest, then those of earlier ones, newest
    conversation first, until there are enough. ``load`` may give None for what is not at hand."""
    found = list(conversation.tail)
    for ref in reversed(contact.conversations):
        if len(found) >= TAIL:
            break
        if ref.id != conversation.id and (earlier := load(ref.id)) is not None:
            found += earlier.tail
    return found


def of(turn: Turn, rules: ConversationRules, conversation: Conversation) -> Context:
    """The context as this shard knows it. What the contact said in another shard (after a merge) is listed in
    ``others``; its messages are read by the API."""
    contact = turn.get(CONTACT, conversation.contact)
    if contact is None:
        contact = Contact(id=conversation.contact, created_at=conversation.opened_at)
    ids = wanted(conversation, contact, lambda id: turn.get(CONVERSATION, id) if is_here(turn, id) else None)
    messages = (turn.get(MESSAGE, id) for id in ids)
    known = [message for message in messages if message is not None]
    ways = ways_of(rules.reply, contact, permit.reaches(turn, contact, conversation), turn.at)
    return build(contact, conversation, known, ways if rules.reply.channels else ())


def _order(message: Message) -> tuple[float, str, int]:
    return (message.at.timestamp(), message.conversation, message.seq)
