"""One subscription at work. Events go out in order within a conversation and side by side between conversations.

What cannot be delivered at once is set aside in the store, in the lane of its conversation; only that lane waits. The
cursor passes an event once it is delivered or set aside, so a kill at any point loses nothing; it may send an event
twice, with the same ``webhook-id``.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final, Literal

import structlog
from msgspec.structs import replace

from contracts.codec import CodecError, Unknown, moment
from router.api.filters import accepts
from router.api.following import closing
from router.api.subscriptions import schedule
from router.api.subscriptions.circuit import Circuit
from router.api.subscriptions.model import Delivery, Health, Item, Kept, Tries
from router.api.subscriptions.progress import Progress
from router.api.subscriptions.send import Answer, Sender
from router.api.subscriptions.store import REDELIVERY, SubscriptionStore
from router.shards.tail import Entry, Tail, TooSlow

log = structlog.get_logger("madoguchi.api")

_AT_ONCE: Final = 32
_MOST_OPEN: Final = 1_000
_MOST_DUE: Final = 1_000
_TICK_S: Final = 1.0


class Disabled(Exception):
    """The subscription was switched off, or removed."""


class Runner:
    """Runs one subscription until it is disabled or the task is cancelled."""

    def __init__(
        self,
        id: str,
        store: SubscriptionStore,
        tail: Tail,
        sender: Sender,
        *,
        tick_s: float = _TICK_S,
        speed: float = 1.0,
    ) -> None:
        self.id = id
        self._store = store
        self._tail = tail
        self._sender = sender
        self._tick_s = tick_s
        self._speed = speed  # of the schedule, for tests
        self._kept: Kept | None = None
        self._circuit = Circuit()
        self._progress = Progress()
        self._room = asyncio.Semaphore(_MOST_OPEN)
        self._sending = asyncio.Semaphore(_AT_ONCE)
        self._blocked: dict[str, int] = {}
        self._queues: dict[str, deque[tuple[int, Item]]] = {}
        self._retrying: set[str] = set()
        self._saved: str | None = None
        self._noted = Health()
        self._problem: str | None = None
        self._since: datetime | None = None
        self._last_success_ms = 0

    # -- the whole --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Returns when the subscription is disabled or gone."""
        await self._load()
        for lane in await self._store.lanes(self.id):
            self._blocked[lane] = await self._store.waiting(self.id, lane)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._read_on(), name=f"subscription.{self.id}.read")
                group.create_task(self._tick_on(), name=f"subscription.{self.id}.tick")
        except* Disabled:
            log.info("subscription.stopped", subscription=self.id)
        finally:
            await self._save()

    async def _load(self) -> None:
        kept = await self._store.get(self.id)
        if kept is None or not kept.subscription.enabled:
            raise Disabled(self.id)
        self._kept = kept
        one = kept.subscription
        self._accepts = accepts(one.types, one.conversation, one.contact, one.agent)

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _read_on(self) -> None:
        after = await self._store.cursor(self.id)
        while True:
            try:
                await self._read(after)
            except TooSlow:
                # What was read and not yet dealt with would be read again: let it finish first.
                await self._progress.all_closed()
                after = self._progress.token or after

    async def _read(self, after: str | None) -> None:
        # Every event is looked at here, wanted or not, so that the cursor moves on with the streams.
        async with closing(self._tail.follow(after=after)) as entries:
            async for entry in entries:
                await self._room.acquire()
                number = self._progress.open(entry.token)
                if self._accepts(entry):
                    await self._take(number, entry)
                else:
                    self._close(number)

    async def _take(self, number: int, entry: Entry) -> None:
        item = _item(entry)
        if item is None:
            self._close(number)
            return
        lane = entry.conversation or entry.contact or entry.agent or entry.shard
        if lane in self._blocked:
            self._blocked[lane] += 1
            await self._store.add(self.id, lane, item)
            self._close(number)
            return
        queue = self._queues.get(lane)
        if queue is not None:
            queue.append((number, item))
            return
        self._queues[lane] = deque([(number, item)])
        self._group.create_task(self._drain(lane), name=f"subscription.{self.id}.lane")

    def _close(self, number: int) -> None:
        self._progress.close(number)
        self._room.release()

    # -- delivering what is new -------------------------------------------------------------------------------------

    async def _drain(self, lane: str) -> None:
        queue = self._queues[lane]
        while queue:
            number, item = queue[0]
            async with self._sending:
                answer = await self._attempt(item, 1)
            if answer is None or not answer.ok:
                await self._set_aside(lane, queue, answer)
                return
            queue.popleft()
            self._close(number)
        del self._queues[lane]

    async def _set_aside(self, lane: str, queue: deque[tuple[int, Item]], answer: Answer | None) -> None:
        """The lane is blocked from here on; what was read for it meanwhile goes the same way."""
        tries = Tries(0, 0) if answer is None else Tries(1, _now_ms())
        due = self._due(tries, answer)
        del self._queues[lane]
        self._blocked[lane] = len(queue)
        await self._store.block(self.id, lane, [item for _, item in queue], due, tries)
        for number, _ in queue:
            self._close(number)
        if answer is not None and answer.gone:
            await self._disable("the endpoint answered 410")

    async def _attempt(self, item: Item, attempt: int) -> Answer | None:
        """None: the circuit is open, nothing was sent."""
        assert self._kept is not None
        if not self._circuit.admit(time.monotonic()):
            return None
        started = time.monotonic()
        try:
            answer = await self._sender.send(self._kept, item)
        except BaseException:
            self._circuit.abandoned()
            raise
        self._count(answer)
        await self._note(item, attempt, answer, round((time.monotonic() - started) * 1000))
        return answer

    def _count(self, answer: Answer) -> None:
        if answer.ok:
            self._last_success_ms = _now_ms()
            self._problem = self._since = None
            if self._circuit.succeeded():
                log.info("subscription.circuit_closed", subscription=self.id)
            return
        self._problem = answer.problem
        self._since = self._since or datetime.now(UTC)
        was = self._circuit.probe_at
        self._circuit.failed(time.monotonic())
        if was is None and self._circuit.probe_at is not None:
            log.warning("subscription.circuit_opened", subscription=self.id, status=answer.status)

    async def _note(self, item: Item, attempt: int, answer: Answer, duration_ms: int) -> None:
        delivery = Delivery(
            id=f"dl_{item.shard.replace(':', '')}-{item.entry}-{attempt}",
            event=item.event,
            type=item.type,
            shard=item.shard,
            entry=item.entry,
            at=datetime.now(UTC),
            outcome=_outcome(answer, attempt),
            attempt=attempt,
            status=answer.status,
            problem=answer.problem,
            duration_ms=duration_ms,
        )
        await self._store.log(self.id, delivery)

    def _due(self, tries: Tries, answer: Answer | None) -> int:
        wait = schedule.delay(tries.attempts, random.random(), answer.retry_after_s if answer else None) or 0.0
        return _now_ms() + round(wait * 1000 / self._speed)

    # -- delivering what waits --------------------------------------------------------------------------------------

    async def _tick_on(self) -> None:
        while True:
            await self._load()
            await self._retry_due()
            await self._save()
            await self._note_health()
            await asyncio.sleep(self._tick_s)

    async def _retry_due(self) -> None:
        if self._circuit.state(time.monotonic()) == "open":
            return
        for lane in await self._store.due(self.id, _now_ms(), _MOST_DUE):
            if lane not in self._retrying:
                self._retrying.add(lane)
                self._group.create_task(self._retry(lane), name=f"subscription.{self.id}.retry")

    async def _retry(self, lane: str) -> None:
        try:
            while True:
                before = self._blocked.get(lane)
                item, tries = await self._store.head(self.id, lane)
                if item is None and self._blocked.get(lane) != before:
                    continue  # one was set aside while we looked
                if item is None:
                    self._blocked.pop(lane, None)
                    await self._store.free(self.id, lane)
                    return
                if not await self._retry_one(lane, item, tries):
                    return
        finally:
            self._retrying.discard(lane)

    async def _retry_one(self, lane: str, item: Item, tries: Tries) -> bool:
        """Whether the lane may go on with its next."""
        async with self._sending:
            answer = await self._attempt(item, tries.attempts + 1)
        if answer is None:
            return False
        tries = Tries(tries.attempts + 1, tries.first_ms or _now_ms())
        if answer.ok or schedule.delay(tries.attempts, 0.5) is None:
            await self._settle(lane, item)
            if not answer.ok and self._last_success_ms < tries.first_ms:
                await self._disable("nothing could be delivered for about three days")
            return True
        await self._store.postpone(self.id, lane, self._due(tries, answer), tries)
        if answer.gone:
            await self._disable("the endpoint answered 410")
        return False

    async def _settle(self, lane: str, item: Item) -> None:
        left = self._blocked.get(lane, 1) - 1
        if left > 0:
            self._blocked[lane] = left
        await self._store.settle(self.id, lane, item)

    async def _disable(self, reason: str) -> None:
        kept = await self._store.get(self.id)
        if kept is not None:
            off = replace(kept.subscription, enabled=False, disabled_reason=reason)
            await self._store.put(replace(kept, subscription=off))
        log.warning("subscription.disabled", subscription=self.id, reason=reason)
        raise Disabled(self.id)

    # -- what is kept -----------------------------------------------------------------------------------------------

    async def _save(self) -> None:
        token = self._progress.token
        if token is not None and token != self._saved:
            await self._store.move(self.id, token)
            self._saved = token

    async def _note_health(self) -> None:
        now = time.monotonic()
        ahead = None if self._circuit.probe_at is None else max(0.0, self._circuit.probe_at - now)
        health = Health(
            circuit=self._circuit.state(now), failures=self._circuit.failures, since=self._since,
            probe_at=None if ahead is None else moment(_now_ms() + round(ahead) * 1000),
            problem=self._problem, backlog=sum(count for lane, count in self._blocked.items() if lane[0] != REDELIVERY),
        )  # fmt: skip
        if health != self._noted:
            self._noted = health
            await self._store.set_health(self.id, health)


def _item(entry: Entry) -> Item | None:
    """None for bytes that are no event: there is nothing that could be delivered."""
    try:
        event = entry.event
    except CodecError:
        log.error("subscription.unreadable_event", shard=entry.shard, entry=entry.id)
        return None
    id = f"{entry.shard.replace(':', '')}-{entry.id}" if isinstance(event, Unknown) else event.id
    return Item(entry.shard, entry.id, entry.type, id, entry.data)


def _outcome(answer: Answer, attempt: int) -> Literal["delivered", "failed", "given_up"]:
    if answer.ok:
        return "delivered"
    return "given_up" if schedule.delay(attempt, 0.5) is None else "failed"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
