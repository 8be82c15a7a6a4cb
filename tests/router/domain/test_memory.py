"""The in-memory engine keeps the promises that rules rely on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from contracts.commands import SetPriority, TimerDue
from contracts.events import CommandDone, ConversationPriorityChanged
from router.domain.turn import Reader, Refusal, Table, Turn
from tests.router.domain.memory import MemoryStore


class Count(msgspec.Struct, frozen=True):
    n: int


COUNT = Table("count", Count)


class Counting:
    """Counts what it is told; passes it on to the next shard while the priority lasts."""

    tables: Sequence[Table[Any]] = (COUNT,)

    def load(self, shard: str, shards: int, rows: dict[str, dict[str, Any]]) -> None: ...

    def needs(self, reader: Reader, command: Any) -> None: ...

    def handle(self, turn: Turn, command: Any) -> None:
        if isinstance(command, TimerDue):
            turn.put(COUNT, command.timer, Count(-1))
            return
        before = turn.get(COUNT, command.conversation)
        turn.put(COUNT, command.conversation, Count((before.n if before else 0) + 1))
        turn.emit(ConversationPriorityChanged(id=turn.event_id(), at=turn.at, priority=command.priority))
        if command.priority < 0:
            raise Refusal("conflict", "No.")
        if command.priority:
            turn.tell("c:01", SetPriority(conversation="x", priority=command.priority - 1))
            turn.timer("later", turn.at_ms + 1000)

    def resume(self) -> Iterable[object]:
        return ()


def make() -> MemoryStore:
    return MemoryStore(lambda name: Counting() if name.startswith("c") else None, shards=2)


def test_relays_commit_and_replay_alike() -> None:
    store = make()
    store.submit("c:00", SetPriority(conversation="x", priority=2))
    store.settle()
    assert store["c:00"].get(COUNT, "x") == Count(1)
    assert store["c:01"].get(COUNT, "x") == Count(2)
    assert [event.priority for event in store.events(kind=ConversationPriorityChanged)] == [2, 1, 0]
    assert store.replay("c:01") == store["c:01"].events


def test_a_refusal_leaves_nothing_but_its_outcome_and_an_id_is_carried_out_once() -> None:
    store = make()
    for _ in range(2):
        store.submit("c:00", SetPriority(id="cm_1", conversation="x", priority=-1))
    store.settle()
    assert store.rows(COUNT) == {}
    (done,) = store.events(kind=CommandDone)
    assert done.problem is not None and done.problem.kind == "conflict"


def test_timers_come_due_once() -> None:
    store = make()
    store.submit("c:00", SetPriority(conversation="x", priority=1))
    store.settle()
    store.advance(seconds=0.999)
    assert store["c:00"].get(COUNT, "later") is None
    store.advance(seconds=5)
    assert store["c:00"].get(COUNT, "later") == Count(-1)
    assert store["c:00"].timers == {}


def test_strict_raises_what_would_be_a_dead_letter() -> None:
    store = make()
    store.submit("c:00", TimerDue(timer="never set", due=1))
    store.settle()
    store.submit("c:00", SetPriority(conversation="x", priority="high"))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="priority"):
        store.settle()
