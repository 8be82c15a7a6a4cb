"""The owner loop: read, load, handle, commit, for all shards that are read together.

Under load the batches grow by themselves; idle, they are of one and take about a millisecond. In a cluster each shard
has a loop of its own, because one blocking read cannot span slots.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from contracts.codec import encode
from router.domain.turn import Missing, Table
from router.observe.metrics import Metrics
from router.shards import keys
from router.shards.commit import Fenced, Write, commit
from router.shards.entry import DATA, Received, read_entry
from router.shards.relay import Relay
from router.shards.shard import Shard
from router.shards.takeover import StateError, read_value
from router.shards.writes import Writes
from router.store.errors import StoreError, StoreRefused
from router.store.lane import Lane

log = structlog.get_logger("madoguchi.shards")

Effects = Callable[[Shard, Sequence[object]], None]
"""Called after a commit with what the rules asked of the shell. Must not block."""

Wanted = dict[tuple[str, str], Table[Any]]
"""Values to be loaded, by table and id."""

Batches = list[tuple[Shard, list[Received]]]
"""What was read, and the shards as they were then."""

_ROUNDS: Final = 6
"""How often a batch asks for more state before it is simply handled, loading as it goes."""
_MARGIN_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Lanes:
    """The connections of one worker: blocking reads must not hold up anything else."""

    read: Lane
    load: Lane
    commit: Lane
    post: Lane


class Group:
    """Shards that are read together, and the loop that works for them."""

    def __init__(
        self,
        lanes: Lanes,
        relay: Relay,
        effects: Effects,
        metrics: Metrics,
        *,
        batch: int = 256,
        block_ms: int = 200,
    ) -> None:
        self.shards: dict[str, Shard] = {}
        self._lanes = lanes
        self._relay = relay
        self._effects = effects
        self._metrics = metrics
        self._batch = batch
        self._block_ms = block_ms
        self._locks: dict[str, asyncio.Lock] = {}
        self._committing: dict[str, asyncio.Task[None]] = {}
        """The last commit of each shard, which may be under way while the next batch is handled."""
        self._arrived = asyncio.Event()
        self._stopping = False

    def add(self, shard: Shard) -> None:
        """From the next round on this shard is worked for."""
        self.shards[shard.name] = shard
        self._locks[shard.name] = asyncio.Lock()
        self._arrived.set()

    def remove(self, name: str) -> None:
        """It is not worked for any more; whatever was not committed is forgotten."""
        self.shards.pop(name, None)

    def stop(self) -> None:
        """End after the round that is under way, so that what was committed is known."""
        self._stopping = True
        self._arrived.set()

    async def run(self) -> None:
        """Works until stopped. While the store is away it waits."""
        while not self._stopping:
            try:
                await self._round()
            except StoreError as error:
                log.warning("owner.waits", error=type(error).__name__, reason=str(error))
                await asyncio.sleep(0.2)
        await self.settle()

    async def settle(self) -> None:
        """Returns when no commit of a batch is under way."""
        if self._committing:
            await asyncio.wait(list(self._committing.values()))

    async def _round(self) -> None:
        if not self.shards:
            self._arrived.clear()
            await self._arrived.wait()
            return
        await self._fire_timers()
        batches = await self._read()
        if batches:
            await self.process(batches)

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _read(self) -> Batches:
        shards = list(self.shards.values())
        streams = [keys.commands(shard.name) for shard in shards]
        cursors = [shard.standing.cursor for shard in shards]
        answer = await self._lanes.read.call(
            streams[0], "XREAD", "COUNT", self._batch, "BLOCK", self._block_ms, "STREAMS", *streams, *cursors,
            timeout=self._block_ms / 1000 + _MARGIN_S,
        )  # fmt: skip
        by_key = dict(zip((stream.encode() for stream in streams), shards, strict=True))
        return [(by_key[key], [read_entry(id, fields) for id, fields in entries]) for key, entries in answer or ()]

    # -- handling ---------------------------------------------------------------------------------------------------

    async def process(self, batches: Batches) -> None:
        """Handles what was read, and begins to commit it. A shard lost on the way keeps its cursor in the store, so
        nothing is skipped."""
        await self._load_ahead(batches)
        for shard, batch in batches:  # not at once: there is nothing to wait for, and a task for each is not free
            await self._work(shard, batch)

    async def _load_ahead(self, batches: Batches) -> None:
        waiting = batches
        for _ in range(_ROUNDS):
            wanted = [(shard, batch, some) for shard, batch in waiting if (some := shard.wants(batch))]
            if not wanted:
                return
            asked = [(shard, some, self._ask(shard, some)) for shard, _, some in wanted]
            for shard, some, answer in asked:
                # What cannot be read fails the command that needs it, in its turn.
                with contextlib.suppress(StateError):
                    self._learn(shard, some, await answer)
            waiting = [(shard, batch) for shard, batch, _ in wanted]

    async def _load(self, shard: Shard, wanted: Wanted) -> None:
        self._learn(shard, wanted, await self._ask(shard, wanted))

    def _ask(self, shard: Shard, wanted: Wanted) -> asyncio.Future[Any]:
        names = [keys.row(shard.name, name, id) for name, id in wanted]
        self._metrics.loads += len(names)
        return self._lanes.load.call(names[0], "MGET", *names)

    def _learn(self, shard: Shard, wanted: Wanted, values: list[bytes | None]) -> None:
        unreadable: StateError | None = None
        for ((_, id), table), data in zip(wanted.items(), values, strict=True):
            try:
                shard.learn(table, id, None if data is None else read_value(shard.name, table, id, data))
            except StateError as error:
                unreadable = error
        if unreadable is not None:
            raise unreadable

    async def _work(self, shard: Shard, batch: list[Received]) -> None:
        """Handles a batch while the one before is still being committed; at most one commit of a shard is under way.
        When it fails, what was handled on top of it is thrown away with the shard."""
        if not self._holds(shard):
            return
        try:
            writes = Writes(shard.name)
            effects: list[object] = []
            for received in batch:
                effects += await self._handle(shard, received, writes)
            built, fresh = shard.close_batch(writes)
        except StoreError as error:
            self._lose(shard, error, str(error))
        except Exception as error:
            self._fail(shard, error)
        else:
            before = self._committing.get(shard.name)
            if before is not None and not before.done():
                await asyncio.wait((before,))
            finish = self._finish(shard, len(batch), built, fresh, effects)
            self._committing[shard.name] = asyncio.create_task(finish, name=f"shards.commit.{shard.name}")

    async def _finish(self, shard: Shard, commands: int, built: list[Write], fresh: int, effects: list[object]) -> None:
        try:
            async with self._locks[shard.name]:
                if not self._holds(shard):
                    return
                began = time.perf_counter()
                await self._commit(shard, built)
                shard.committed(fresh)
            self._metrics.commit_seconds.observe(time.perf_counter() - began)
            self._count(shard, commands)
            if effects:
                self._effects(shard, effects)
        except (Fenced, StoreError) as error:
            self._lose(shard, error, str(error))
        except Exception as error:
            self._fail(shard, error)
        self._relay.wake()

    def _fail(self, shard: Shard, error: Exception) -> None:
        """A fault of ours, not of a command. Memory may be half changed, so it is thrown away; other shards go on."""
        log.error("shard.failed", shard=shard.name, error=type(error).__name__, exc_info=error)
        self._lose(shard, error)

    def _holds(self, shard: Shard) -> bool:
        """Whether it is still worked for. A shard that was lost and taken again is another object: what was read for
        the former may have been carried out by somebody else in between."""
        return self.shards.get(shard.name) is shard

    def _count(self, shard: Shard, commands: int) -> None:
        self._metrics.commits += 1
        self._metrics.batch_commands.observe(commands)
        shard.counts.move_to(self._metrics)

    async def _handle(self, shard: Shard, received: Received, writes: Writes) -> list[object]:
        unreadable: str | None = None
        while True:
            try:
                return shard.handle(received, writes, unreadable)
            except Missing as missing:
                wanted = {(missing.table.name, missing.id): missing.table}
            self._metrics.command_retries += 1
            try:
                await self._load(shard, wanted)
            except StateError as error:
                log.error("command.failed", shard=shard.name, entry=received.id, error="StateError")
                unreadable = str(error)

    # -- committing -------------------------------------------------------------------------------------------------

    async def _commit(self, shard: Shard, writes: list[Write]) -> None:
        """Commits, waiting as long as the store refuses (full memory, full disk) and we are not to end: nothing was
        applied then. A refusal behind a lost reply is settled by the number: :class:`Fenced`, and taken again."""
        standing = shard.standing
        while True:
            try:
                await commit(self._lanes.commit, shard.name, standing.epoch, standing.commit, writes)
            except StoreRefused as error:
                log.error("commit.refused", shard=shard.name, code=error.code)
                if self._stopping:
                    raise
                await asyncio.sleep(0.5)
            else:
                standing.commit += 1
                return

    async def commit_beside(self, name: str, writes: list[Write]) -> bool:
        """A fenced commit that belongs to no command (a lease renewed, a send begun). False: the shard is lost.

        It goes on when the caller is cancelled: after a commit whose end nobody heard, our number would be wrong, and
        the next lost reply would be settled wrongly.
        """
        shard = self.shards.get(name)
        return shard is not None and await asyncio.shield(self._commit_beside(shard, writes))

    async def leave(self, name: str, writes: list[Write]) -> bool:
        """The same as the last commit of this shard here: nothing of ours comes behind it."""
        shard = self.shards.get(name)
        return shard is not None and await asyncio.shield(self._commit_beside(shard, writes, last=True))

    async def _commit_beside(self, shard: Shard, writes: list[Write], *, last: bool = False) -> bool:
        async with self._locks[shard.name]:
            if not self._holds(shard):  # given back or lost while we waited
                return False
            try:
                await self._commit(shard, writes)
            except (Fenced, StoreError) as error:
                self._lose(shard, error, str(error))
                return False
            if last:
                self.remove(shard.name)
        return True

    def _lose(self, shard: Shard, error: Exception, reason: str = "") -> None:
        if self._holds(shard):
            self._metrics.shards_lost += 1
            log.warning("shard.lost", shard=shard.name, error=type(error).__name__, reason=reason)
            del self.shards[shard.name]

    # -- timers -----------------------------------------------------------------------------------------------------

    async def _fire_timers(self) -> None:
        now = time.time_ns() // 1_000_000
        due = [(shard, taken) for shard in self.shards.values() if (taken := shard.take_due(now))]
        await asyncio.gather(*(self._fire(shard, taken) for shard, taken in due))

    async def _fire(self, shard: Shard, timers: list[Any]) -> None:
        key = keys.commands(shard.name)
        self._metrics.timers += len(timers)
        try:
            await asyncio.gather(
                *(self._lanes.post.call(key, "XADD", key, "*", DATA, encode(timer)) for timer in timers)
            )
        except StoreError:
            shard.untake(timers)  # firing twice is harmless: only the first finds the timer set
            raise
