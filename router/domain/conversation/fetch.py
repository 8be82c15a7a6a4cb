"""Media are fetched apart from their message, and never at its cost."""

from __future__ import annotations

from contracts.content import attachments_of
from contracts.message import Message
from router.domain.conversation.tables import FETCH, MediaFetch
from router.domain.effects import Fetch
from router.domain.turn import Turn


def fetch(turn: Turn, message: Message) -> None:
    """Asks for every attachment that the provider still has to give us."""
    for attachment in attachments_of(message.parts):
        if attachment.source is None or attachment.state != "pending":
            continue
        row = MediaFetch(attachment.id, message.id, message.conversation, message.channel, message.account)
        turn.put(FETCH, attachment.id, row)
        turn.after(effect(row))


def effect(row: MediaFetch) -> Fetch:
    """What the shell is asked to do for a row."""
    return Fetch(row.attachment, row.message, row.conversation, row.channel, row.account)
