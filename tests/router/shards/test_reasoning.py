"""The engine's promises at the places where they could break: concrete interleavings, each on a real Valkey.

`router/shards/README.md` says why each holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.codec import decode_event, encode
from contracts.commands import AddNote, SetPriority, TagConversation, TimerDue
from contracts.content import Text
from contracts.events import ConversationPriorityChanged
from contracts.streams import all_shards
from router.domain.turn import Turn
from router.observe.metrics import Metrics
from router.shards import keys
from router.shards.append import Appender
from router.shards.entry import Received
from router.shards.owner import Group, Lanes
from router.shards.relay import Relay
from router.shards.shard import Shard, Standing
from router.shards.tail import Tail
from router.shards.takeover import take
from router.shards.worker import Worker, WorkerSettings, running
from router.shards.writes import Writes
from router.store.errors import StoreLost
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.router.shards.toy import ToyHandler
from tests.servers.valkey import ValkeyServer, start_cluster, start_valkey

SHARDS = 4
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey"), *ALWAYS) as server:
        yield server


@pytest.fixture
async def store(server: ValkeyServer) -> AsyncIterator[Store]:
    server.client().flushall()
    store = await Store.open(StoreSettings(url=server.url, durability=Durability.DISK))
    try:
        yield store
    finally:
        await store.close()


class Held:
    """A lane whose answers to one command can be held back after the server has given them."""

    def __init__(self, lane: Any, word: str) -> None:
        self._lane = lane
        self._word = word
        self._open = asyncio.Event()
        self._open.set()
        self.held = asyncio.Event()

    def hold(self) -> None:
        self._open.clear()
        self.held.clear()

    def let_go(self) -> None:
        self._open.set()

    def call(self, key: str, *args: Any, timeout: float | None = None) -> asyncio.Future[Any]:
        return asyncio.ensure_future(self._call(key, args, timeout))

    async def _call(self, key: str, args: tuple[Any, ...], timeout: float | None) -> Any:
        answer = await self._lane.call(key, *args, timeout=timeout)
        if args[0] == self._word and not self._open.is_set() and answer:
            self.held.set()
            await self._open.wait()
        return answer


class Before:
    """A lane that does something else just before its ``nth`` call of one command, which may then be lost unsent."""

    def __init__(
        self, lane: Any, word: str, nth: int, first: Callable[[], Coroutine[Any, Any, Any]], lost: bool
    ) -> None:
        self._lane, self._word, self._left, self._first, self._lost = lane, word, nth, first, lost

    def call(self, key: str, *args: Any, timeout: float | None = None) -> asyncio.Future[Any]:
        return asyncio.ensure_future(self._call(key, args, timeout))

    async def _call(self, key: str, args: tuple[Any, ...], timeout: float | None) -> Any:
        if args[0] == self._word:
            self._left -= 1
            if self._left == 0:
                await self._first()
                if self._lost:
                    raise StoreLost("cut before it arrived")
        return await self._lane.call(key, *args, timeout=timeout)


def lanes_of(store: Store, **instead: Any) -> Lanes:
    made = {name: store.lane(name, durable=name in ("commit", "post")) for name in ("read", "load", "commit", "post")}
    return Lanes(**{**made, **instead})


async def taken(store: Store, name: str, worker: str = "w1", lane: Any = None, remember: int = 1_000) -> Shard | None:
    lane = store.lane("take", durable=True) if lane is None else lane
    return await take(lane, name, SHARDS, ToyHandler(), worker, 3_000, remember)


@asynccontextmanager
async def grouped(lanes: Lanes, *shards: Shard | None, effects: Any = lambda *_: None) -> AsyncIterator[Group]:
    """A group at work for these shards."""
    group = Group(lanes, Relay(lanes.post, lambda: []), effects, Metrics(), block_ms=50)
    for shard in shards:
        assert shard is not None
        group.add(shard)
    running = asyncio.create_task(group.run())
    try:
        yield group
    finally:
        group.stop()
        with suppress(Exception):
            await asyncio.wait_for(running, 10)


async def seqs(store: Store, shard: str, conversation: str) -> list[int]:
    entries = await store.lane("test").call("x", "XRANGE", keys.events(shard), "-", "+")
    events = [decode_event(dict(zip(fields[::2], fields[1::2], strict=True))[b"data"]) for _, fields in entries]
    return [event.seq for event in events if event.conversation == conversation]


async def until(what: Callable[[], Coroutine[Any, Any, Any]], patience: float = 10.0) -> Any:
    async with asyncio.timeout(patience):
        while not (answer := await what()):
            await asyncio.sleep(0.02)
        return answer


async def reaches(store: Store, shard: str, conversation: str, wanted: list[int]) -> None:
    async def reached() -> bool:
        return await seqs(store, shard, conversation) == wanted

    try:
        await until(reached)
    except TimeoutError:
        raise AssertionError(f"{await seqs(store, shard, conversation)} instead of {wanted}") from None


def counting(conversation: str = "v", **more: Any) -> SetPriority:
    return SetPriority(conversation=conversation, priority=1, **more)


def worker_of(store: Store, name: str = "w1", **settings: Any) -> Worker:
    return Worker(store, WorkerSettings(id=name, shards=SHARDS, **settings), lambda _: ToyHandler(), lambda *_: None)


async def owning_all(worker: Worker) -> None:
    async def all_owned() -> bool:
        return len(worker.owned) == SHARDS + 1

    await until(all_owned)


# -- what is read, and whose it is by then ----------------------------------------------------------------------------


async def test_a_shard_given_up_while_its_batch_is_loaded_stops_no_other(store: Store) -> None:
    load = Held(store.lane("load"), "MGET")
    async with grouped(lanes_of(store, load=load), await taken(store, "c:01"), await taken(store, "c:02")) as group:
        load.hold()
        await Appender(store).append("c:01", counting())
        await load.held.wait()
        group.remove("c:01")
        load.let_go()
        await Appender(store).append("c:02", counting())
        await reaches(store, "c:02", "v", [1])
        assert await seqs(store, "c:01", "v") == []


async def test_what_was_read_for_a_former_term_is_not_handled_in_the_next(store: Store) -> None:
    read = Held(store.lane("read"), "XREAD")
    async with grouped(lanes_of(store, read=read), await taken(store, "c:01")) as group:
        read.hold()
        await Appender(store).append("c:01", counting())
        await read.held.wait()
        # The shard is lost, another owner carries the command out and gives the shard back, all within one slow answer.
        group.remove("c:01")
        await store.lane("test").call("x", "DEL", keys.lease("c:01"))
        async with grouped(lanes_of(store), await taken(store, "c:01", "w2")):
            await reaches(store, "c:01", "v", [1])
        await store.lane("test").call("x", "DEL", keys.lease("c:01"))
        again = await taken(store, "c:01")
        assert again is not None
        group.add(again)
        read.let_go()
        await Appender(store).append("c:01", counting("last"))
        await reaches(store, "c:01", "last", [1])
        assert await seqs(store, "c:01", "v") == [1]


async def test_what_a_batch_changed_is_remembered_until_it_is_committed(store: Store) -> None:
    for _ in range(3):
        for number in range(8):
            await Appender(store).append("c:01", counting(f"v{number}"))
    async with grouped(lanes_of(store), await taken(store, "c:01", remember=2)):
        for number in range(8):
            await reaches(store, "c:01", f"v{number}", [1, 2, 3])


# -- whose shard it is ------------------------------------------------------------------------------------------------


async def test_a_taking_whose_answer_was_lost_is_not_taken_for_somebody_elses(store: Store) -> None:
    async def another() -> None:
        assert await taken(store, "c:01", "w2") is not None

    lane = Before(store.lane("slow", durable=True), "EVALSHA", 1, another, lost=True)
    assert await taken(store, "c:01", "w1", lane) is None


async def test_a_taker_that_slept_does_not_take_the_next_ones_epoch_for_its_own(store: Store) -> None:
    async def another() -> None:
        await store.lane("test").call("x", "DEL", keys.lease("c:01"))
        assert await taken(store, "c:01", "w2") is not None

    lane = Before(store.lane("slow", durable=True), "HGETALL", 2, another, lost=False)
    assert await taken(store, "c:01", "w1", lane) is None


async def test_a_commit_that_nobody_waits_for_any_more_still_counts(store: Store) -> None:
    async with grouped(lanes_of(store), await taken(store, "c:01")) as group:
        assert await group.commit_beside("c:01", [])  # connected from here on
        renewing = asyncio.create_task(group.commit_beside("c:01", [("SET", "{c:01}:x", 1)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        assert await group.commit_beside("c:01", [("SET", "{c:01}:y", 1)])
        assert group.shards


async def test_a_renewal_behind_a_release_does_not_bring_the_lease_back(store: Store) -> None:
    worker = worker_of(store)
    async with running(worker):
        await owning_all(worker)
        worker._wanted.discard("c:01")
        await asyncio.gather(worker._release("c:01"), worker._renew("c:01"))
        assert await store.lane("test").call("x", "GET", keys.lease("c:01")) is None


async def test_a_lost_reply_with_a_renewal_behind_it_commits_each_once(store: Store) -> None:
    sent: list[int] = []
    lane = store.lane("commit", durable=True)

    class LosesAnswers:
        def call(self, key: str, *args: Any, timeout: float | None = None) -> asyncio.Future[Any]:
            return asyncio.ensure_future(self._call(key, args))

        async def _call(self, key: str, args: tuple[Any, ...]) -> Any:
            answer = await lane.call(key, *args)
            sent.append(1)
            if len(sent) % 3 == 1:
                raise StoreLost("its answer was lost")
            return answer

    async with grouped(lanes_of(store, commit=LosesAnswers()), await taken(store, "c:01")) as group:
        for number in range(1, 11):
            await Appender(store).append("c:01", counting())
            assert await asyncio.gather(*(group.commit_beside("c:01", [("INCR", "{c:01}:n")]) for _ in range(3)))
            await reaches(store, "c:01", "v", list(range(1, number + 1)))
        assert await store.lane("test").call("x", "GET", "{c:01}:n") == b"30"


# -- what fails -------------------------------------------------------------------------------------------------------


class Clumsy(ToyHandler):
    """Its events cannot be written for priority 15; the rest is the toy's."""

    def handle(self, turn: Turn, command: Any) -> None:
        if getattr(command, "priority", 0) != 15:
            super().handle(turn, command)
            return
        self._count(turn, command.conversation, 1)
        turn.emit(
            ConversationPriorityChanged(
                id=turn.event_id(), at=turn.at, conversation=command.conversation, seq=2**70, priority=1
            )
        )


async def test_effects_that_cannot_be_written_are_a_failed_command(store: Store) -> None:
    shard = await take(store.lane("take", durable=True), "c:01", SHARDS, Clumsy(), "w1", 3_000, 100)
    async with grouped(lanes_of(store), shard):
        for priority in (1, 15, 1):
            await Appender(store).append("c:01", SetPriority(id=f"cm_{priority}", conversation="v", priority=priority))
        await Appender(store).append("c:01", counting())
        await reaches(store, "c:01", "v", [1, 2])
        assert await store.lane("test").call("x", "XLEN", keys.dead("c:01")) == 1


async def test_a_stored_value_that_cannot_be_read_stops_only_who_needs_it(store: Store) -> None:
    await store.lane("test").call("x", "SET", keys.row("c:01", "count", "v"), b"\xc1 rubbish")
    async with grouped(lanes_of(store), await taken(store, "c:01"), await taken(store, "c:02")):
        for name in ("c:01", "c:02"):
            for conversation in ("v", "w"):
                await Appender(store).append(name, counting(conversation, id=f"cm_{conversation}"))
        await reaches(store, "c:02", "v", [1])
        await reaches(store, "c:01", "w", [1])
        dead = await store.lane("test").call("x", "XRANGE", keys.dead("c:01"), "-", "+")
        assert [b"{c:01}:count:v cannot be read" in b" ".join(fields) for _, fields in dead] == [True]
        assert await store.lane("test").call("x", "EXISTS", keys.row("c:01", "done", "cm_v")) == 1


async def test_a_fault_beside_the_rules_costs_no_other_shard(store: Store) -> None:
    def effects(shard: Shard, some: Any) -> None:
        raise RuntimeError("a fault of the shell")

    async with grouped(
        lanes_of(store), await taken(store, "c:01"), await taken(store, "c:02"), effects=effects
    ) as group:
        await Appender(store).append("c:01", AddNote(conversation="v", message="m", parts=(Text("x"),)))
        await Appender(store).append("c:02", counting())
        await reaches(store, "c:02", "v", [1])
        assert group.shards


async def test_a_number_that_is_none_costs_only_its_entry(store: Store) -> None:
    async with grouped(lanes_of(store), await taken(store, "c:01")):
        key = keys.commands("c:01")
        await store.lane("test").call(
            "x", "XADD", key, "*", "data", encode(counting()), "from", "c:02", "n", "9" * 5000
        )
        await Appender(store).append("c:01", counting())
        await reaches(store, "c:01", "v", [1])


async def test_a_store_that_refuses_is_waited_for_and_nothing_is_lost_or_doubled(
    store: Store, server: ValkeyServer
) -> None:
    load = Held(store.lane("load"), "MGET")
    async with grouped(lanes_of(store, load=load), await taken(store, "c:01")) as group:
        load.hold()
        await asyncio.gather(*(Appender(store).append("c:01", counting()) for _ in range(5)))
        await load.held.wait()
        server.client().config_set("maxmemory", 1)
        try:
            load.let_go()
            await asyncio.sleep(0.7)
            assert await seqs(store, "c:01", "v") == []
        finally:
            server.client().config_set("maxmemory", 0)
        await reaches(store, "c:01", "v", [1, 2, 3, 4, 5])
        assert group.shards


async def test_a_store_that_refuses_for_ever_does_not_keep_a_worker_from_ending(
    store: Store, server: ValkeyServer
) -> None:
    load = Held(store.lane("load"), "MGET")
    async with grouped(lanes_of(store, load=load), await taken(store, "c:01")) as group:
        load.hold()
        await Appender(store).append("c:01", counting())
        await load.held.wait()
        server.client().config_set("maxmemory", 1)
        try:
            load.let_go()
            await asyncio.sleep(0.1)
            group.stop()
            await asyncio.sleep(1.2)
            assert not group.shards, "it is given up: nothing was applied, whoever comes next does it again"
        finally:
            server.client().config_set("maxmemory", 0)
    assert await seqs(store, "c:01", "v") == []


async def test_a_worker_whose_work_ended_says_so_and_can_be_started_again(store: Store) -> None:
    worker = worker_of(store)
    working = asyncio.create_task(worker.run())
    await owning_all(worker)
    next(iter(worker._running.values())).cancel()  # as any fault would end it
    with pytest.raises(RuntimeError, match="ended"):
        await asyncio.wait_for(working, 10)
    async with running(worker):
        await owning_all(worker)
        await Appender(store).append("c:01", counting())
        await reaches(store, "c:01", "v", [1])


# -- relays and timers ------------------------------------------------------------------------------------------------


async def test_posting_twice_at_once_counts_once(store: Store) -> None:
    shard = await taken(store, "c:01")
    assert shard is not None
    lanes = lanes_of(store)
    relay = Relay(lanes.post, lambda: [shard])
    async with grouped(lanes, shard):
        told = TagConversation(conversation="v", add=("c:02",) * 10)
        await Appender(store).append("c:01", told)

        async def ten() -> bool:
            return shard.postable == 10

        await until(ten)
        await asyncio.gather(relay.post(), relay.post())
        assert shard.posted == 10
        await Appender(store).append("c:01", told)

        async def popped() -> bool:
            return len(shard.outbox) == 10 and await store.lane("t").call("x", "LLEN", keys.outbox("c:01")) == 10

        await until(popped)


def test_a_relay_behind_a_gap_is_ignored_until_what_is_before_it_has_come() -> None:
    shard = fresh(ToyHandler())
    shard.learn(ToyHandler.tables[0], "v", None)
    for number, entry in ((1, "1-0"), (3, "2-0"), (2, "3-0"), (3, "4-0"), (1, "5-0"), (3, "6-0")):
        shard.handle(received(counting(), entry, "c:09", number), Writes("c:01"))
    assert shard.standing.seen == {"c:09": 3} and shard.standing.cursor == "6-0"
    assert shard._rows["listed"]["v"].seq == 3 and shard.counts.duplicates == 3


class Timed(ToyHandler):
    def handle(self, turn: Turn, command: Any) -> None:
        self.fired = turn.at_ms
        self.at = turn.at


def test_a_timer_is_never_before_its_time_though_the_workers_clock_is_ahead_of_the_stores() -> None:
    handler = Timed()
    shard = fresh(handler, {"t": 5_000})
    shard.handle(received(TimerDue(timer="t", due=5_000), "4900-0"), Writes("c:01"))
    assert handler.fired == 5_000 and handler.at == datetime.fromtimestamp(5, UTC)


def test_a_repeated_timer_fires_once_and_one_that_was_moved_not_at_its_old_time() -> None:
    handler = Timed()
    shard = fresh(handler, {"t": 5_000, "moved": 9_000})
    for entry in ("5100-0", "5100-1"):
        handler.fired = 0
        shard.handle(received(TimerDue(timer="t", due=5_000), entry), Writes("c:01"))
    shard.handle(received(TimerDue(timer="moved", due=6_000), "6000-0"), Writes("c:01"))
    assert handler.fired == 0


def fresh(handler: ToyHandler, timers: dict[str, int] | None = None) -> Shard:
    return Shard("c:01", SHARDS, handler, Standing(), {"listed": {}}, dict(timers or {}), ())


def received(command: Any, entry: str, sender: str | None = None, number: int = 0) -> Received:
    at_ms = int(entry.partition("-")[0])
    return Received(entry, at_ms, encode(command), None, command, None, sender, number)


# -- the tail ---------------------------------------------------------------------------------------------------------


async def test_whoever_follows_while_the_tail_falls_asleep_hears_of_every_shard(tmp_path: Path) -> None:
    with start_cluster(tmp_path, *ALWAYS) as cluster:
        store = await Store.open(StoreSettings(url=cluster.url, durability=Durability.DISK))
        tail = Tail(store, SHARDS)
        tailing = asyncio.create_task(tail.run())
        try:
            with tail.follower() as first:
                await tail.started()
                await asyncio.sleep(0.5)
                await _say(store, "c:00")  # its reader blocks half a second longer than the others from now on
                await asyncio.wait_for(first.next(), 5)
            await asyncio.sleep(0.8)
            with tail.follower() as second:
                await asyncio.wait_for(tail.started(), 5)
                for name in all_shards(SHARDS):
                    await _say(store, name)
                heard = {(await asyncio.wait_for(second.next(), 5)).shard for _ in all_shards(SHARDS)}
                assert heard == set(all_shards(SHARDS))
        finally:
            tailing.cancel()
            await asyncio.gather(tailing, return_exceptions=True)
            await store.close()


async def _say(store: Store, shard: str) -> None:
    key = keys.events(shard)
    await store.lane("say").call(key, "XADD", key, "*", "type", "x", "data", b"")
