"""A shard in the hands of its owner: commands in, one batch of writes out.

Everything here is in memory and synchronous. The owner loop does the reading, loading and committing. When a commit
fails for good the whole object is thrown away and the shard is loaded again, so nothing here is ever undone.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog

from contracts.commands import TimerDue
from contracts.events import CommandDone
from contracts.message import Problem
from router.domain.turn import Handler, Missing, Refusal, Table
from router.observe.metrics import Metrics
from router.shards import keys
from router.shards.commit import Write
from router.shards.entry import Received
from router.shards.memory import ABSENT, Memory
from router.shards.turn import Rows, ShardReader, ShardTurn
from router.shards.writes import Packed, Writes, pack

log = structlog.get_logger("madoguchi.shards")

_SETTLED: Final = 4
"""Commits after which everything remembered before the last forgetting is in the store."""

DONE: Final = Table("done", CommandDone, ttl_s=86_400)
"""Outcomes of commands that came over the API, by command id."""

FAILED: Final = Problem(
    kind="failed", sentence="This could not be handled; it was set aside for an administrator.", fault="ours"
)


@dataclass(slots=True)
class Counts:
    """What a shard has done since it was last asked; plain numbers."""

    commands: int = 0
    events: int = 0
    duplicates: int = 0
    refused: int = 0
    dead: int = 0
    relayed: int = 0

    def move_to(self, metrics: Metrics) -> None:
        """Adds them to the process's metrics, and begins anew."""
        metrics.commands += self.commands
        metrics.events += self.events
        metrics.duplicates += self.duplicates
        metrics.commands_refused += self.refused
        metrics.dead_letters += self.dead
        metrics.relayed += self.relayed
        self.commands = self.events = self.duplicates = self.refused = self.dead = self.relayed = 0


@dataclass(slots=True)
class Standing:
    """Where a shard stands in the store."""

    epoch: int = 0
    commit: int = 0
    cursor: str = "0-0"
    sent: dict[str, int] = field(default_factory=dict)
    """How many commands were relayed to each shard; they are numbered 1, 2, 3 ... per target."""
    seen: dict[str, int] = field(default_factory=dict)
    """The number of the last command taken from each sender."""


Relayed = tuple[int, str, bytes, bytes | None]
"""Number, target shard, command bytes, raw payload."""


class Shard:
    """One owned shard."""

    def __init__(
        self,
        name: str,
        shards: int,
        handler: Handler,
        standing: Standing,
        rows: Rows,
        timers: dict[str, int],
        outbox: Iterable[Relayed],
        *,
        remember: int = 8_000,
    ) -> None:
        self.name = name
        self.shards = shards
        self.handler = handler
        self.standing = standing
        self.counts = Counts()
        self.outbox: deque[Relayed] = deque(outbox)
        """Committed, not yet taken off the stored outbox."""
        self.posted = 0
        """How many of ``outbox`` are known to be in their targets' streams."""
        self.postable = len(self.outbox)
        """How many of ``outbox`` are committed and may be posted."""
        self._fresh = 0
        self._settled = 0
        self._heard: set[str] = set()
        self._told: set[str] = set()
        self._number = int(name[2:]) if name.startswith("c:") else -1
        self._memory = Memory(remember)
        self._rows = rows
        self._timers = timers
        self._due: list[tuple[int, str]] = [(due, key) for key, due in timers.items()]
        heapq.heapify(self._due)
        handler.load(name, shards, rows)

    # -- loading ----------------------------------------------------------------------------------------------------

    def wants(self, batch: Iterable[Received]) -> dict[tuple[str, str], Table[Any]]:
        """What must be loaded before the batch can be handled, as far as it can be known now."""
        reader = ShardReader(self.name, self.shards, self._memory, self._rows)
        for received in batch:
            if received.command is not None:
                if received.command.id is not None:
                    reader.get(DONE, received.command.id)
                self._needs(reader, received)
        return reader.wanted

    def _needs(self, reader: ShardReader, received: Received) -> None:
        try:
            self.handler.needs(reader, received.command)
        except Exception as error:
            # Loading ahead is a convenience; a command that is really broken fails in its turn, and is set aside there.
            log.debug("needs.failed", shard=self.name, error=type(error).__name__)

    def learn(self, table: Table[Any], id: str, value: Any | None) -> None:
        """A value as loaded from the store; None when there is none."""
        self._memory.put((table.name, id), ABSENT if value is None else value)

    # -- handling ---------------------------------------------------------------------------------------------------

    def handle(self, received: Received, writes: Writes, unreadable: str | None = None) -> list[object]:
        """Carries out one command: its effects go into memory and ``writes``. Returns the effects for the shell.

        ``unreadable``: why state that it needs cannot be read; it is then set aside.

        Raises:
            Missing: load this and call again; nothing has happened.
        """
        effects: list[object] = []
        if received.sender is None:
            effects = self._carry_out(received, writes, unreadable)
        elif self._is_next(received):
            effects = self._carry_out(received, writes, unreadable)
            self.standing.seen[received.sender] = received.number
            self._heard.add(received.sender)
        else:
            self.counts.duplicates += 1
        self.standing.cursor = received.id
        self.counts.commands += 1
        return effects

    def _carry_out(self, received: Received, writes: Writes, unreadable: str | None) -> list[object]:
        if received.command is None or unreadable is not None:
            return self._set_aside(received, writes, unreadable or received.problem or "undecodable")
        turn = self._turn(received)
        command = received.command
        if command.id is not None and (done := turn.get(DONE, command.id)) is not None:
            self.counts.duplicates += 1
            turn.emit(msgspec.structs.replace(done, id=turn.event_id(), at=turn.at))
            return self._take(turn, pack(turn), writes)
        if type(command) is TimerDue and not self._fires(command, writes):
            return []
        try:
            self.handler.handle(turn, command)
            if command.id is not None:
                self._announce(turn, command.id, None, turn.result)
            packed = pack(turn)
        except Missing:
            if type(command) is TimerDue:
                self._timers[command.timer] = command.due
            raise
        except Refusal as refusal:
            return self._refuse(refusal.problem, received, writes)
        except Exception as error:
            return self._fail(error, received, writes)
        return self._take(turn, packed, writes)

    def _turn(self, received: Received) -> ShardTurn:
        at_ms = received.at_ms
        if type(received.command) is TimerDue:
            # Our clock said that it is due; the store's, which dates the entry, may be a little behind.
            at_ms = max(at_ms, received.command.due)
        return ShardTurn(
            self.name, self._number, self.shards, self._memory, self._rows, received.id, at_ms, received.sender
        )

    def _is_next(self, received: Received) -> bool:
        """Relayed commands are numbered. One that was taken before is a repeat; one behind a gap was posted while an
        earlier one was refused, and comes again after it."""
        return received.number == self.standing.seen.get(str(received.sender), 0) + 1

    def _fires(self, command: TimerDue, writes: Writes) -> bool:
        if self._timers.get(command.timer) != command.due:
            return False
        del self._timers[command.timer]
        writes.timer(command.timer, None)
        return True

    def _refuse(self, problem: Problem, received: Received, writes: Writes) -> list[object]:
        self.counts.refused += 1
        turn = self._turn(received)
        if received.command.id is not None:
            self._announce(turn, received.command.id, problem, {})
        return self._take(turn, pack(turn), writes)

    def _fail(self, error: Exception, received: Received, writes: Writes) -> list[object]:
        reason = f"{type(error).__name__} in {_place(error)}"
        log.error("command.failed", shard=self.name, entry=received.id, error=reason)
        # Whatever the handler keeps in memory may have been left half done.
        self.handler.load(self.name, self.shards, self._rows)
        return self._set_aside(received, writes, reason)

    def _set_aside(self, received: Received, writes: Writes, reason: str) -> list[object]:
        self.counts.dead += 1
        writes.dead(received, reason)
        turn = self._turn(received)
        if received.command is not None and received.command.id is not None:
            self._announce(turn, received.command.id, FAILED, {})
        return self._take(turn, pack(turn), writes)

    def _announce(self, turn: ShardTurn, id: str, problem: Problem | None, result: dict[str, str]) -> None:
        done = CommandDone(id=turn.event_id(), at=turn.at, command=id, cause=id, problem=problem, result=result)
        turn.put(DONE, id, done)
        turn.emit(done)

    # -- taking effect ----------------------------------------------------------------------------------------------

    def _take(self, turn: ShardTurn, packed: Packed, writes: Writes) -> list[object]:
        for ((name, id), (table, value)), data in zip(turn.puts.items(), packed.puts, strict=True):
            if table.preload:
                _set_row(self._rows[name], id, value)
            else:
                self._memory.put((name, id), value)
            writes.put(table, id, data)
        for event, data in zip(turn.events, packed.events, strict=True):
            writes.event(event, data)
        self.counts.events += len(turn.events)
        for (target, _), data in zip(turn.told, packed.told, strict=True):
            self._tell(target, data, writes)
        for item in turn.pushed:
            writes.push(*item)
        for name, member, score in turn.indexed:
            writes.score(name, member, score)
        for name, member in turn.unindexed:
            writes.score(name, member, None)
        for key, due in turn.timers.items():
            self._set_timer(key, due, writes)
        return turn.effects

    def _tell(self, target: str, data: bytes, writes: Writes) -> None:
        number = self.standing.sent.get(target, 0) + 1
        self.standing.sent[target] = number
        self._told.add(target)
        self.counts.relayed += 1
        self._fresh += 1
        self.outbox.append((number, target, data, None))
        writes.relay(number, target, data, None)

    def _set_timer(self, key: str, due: int | None, writes: Writes) -> None:
        writes.timer(key, due)
        if due is None:
            self._timers.pop(key, None)
        else:
            self._timers[key] = due
            heapq.heappush(self._due, (due, key))

    def close_batch(self, writes: Writes) -> tuple[list[Write], int]:
        """Everything to commit for the commands handled since the last one: their effects and the new standing.

        The second value is how many entries come into the outbox with it; hand it to :meth:`committed`. What was posted
        goes from the outbox at once: should the commit fail, this object is thrown away.
        """
        standing = self.standing
        built = writes.build()
        fields: list[bytes | str | int] = ["HSET", keys.meta(self.name), "cursor", standing.cursor]
        for sender in self._heard:
            fields += (f"seen:{sender}", standing.seen[sender])
        for target in self._told:
            fields += (f"sent:{target}", standing.sent[target])
        self._heard.clear()
        self._told.clear()
        built.append(tuple(fields))
        if self.posted:
            built.append(("LPOP", keys.outbox(self.name), self.posted))
            for _ in range(self.posted):
                self.outbox.popleft()
            self.postable -= self.posted
            self.posted = 0
        fresh, self._fresh = self._fresh, 0
        return built, fresh

    def committed(self, fresh: int) -> None:
        """The oldest batch that was closed and not committed is in the store, with ``fresh`` entries of the outbox.

        The next batch may be handled already: what it changed must not be forgotten, so values are forgotten only after
        several commits more than can be under way.
        """
        self.postable += fresh
        self._settled += 1
        if self._settled >= _SETTLED and self._memory.age():
            self._settled = 0

    # -- timers -----------------------------------------------------------------------------------------------------

    def take_due(self, now_ms: int) -> list[TimerDue]:
        """Timers that are due and have not been taken before."""
        due: list[TimerDue] = []
        while self._due and self._due[0][0] <= now_ms:
            at, key = heapq.heappop(self._due)
            if self._timers.get(key) == at:
                due.append(TimerDue(timer=key, due=at))
        return due

    def untake(self, timers: Iterable[TimerDue]) -> None:
        """They could not be appended; they are due again at once."""
        for timer in timers:
            heapq.heappush(self._due, (timer.due, timer.timer))

    @property
    def next_due(self) -> int | None:
        """When the next timer is due, in milliseconds."""
        return self._due[0][0] if self._due else None


def _set_row(rows: dict[str, Any], id: str, value: Any) -> None:
    if value is ABSENT:
        rows.pop(id, None)
    else:
        rows[id] = value


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
