"""A worker: takes its share of the shards, keeps them, works for them, and hands them over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from contracts.streams import all_shards
from router.domain.turn import Handler
from router.observe.metrics import Metrics
from router.shards import keys, workers
from router.shards.commit import Write
from router.shards.owner import Effects, Group, Lanes
from router.shards.relay import Relay
from router.shards.shard import Shard
from router.shards.takeover import StateError, lease_write, release_write, take
from router.store.errors import StoreError
from router.store.store import Store

log = structlog.get_logger("madoguchi.shards")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Times in milliseconds. A dead worker's shards are taken over within ``lease_ms`` + ``beat_ms`` or so."""

    id: str
    shards: int
    lease_ms: int = 3_000
    beat_ms: int = 750
    alive_ms: int = 3_000
    look_ms: int = 200
    """How often a shard that should be ours and is not is looked at."""
    batch: int = 256
    remember: int = 8_000
    """Values remembered per shard and generation: with 16 shards some 250,000 in all, half a gigabyte at most."""


class Worker:
    """One per process of the role ``worker``."""

    def __init__(
        self,
        store: Store,
        settings: WorkerSettings,
        handler: Callable[[str], Handler],
        effects: Effects,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self._lanes = Lanes(
            read=store.lane("shards.read"),
            load=store.lane("shards.load"),
            commit=store.lane("shards.commit", durable=True),
            post=store.lane("shards.post", durable=True),
        )
        self._handler = handler
        self._effects = effects
        self._metrics = metrics or Metrics()
        self._relay = Relay(self._lanes.post, lambda: list(self.owned.values()))
        self._per_shard = store.is_cluster
        self._store = store
        self._groups: dict[str, Group] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wanted: set[str] = set()
        self._names = all_shards(settings.shards)
        self._leaving = False

    @property
    def owned(self) -> dict[str, Shard]:
        """The shards in our hands, by name."""
        return {name: shard for group in self._groups.values() for name, shard in group.shards.items()}

    # -- living -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Takes and works for shards until cancelled; then finishes what is read and gives all of them back."""
        relaying = asyncio.create_task(self._relay.run(), name="shards.relay")
        keeping = asyncio.create_task(self._keep(), name="shards.keep")
        try:
            while True:
                await self._look()
                await asyncio.sleep(self.settings.look_ms / 1000)
                _insist((relaying, keeping, *self._running.values()))
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._leave()
            relaying.cancel()
            await asyncio.gather(relaying, *self._running.values(), return_exceptions=True)
            self._groups.clear()
            self._running.clear()

    async def _look(self) -> None:
        """Gives up what is no longer ours and takes what should be."""
        held = set(self.owned)
        for name in sorted(held - self._wanted):
            await self._release(name)
        missing = sorted(self._wanted - held)
        await asyncio.gather(*map(self._take, missing))

    async def _keep(self) -> None:
        """Says that we live, learns who else does, and renews the leases."""
        while True:
            try:
                alive = await workers.beat(self._lanes.load, self.settings.id, self.settings.alive_ms)
                self._wanted = workers.share(self.settings.id, alive, self._names)
                await asyncio.gather(*map(self._renew, list(self.owned)))
            except StoreError as error:
                log.warning("worker.waits", error=type(error).__name__)
            await asyncio.sleep(self.settings.beat_ms / 1000)

    async def _renew(self, name: str) -> None:
        await self._group(name).commit_beside(name, [lease_write(name, self.settings.id, self.settings.lease_ms)])

    # -- taking and giving ------------------------------------------------------------------------------------------

    async def _take(self, name: str) -> None:
        settings = self.settings
        try:
            shard = await take(
                self._lanes.commit, name, settings.shards, self._handler(name), settings.id, settings.lease_ms,
                settings.remember,
            )  # fmt: skip
        except StateError as error:
            log.error("shard.unreadable", shard=name, reason=str(error))
            return
        except StoreError as error:
            log.warning("shard.not_taken", shard=name, error=type(error).__name__)
            return
        if shard is not None:
            self._begin(shard)

    def _begin(self, shard: Shard) -> None:
        log.info("shard.taken", shard=shard.name, epoch=shard.standing.epoch, cursor=shard.standing.cursor)
        self._metrics.shards_taken += 1
        group = self._group(shard.name)
        group.add(shard)
        self._relay.wake()
        self._effects(shard, list(shard.handler.resume()))

    def _group(self, name: str) -> Group:
        key = name if self._per_shard else ""
        group = self._groups.get(key)
        if group is None:
            lanes = self._lanes
            if key:
                lanes = Lanes(self._store.lane(f"read.{key}"), lanes.load, lanes.commit, lanes.post)
            group = Group(lanes, self._relay, self._effects, self._metrics, batch=self.settings.batch)
            self._groups[key] = group
            self._running[key] = asyncio.create_task(group.run(), name=f"shards.own.{key}")
        return group

    async def _release(self, name: str) -> None:
        if await self._group(name).leave(name, [release_write(name)]):
            log.info("shard.released", shard=name)

    async def _leave(self) -> None:
        """An orderly end: stop reading, then give the leases back so that others take over at once."""
        for group in self._groups.values():
            group.stop()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        try:
            await self._relay.post()
            await workers.leave(self._lanes.load, self.settings.id)
            await asyncio.gather(*map(self._release, list(self.owned)))
        except StoreError as error:
            log.warning("worker.left_without_word", error=type(error).__name__)

    # -- for the shell ----------------------------------------------------------------------------------------------

    async def write(self, shard: str, writes: Sequence[Write]) -> bool:
        """A fenced write beside the commands (a send has begun). False when the shard is not ours any more."""
        return await self._group(shard).commit_beside(shard, list(writes))

    async def begun(self, shard: str) -> dict[str, int]:
        """Sends that were begun and not reported, by message id: what a new owner must be careful with."""
        key = keys.started(shard)
        flat = await self._lanes.load.call(key, "HGETALL", key)
        return {id.decode(): int(attempt) for id, attempt in zip(flat[::2], flat[1::2], strict=True)}


def _insist(tasks: Iterable[asyncio.Task[None]]) -> None:
    """None of them ends by itself. A worker without one would hold its shards and do nothing for them.

    Raises:
        RuntimeError: one has; whoever supervises the worker starts it again.
    """
    for task in tasks:
        if task.done():
            raise RuntimeError(f"{task.get_name()} ended") from (None if task.cancelled() else task.exception())


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """The worker, at work within the block; for tests and tools."""
    task = asyncio.create_task(worker.run(), name="worker")
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
