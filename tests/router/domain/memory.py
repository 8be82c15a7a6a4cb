"""The shard engine in memory: the same promises as the real one, a stepping clock, and any order between shards.

Values, commands and events go through their bytes, as they would in a store. A value that was not loaded raises
``Missing`` and the rule is called again, so rules that keep something between calls are found out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from contracts.codec import decode, decode_command, decode_event, encode, moment
from contracts.commands import TimerDue
from contracts.events import CommandDone
from contracts.ids import entry_suffix, in_shard
from contracts.message import Problem
from contracts.streams import DISPATCH, conversation_shard
from router.domain.turn import Handler, Missing, Refusal, Table

T = TypeVar("T")

START_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""


@dataclass
class Entry:
    """One entry of a command stream."""

    id: str
    data: bytes
    sender: str | None = None


@dataclass
class MemoryShard:
    """One shard: its command log, state, events, timers and dead letters."""

    name: str
    handler: Handler
    shards: int
    log: list[Entry] = field(default_factory=list)
    cursor: int = 0
    state: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    cache: dict[tuple[str, str], Any] = field(default_factory=dict)
    lists: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    indexes: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    events: list[bytes] = field(default_factory=list)
    effects: list[object] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    done: dict[str, CommandDone] = field(default_factory=dict)
    dead: list[tuple[Entry, Exception]] = field(default_factory=list)
    loads: int = 0
    """How often a value was loaded (a round trip in the real engine, unless ``needs`` asked before)."""

    def append(self, at_ms: int, command: msgspec.Struct | bytes, sender: str | None = None) -> str:
        """Appends to the command stream: the entry id, rising within the shard."""
        number = 0
        if self.log:
            last_ms, last_number = map(int, self.log[-1].id.split("-"))
            at_ms, number = (last_ms, last_number + 1) if last_ms >= at_ms else (at_ms, 0)
        data = command if isinstance(command, bytes) else encode(command)
        self.log.append(Entry(f"{at_ms}-{number}", data, sender))
        return self.log[-1].id

    def get(self, table: Table[T], id: str) -> T | None:
        """The stored value, whatever is cached."""
        data = self.state[table.name].get(id)
        return None if data is None else decode(data, table.kind)

    def take_over(self) -> None:
        """What a new owner does: an empty cache, and the preloaded tables handed to the rules."""
        self.cache.clear()
        rows = {table.name: self._rows(table) for table in self.handler.tables if table.preload}
        self.handler.load(self.name, self.shards, rows)

    def _rows(self, table: Table[Any]) -> dict[str, Any]:
        return {id: decode(data, table.kind) for id, data in self.state[table.name].items()}


class MemoryTurn:
    """One command being carried out; nothing reaches the shard before :meth:`commit`."""

    def __init__(self, shard: MemoryShard, entry: Entry) -> None:
        self._shard = shard
        self.shard = shard.name
        self.shards = shard.shards
        self.entry = entry.id
        self.at_ms = int(entry.id.partition("-")[0])
        self.at: datetime = moment(self.at_ms)
        self.sender = entry.sender
        self.result: dict[str, str] = {}
        self.writes: dict[tuple[str, str], Any] = {}
        self.kinds: dict[str, Table[Any]] = {}
        self.told: list[tuple[str, bytes]] = []
        self.events: list[bytes] = []
        self.steps: list[Callable[[], None]] = []
        self._ids = 0
        self._event_ids = 0

    def get(self, table: Table[T], id: str) -> T | None:
        key = (table.name, id)
        if key in self.writes:
            return self.writes[key]  # type: ignore[no-any-return]
        if key in self._shard.cache:
            return self._shard.cache[key]  # type: ignore[no-any-return]
        if table.preload:
            return self._shard.get(table, id)
        raise Missing(table, id)

    def new_id(self, kind: str) -> str:
        suffix = entry_suffix(self.entry, self._ids)
        self._ids += 1
        place = self.shard.partition(":")[2]
        return in_shard(kind, int(place), suffix) if place.isdigit() else f"{kind}_{place}_{suffix}"

    def event_id(self) -> str:
        self._event_ids += 1
        return f"{self.shard}/{self.entry}/{self._event_ids}"

    def put(self, table: Table[T], id: str, value: T) -> None:
        assert isinstance(value, table.kind), f"{table.name} holds {table.kind.__name__}, not {type(value).__name__}"
        self.kinds[table.name] = table
        self.writes[table.name, id] = value

    def drop(self, table: Table[Any], id: str) -> None:
        self.writes[table.name, id] = None

    def push(self, name: str, id: str, item: str) -> None:
        self.steps.append(lambda: self._shard.lists[name, id].append(item))

    def index(self, name: str, member: str, score: int) -> None:
        self.steps.append(lambda: self._shard.indexes[name].__setitem__(member, score))

    def unindex(self, name: str, member: str) -> None:
        self.steps.append(lambda: _forget(self._shard.indexes[name], member))

    def emit(self, event: msgspec.Struct) -> None:
        self.events.append(encode(event))

    def tell(self, shard: str, command: msgspec.Struct) -> None:
        self.told.append((shard, encode(command)))

    def timer(self, key: str, at_ms: int) -> None:
        self.steps.append(lambda: self._shard.timers.__setitem__(key, at_ms))

    def clear_timer(self, key: str) -> None:
        self.steps.append(lambda: _forget(self._shard.timers, key))

    def after(self, effect: object) -> None:
        self.steps.append(lambda: self._shard.effects.append(effect))

    def commit(self) -> None:
        """Everything at once."""
        for (table, id), value in self.writes.items():
            self._write(table, id, value)
        for step in self.steps:
            step()
        self._shard.events += self.events

    def _write(self, table: str, id: str, value: Any) -> None:
        if value is None:
            self._shard.state[table].pop(id, None)
            self._shard.cache[table, id] = None
            return
        data = encode(value)
        self._shard.state[table][id] = data
        self._shard.cache[table, id] = decode(data, self.kinds[table].kind)


Chooser = Callable[[Sequence[str]], str]
"""Picks who goes next among what could: the name of a shard, or ``sender>receiver`` for a relay."""


def first(names: Sequence[str]) -> str:
    """The plainest order."""
    return names[0]


class MemoryStore:
    """Shards with a handler each, and the relay between them.

    ``make``: a new handler for a shard by its name. ``strict``: an exception of a rule is raised in the test instead
    of going to the dead letters. Only the dispatch shard may be left without a handler (then what it is told is kept in
    ``undelivered``).
    """

    def __init__(self, make: Callable[[str], Handler | None], shards: int = 4, strict: bool = True) -> None:
        self.now_ms = START_MS
        self.strict = strict
        self.make = make
        self.shards: dict[str, MemoryShard] = {}
        self.relays: dict[str, deque[tuple[str, str, bytes]]] = {}
        self.undelivered: list[tuple[str, Any]] = []
        for name in [*(conversation_shard(number) for number in range(shards)), DISPATCH]:
            handler = make(name)
            if handler is not None:
                self.shards[name] = MemoryShard(name, handler, shards)
                self.shards[name].take_over()

    def __getitem__(self, shard: str) -> MemoryShard:
        return self.shards[shard]

    def submit(self, shard: str, *commands: msgspec.Struct) -> str:
        """Appends commands at the present moment: the last entry's id."""
        return [self.shards[shard].append(self.now_ms, command) for command in commands][-1]

    def settle(self, choose: Chooser = first, limit: int = 100_000) -> None:
        """Runs until nothing is left to do, in the order that ``choose`` picks."""
        for _ in range(limit):
            names = self.ready()
            if not names:
                return
            self.step(choose(names))
        raise AssertionError("the shards keep telling each other things")

    def ready(self) -> list[str]:
        """The shards with commands to handle, and the relays with something to pass on."""
        waiting = [name for name, shard in self.shards.items() if shard.cursor < len(shard.log)]
        return waiting + [name for name, queue in self.relays.items() if queue]

    def step(self, name: str) -> None:
        """One command of a shard, or one entry of a relay."""
        if name in self.shards:
            self._handle(self.shards[name])
        else:
            sender, receiver, data = self.relays[name].popleft()
            self._deliver(sender, receiver, data)

    def advance(self, ms: int = 0, seconds: float = 0, choose: Chooser = first) -> None:
        """Moves the clock and handles the timers that come due, in order of time, each at its own moment."""
        until = self.now_ms + ms + round(seconds * 1000)
        while (due := self._next_timer(until)) is not None:
            at_ms, name, key = due
            self.now_ms = max(self.now_ms, at_ms)
            self.shards[name].append(self.now_ms, TimerDue(timer=key, due=at_ms))
            self.settle(choose)
        self.now_ms = until

    def restart(self, shard: str | None = None) -> list[object]:
        """A crash and a new owner: new handlers, cold caches; the effects that ``resume`` finds again."""
        effects: list[object] = []
        for name in [shard] if shard else list(self.shards):
            handler = self.make(name)
            assert handler is not None
            self.shards[name].handler = handler
            self.shards[name].take_over()
            effects += handler.resume()
        return effects

    def events(self, shard: str | None = None, kind: type[T] | None = None) -> list[T]:
        """The events so far (all shards, or one), of one kind if given, each decoded from its bytes."""
        found = [decode_event(data) for name in self._names(shard) for data in self.shards[name].events]
        return [event for event in found if kind is None or isinstance(event, kind)]

    def effects(self, kind: type[T]) -> list[T]:
        """The effects of a kind asked for since the last call; all other kinds stay."""
        taken: list[T] = []
        for shard in self.shards.values():
            taken += [effect for effect in shard.effects if isinstance(effect, kind)]
            shard.effects = [effect for effect in shard.effects if not isinstance(effect, kind)]
        return taken

    def rows(self, table: Table[T], shard: str | None = None) -> dict[str, T]:
        """All values of a table over the shards."""
        return {
            id: decode(data, table.kind)
            for name in self._names(shard)
            for id, data in self.shards[name].state[table.name].items()
        }

    def outcome(self, command: str) -> CommandDone:
        """What became of an API command."""
        return next(shard.done[command] for shard in self.shards.values() if command in shard.done)

    def replay(self, shard: str) -> list[bytes]:
        """The events that the shard's command log gives when it is run again from nothing."""
        handler = self.make(shard)
        assert handler is not None
        again = MemoryShard(shard, handler, self.shards[shard].shards)
        again.take_over()
        again.log = list(self.shards[shard].log)
        alone = MemoryStore(lambda name: None)
        alone.strict = self.strict
        while again.cursor < len(again.log):
            alone._handle(again)
        return again.events

    def _names(self, shard: str | None) -> Iterable[str]:
        return self.shards if shard is None else [shard]

    def _next_timer(self, until: int) -> tuple[int, str, str] | None:
        due = [
            (at_ms, name, key)
            for name, shard in self.shards.items()
            for key, at_ms in shard.timers.items()
            if at_ms <= until
        ]
        return min(due, default=None)

    def _deliver(self, sender: str, receiver: str, data: bytes) -> None:
        if receiver in self.shards:
            self.shards[receiver].append(self.now_ms, data, sender)
        else:
            self.undelivered.append((receiver, decode_command(data)))

    def _handle(self, shard: MemoryShard) -> None:
        entry = shard.log[shard.cursor]
        shard.cursor += 1
        command = decode_command(entry.data)
        id = getattr(command, "id", None)
        if id in shard.done or (isinstance(command, TimerDue) and not _still_due(shard, command)):
            return
        turn, problem = self._turn(shard, entry, command)
        if turn is None:
            return
        if id is not None:
            done = CommandDone(id=turn.event_id(), at=turn.at, command=id, problem=problem, result=turn.result)
            shard.done[id] = done
            turn.emit(done)
        turn.commit()
        for receiver, data in turn.told:
            link = self.relays.setdefault(f"{shard.name}>{receiver}", deque())
            link.append((shard.name, receiver, data))

    def _turn(self, shard: MemoryShard, entry: Entry, command: Any) -> tuple[MemoryTurn | None, Problem | None]:
        for _ in range(1000):
            turn = MemoryTurn(shard, entry)
            try:
                shard.handler.handle(turn, command)
                return turn, None
            except Missing as missing:
                shard.loads += 1
                shard.cache[missing.table.name, missing.id] = shard.get(missing.table, missing.id)
            except Refusal as refusal:
                return MemoryTurn(shard, entry), refusal.problem
            except Exception as error:
                if self.strict:
                    raise
                shard.dead.append((entry, error))
                return None, None
        raise AssertionError("the rule never stops asking for values")


def _still_due(shard: MemoryShard, command: TimerDue) -> bool:
    if shard.timers.get(command.timer) != command.due:
        return False
    del shard.timers[command.timer]
    return True


def _forget(values: dict[str, int], key: str) -> None:
    values.pop(key, None)
