"""Finding the message that an edit, an unsend, a reaction or a receipt is about."""

from __future__ import annotations

from contracts.contact import Contact
from contracts.message import Message
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.listing import home_of, is_here
from router.domain.conversation.tables import MESSAGE, TRACE


def message_here(arrival: Arrival, key: str) -> Message | None:
    """The message with this id, or whose provider calls it so, if this shard has it."""
    turn = arrival.turn
    found = turn.get(MESSAGE, key)
    if found is not None:
        return found
    trace = turn.get(TRACE, key)
    return turn.get(MESSAGE, trace.message) if trace is not None and trace.message is not None else None


def pass_on(arrival: Arrival, contact: Contact) -> None:
    """A message that is not here may be in a shard where the contact has conversations since before a merge: each such
    shard is told once, and drops what is not for it."""
    if arrival.final:
        return
    newest: dict[str, str] = {}
    for ref in contact.conversations:
        if not is_here(arrival.turn, ref.id):
            newest[home_of(ref.id)] = ref.id
    for conversation in newest.values():
        arrival.relay(conversation)
