"""A dispatch shard without a store: rows, timers and a clock, driven as fast as the rules go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, TypeVar

import msgspec

from contracts.agent import AgentState
from contracts.codec import moment
from contracts.commands import TimerDue
from contracts.decision import Decision
from contracts.ids import entry_suffix
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS, DECISIONS, WORK
from router.domain.dispatch.work import Work
from router.domain.turn import Refusal, Table

T = TypeVar("T")

START_MS = 1_800_000_000_000


class WorldTurn:
    """Keeps what the rules write until the command is over."""

    shard = "d:main"
    shards = 16
    sender: str | None = None

    def __init__(self, world: World, entry: str, at_ms: int) -> None:
        self._world = world
        self.entry, self.at_ms = entry, at_ms
        self.at: datetime = moment(at_ms)
        self.result: dict[str, str] = {}
        self.puts: dict[tuple[str, str], Any] = {}
        self.timers: dict[str, int | None] = {}
        self.decisions: list[Decision] = []
        self._ids = 0

    def get(self, table: Table[T], id: str) -> T | None:
        key = (table.name, id)
        found: T | None = self.puts[key] if key in self.puts else self._world.rows.get(table.name, {}).get(id)
        return found

    def new_id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}_main_{entry_suffix(self.entry, self._ids)}"

    def event_id(self) -> str:
        return ""

    def put(self, table: Table[T], id: str, value: T) -> None:
        if table is DECISIONS:
            self.decisions.append(value)  # type: ignore[arg-type]
        else:
            self.puts[table.name, id] = value

    def drop(self, table: Table[Any], id: str) -> None:
        self.puts[table.name, id] = None

    def push(self, name: str, id: str, item: str) -> None: ...

    def index(self, name: str, member: str, score: int) -> None: ...

    def unindex(self, name: str, member: str) -> None: ...

    def emit(self, event: msgspec.Struct) -> None: ...

    def tell(self, shard: str, command: msgspec.Struct) -> None: ...

    def timer(self, key: str, at_ms: int) -> None:
        self.timers[key] = at_ms

    def clear_timer(self, key: str) -> None:
        self.timers[key] = None

    def after(self, effect: object) -> None: ...


@dataclass
class Step:
    """One command and what it changed: rows before and after, by id; None where there was or is none."""

    command: Any
    entry: str
    at_ms: int
    refused: bool
    agents: dict[str, tuple[AgentState | None, AgentState | None]] = field(default_factory=dict)
    work: dict[str, tuple[Work | None, Work | None]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)


class World:
    """The shard, its rows and its timers."""

    def __init__(self) -> None:
        self.handler = DispatchHandler()
        self.agents: dict[str, AgentState] = {}
        self.work: dict[str, Work] = {}
        self.rows: dict[str, dict[str, Any]] = {AGENTS.name: self.agents, WORK.name: self.work}
        self.timers: dict[str, int] = {}
        self.now_ms = START_MS
        self._due: list[tuple[int, str]] = []
        self._last = (0, 0)

    def due(self) -> TimerDue | None:
        """The next timer that is due by now; None when there is none."""
        while self._due and self._due[0][0] <= self.now_ms:
            at_ms, key = heappop(self._due)
            if self.timers.get(key) == at_ms:
                del self.timers[key]
                return TimerDue(timer=key, due=at_ms)
        return None

    def do(self, command: Any) -> Step:
        entry, at_ms = self._entry()
        turn = WorldTurn(self, entry, at_ms)
        try:
            self.handler.handle(turn, command)
        except Refusal:
            assert not turn.puts and not turn.timers, "what is refused changes nothing"
            return Step(command, entry, at_ms, True)
        step = Step(command, entry, at_ms, False, decisions=turn.decisions)
        changes: dict[str, dict[str, Any]] = {AGENTS.name: step.agents, WORK.name: step.work}
        for (table, id), value in turn.puts.items():
            kept = self.rows.setdefault(table, {})
            if table in changes:
                changes[table][id] = (kept.get(id), value)
            if value is None:
                kept.pop(id, None)
            else:
                kept[id] = value
        self._time(turn.timers)
        return step

    def reload(self) -> DispatchHandler:
        """What a new owner would have."""
        handler = DispatchHandler()
        handler.load("d:main", 16, {name: dict(rows) for name, rows in self.rows.items()})
        return handler

    def _time(self, timers: dict[str, int | None]) -> None:
        for key, at_ms in timers.items():
            if at_ms is None:
                self.timers.pop(key, None)
            else:
                self.timers[key] = at_ms
                heappush(self._due, (at_ms, key))

    def _entry(self) -> tuple[str, int]:
        at_ms, number = self.now_ms, 0
        if at_ms <= self._last[0]:
            at_ms, number = self._last[0], self._last[1] + 1
        self._last = (at_ms, number)
        return f"{at_ms}-{number}", at_ms
