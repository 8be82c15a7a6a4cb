"""What became of an outbound message: its state only moves forward."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from contracts.events import (
    MessageDelivered,
    MessageFailed,
    MessageRead,
    MessageSending,
    MessageSent,
    MessageStateChanged,
    MessageUncertain,
)
from contracts.message import STATE_RANK, Message, MessageState, Problem
from router.domain.conversation.draft import Draft
from router.domain.conversation.tables import MESSAGE

_EVENTS: Final[dict[str, type[MessageStateChanged]]] = {
    "sending": MessageSending,
    "sent": MessageSent,
    "delivered": MessageDelivered,
    "read": MessageRead,
    "failed": MessageFailed,
    "uncertain": MessageUncertain,
}


def is_forward(old: str, new: str) -> bool:
    """Whether ``new`` may follow ``old``. Beyond the ranks: what was sent may still bounce, and stays so."""
    return STATE_RANK[new] > STATE_RANK[old] or (old == "sent" and new == "failed")


def move(
    draft: Draft, message: Message, state: MessageState, at: datetime, problem: Problem | None = None, **changes: Any
) -> Message:
    """Moves the message on, when that is forward, and says so; ``changes`` are written in any case."""
    forward = is_forward(message.state, state)
    if forward:
        changes.update(state=state, state_at=at, problem=problem)
    if not changes:
        return message
    message = replace(message, **changes)
    draft.turn.put(MESSAGE, message.id, message)
    if forward:
        draft.emit(
            _EVENTS[state],
            message_id=message.id,
            state=state,
            channel=message.channel,
            account=message.account,
            provider_id=message.provider_id,
            problem=problem,
            attempt=message.attempts or None,
        )
    return message
