"""Attachments that were fetched after their message."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from contracts.attachment import Attachment
from contracts.commands import AttachmentFetched
from contracts.content import Call
from contracts.events import AttachmentChanged
from router.domain.conversation.draft import Draft
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION, FETCH, MESSAGE
from router.domain.turn import Turn


def fetched(turn: Turn, rules: ConversationRules, command: AttachmentFetched) -> None:
    """``AttachmentFetched``: ready, or failed; the message itself is unharmed. After an unsend it is forgotten."""
    attachment = command.attachment
    turn.drop(FETCH, attachment.id)
    message = turn.get(MESSAGE, command.message)
    conversation = turn.get(CONVERSATION, command.conversation)
    if message is None or conversation is None:
        return
    parts = tuple(_with(part, attachment) for part in message.parts)
    if parts == message.parts:
        return
    turn.put(MESSAGE, message.id, replace(message, parts=parts))
    draft = Draft(turn, conversation, command.id)
    draft.emit(AttachmentChanged, message_id=message.id, attachment=attachment)
    draft.save()


def _with(part: Any, attachment: Attachment) -> Any:
    field = "recording" if type(part) is Call else "attachment"
    held = getattr(part, field, None)
    return replace(part, **{field: attachment}) if held is not None and held.id == attachment.id else part
