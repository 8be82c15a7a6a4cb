"""A toy handler: counts per conversation, emits numbered events, and tells other shards. For tests of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from contracts.codec import milliseconds
from contracts.commands import AddNote, Receive, SetPriority, SetStatus, TagConversation, TimerDue
from contracts.events import ConversationPriorityChanged, ConversationStatusChanged
from router.domain.turn import Reader, Refusal, Table, Turn


class Count(msgspec.Struct, frozen=True):
    seq: int


COUNT: Final = Table("count", Count)
LISTED: Final = Table("listed", Count, preload=True)


class ToyHandler:
    """SetPriority counts; a priority of 13 raises, of 14 refuses. TagConversation(add=(shard, ...)) tells each shard.
    SetStatus(until) sets a timer that counts."""

    tables = (COUNT, LISTED)

    def load(self, shard: str, shards: int, rows: dict[str, dict[str, Any]]) -> None:
        self.loads = getattr(self, "loads", 0) + 1

    def needs(self, reader: Reader, command: Any) -> None:
        reader.get(COUNT, getattr(command, "conversation", "timer"))

    def handle(self, turn: Turn, command: Any) -> None:
        match command:
            case SetPriority(conversation=conversation, priority=priority):
                self._count(turn, conversation, priority)
            case TagConversation(conversation=conversation, add=shards):
                for shard in shards:
                    turn.tell(shard, SetPriority(conversation=conversation, priority=1))
            case SetStatus(conversation=conversation, until=until) if until is not None:
                turn.timer(f"t:{conversation}", milliseconds(until))
            case TimerDue(timer=timer):
                self._count(turn, timer.removeprefix("t:"), 99)
            case AddNote(conversation=conversation):
                event = turn.event_id()
                turn.emit(
                    ConversationStatusChanged(
                        id=event, at=turn.at, conversation=conversation, status="open", previous="closed"
                    )
                )
                turn.after(("noted", conversation))
            case Receive():
                raise AssertionError("not of this toy")

    def _count(self, turn: Turn, conversation: str, priority: int) -> None:
        if priority == 13:
            raise ValueError("unlucky")
        if priority == 14:
            raise Refusal("conflict", "not that one")
        seq = (turn.get(COUNT, conversation) or Count(0)).seq + 1
        turn.put(COUNT, conversation, Count(seq))
        turn.put(LISTED, conversation, Count(seq))
        turn.result["seq"] = str(seq)
        turn.emit(
            ConversationPriorityChanged(
                id=turn.event_id(), at=turn.at, conversation=conversation, seq=seq, priority=priority
            )
        )

    def resume(self) -> Iterable[object]:
        return ()
