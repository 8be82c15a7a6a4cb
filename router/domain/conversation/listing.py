"""The contact's list of conversations: where each lives and how it stands. And short lists in general."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from contracts.commands import NoteConversation
from contracts.contact import Contact, ConversationRef
from contracts.conversation import Conversation
from contracts.ids import shard_of
from contracts.streams import conversation_shard
from router.domain.conversation.tables import AGENTS, CONTACT, CONVERSATIONS, REFERENCES
from router.domain.turn import Reader, Turn

T = TypeVar("T")

LIVE = frozenset({"open", "waiting", "snoozed"})
"""Statuses in which a conversation takes messages without being reopened."""


def home_of(id: str) -> str:
    """The shard that a contact or conversation id names, for example ``c:07``."""
    return conversation_shard(shard_of(id))


def is_here(turn: Reader, id: str) -> bool:
    """Whether a contact or conversation lives in this shard."""
    return id.partition("_")[2].partition("_")[0] == turn.shard[2:]


def note(turn: Turn, conversation: Conversation, left: str | None) -> None:
    """Brings the contact's list up to date; ``left``: the agent who no longer has the conversation."""
    contact = turn.get(CONTACT, conversation.contact)
    if contact is None:
        return
    ref = ref_of(conversation, turn.at)
    agents = latest(contact.agents, left) if left else contact.agents
    turn.put(CONTACT, contact.id, replace(contact, conversations=listed(contact, ref), agents=agents))
    if contact.merged_into is not None:
        turn.tell(home_of(contact.merged_into), NoteConversation(contact=contact.merged_into, ref=ref))


def ref_of(conversation: Conversation, at: datetime) -> ConversationRef:
    """How the conversation stands since ``at``."""
    return ConversationRef(
        id=conversation.id,
        status=conversation.status,
        subject=conversation.subject,
        opened_at=conversation.opened_at,
        last_at=at,
        agent=conversation.agent,
        key=conversation.key,
    )


def listed(contact: Contact, *refs: ConversationRef, first: bool = False) -> tuple[ConversationRef, ...]:
    """The contact's list with these in it: what it has in place, the others last (or ``first``). The later in the list,
    the sooner a message joins it. Over the limit those go first that are over, and of these the oldest."""
    known = {ref.id: ref for ref in contact.conversations}
    new = {ref.id: ref for ref in refs if ref.id not in known}
    known.update((ref.id, ref) for ref in refs if ref.id in known)
    merged = {**new, **known} if first else {**known, **new}
    while len(merged) > CONVERSATIONS:
        del merged[min(merged.values(), key=_worth).id]
    return tuple(merged.values())


def preferred(contact: Contact, conversation: str) -> tuple[ConversationRef, ...]:
    """The contact's list with this conversation last: messages join it rather than others that are live."""
    refs = contact.conversations
    return (*(ref for ref in refs if ref.id != conversation), *(ref for ref in refs if ref.id == conversation))


def note_elsewhere(turn: Turn, command: NoteConversation) -> None:
    """``NoteConversation``: a conversation in another shard changed."""
    contact = turn.get(CONTACT, command.contact)
    if contact is None:
        return
    if contact.merged_into is not None:
        onward = replace(command, contact=contact.merged_into)
        turn.tell(home_of(contact.merged_into), onward)
        return
    left = next((ref.agent for ref in contact.conversations if ref.id == command.ref.id), None)
    agents = latest(contact.agents, left) if left and left != command.ref.agent else contact.agents
    turn.put(CONTACT, contact.id, replace(contact, conversations=listed(contact, command.ref), agents=agents))


def latest(values: tuple[T, ...], value: T, most: int = AGENTS) -> tuple[T, ...]:
    """The values with this one last, each once, the oldest dropped."""
    return (*(other for other in values if other != value), value)[-most:]


def bounded(references: tuple[str, ...]) -> tuple[str, ...]:
    """Long threads keep their first reference and the last ones."""
    return references if len(references) <= REFERENCES + 1 else (references[0], *references[-REFERENCES:])


def joined(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    """Both, in order, each value once."""
    return tuple(dict.fromkeys((*first, *second)))


def _worth(ref: ConversationRef) -> tuple[bool, float, str]:
    return (ref.status in LIVE, ref.opened_at.timestamp() if ref.opened_at else 0.0, ref.id)
