"""The engine on a real Valkey: exactly once, in order, over crashes of the owner and lost replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.codec import decode_event, encode, moment
from contracts.commands import AddNote, SetPriority, SetStatus, TagConversation
from contracts.content import Text
from contracts.events import ContactMerged
from contracts.streams import all_shards
from router.shards import keys
from router.shards.append import Appender
from router.shards.layout import check_layout
from router.shards.state import StateReader
from router.shards.submit import Submitter
from router.shards.tail import Entry, Tail, TokenError, decode_token, encode_token
from router.shards.worker import Worker, WorkerSettings, running
from router.store.errors import StoreConfigError
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.router.shards.toy import COUNT, LISTED, ToyHandler
from tests.servers.proxy import LostReplyProxy
from tests.servers.valkey import ValkeyServer, start_cluster, start_valkey

SHARDS = 4
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey"), *ALWAYS) as server:
        yield server


@pytest.fixture
def url(server: ValkeyServer) -> str:
    flush(server)
    return server.url


def flush(server: ValkeyServer) -> None:
    server.client().flushall()


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(url=url, durability=Durability.DISK, **settings))
    try:
        yield store
    finally:
        await store.close()


def worker_of(store: Store, name: str = "w1", **settings: Any) -> Worker:
    return Worker(
        store, WorkerSettings(id=name, shards=SHARDS, **settings), lambda shard: ToyHandler(), lambda *_: None
    )


async def until(what: Any, patience: float = 15.0) -> Any:
    """Polls an async question until it is answered with something true."""
    async with asyncio.timeout(patience):
        while not (answer := await what()):
            await asyncio.sleep(0.02)
        return answer


async def events_of(store: Store, shard: str) -> list[Any]:
    entries = await store.lane("test").call("x", "XRANGE", keys.events(shard), "-", "+")
    return [decode_event(dict(zip(fields[::2], fields[1::2], strict=True))[b"data"]) for _, fields in entries]


async def seqs(store: Store, shard: str, conversation: str) -> list[int]:
    return [event.seq for event in await events_of(store, shard) if event.conversation == conversation and event.seq]


async def test_commands_become_numbered_events_in_order(url: str) -> None:
    async with opened(url) as store:
        appender, reader = Appender(store), StateReader(store, SHARDS)
        async with running(worker_of(store)):
            await asyncio.gather(
                *(
                    appender.append("c:01", SetPriority(conversation=f"v{n % 7}", priority=n))
                    for n in range(700)
                    if n not in (13, 14)
                )
            )
            await until(lambda: _count_is(reader, "c:01", "v0", 99))
            assert await seqs(store, "c:01", "v3") == list(range(1, 101))
            assert (await reader.rows("c:01", LISTED))["v3"].seq == 100


async def _count_is(reader: StateReader, shard: str, id: str, wanted: int) -> bool:
    count = await reader.get(shard, COUNT, id)
    return count is not None and count.seq >= wanted


async def test_relays_reach_other_shards_exactly_once_and_own_too(url: str) -> None:
    async with opened(url) as store:
        appender, reader = Appender(store), StateReader(store, SHARDS)
        async with running(worker_of(store)):
            told = tuple(all_shards(SHARDS)[:4])
            await asyncio.gather(
                *(appender.append("c:00", TagConversation(conversation="v", add=told)) for _ in range(200))
            )
            for shard in told:
                await until(lambda shard=shard: _count_is(reader, shard, "v", 200))
            await asyncio.sleep(0.3)
            for shard in told:
                assert await seqs(store, shard, "v") == list(range(1, 201))
            await appender.append("c:00", SetPriority(conversation="last", priority=1))
            await until(lambda: _outbox_empty(store, "c:00"))


async def _outbox_empty(store: Store, shard: str) -> bool:
    await Appender(store).append(shard, SetPriority(conversation="nudge", priority=1))
    return bool(await store.lane("t").call("x", "LLEN", keys.outbox(shard)) == 0)


async def test_a_failing_command_is_set_aside_and_the_shard_goes_on(url: str) -> None:
    async with opened(url) as store:
        appender, reader = Appender(store), StateReader(store, SHARDS)
        async with running(worker_of(store)):
            for priority in (1, 13, 14, 2):
                await appender.append("c:02", SetPriority(conversation="v", priority=priority), raw=b"payload")
            await store.lane("t").call("x", "XADD", keys.commands("c:02"), "*", "data", b"\xc1 rubbish")
            await store.lane("t").call("x", "XADD", keys.commands("c:02"), "*", "other", "field")
            await appender.append("c:02", SetPriority(conversation="v", priority=3))
            await until(lambda: _count_is(reader, "c:02", "v", 3))
            dead = await store.lane("t").call("x", "XRANGE", keys.dead("c:02"), "-", "+")
            fields = [dict(zip(found[::2], found[1::2], strict=True)) for _, found in dead]
            assert [b"ValueError" in field[b"reason"] for field in fields] == [True, False, False]
            assert fields[0][b"raw"] == b"payload" and fields[1][b"data"] == b"\xc1 rubbish"
            assert b"unlucky" not in fields[0][b"reason"]


async def test_submitting_waits_for_the_outcome_and_an_id_is_carried_out_once(url: str) -> None:
    async with opened(url) as store:
        tail = Tail(store, SHARDS)
        tailing = asyncio.create_task(tail.run())
        submitter = Submitter(Appender(store), tail, StateReader(store, SHARDS))
        async with running(worker_of(store)):
            first = await submitter.submit("c:01", SetPriority(id="cm_1", conversation="v", priority=5))
            again = await submitter.submit("c:01", SetPriority(id="cm_1", conversation="v", priority=5))
            assert first is not None and again is not None
            assert first.result == again.result == {"seq": "1"}
            refused = await submitter.submit("c:01", SetPriority(id="cm_2", conversation="v", priority=14))
            assert refused is not None and refused.problem is not None and refused.problem.kind == "conflict"
            failed = await submitter.submit("c:01", SetPriority(id="cm_3", conversation="v", priority=13))
            assert failed is not None and failed.problem is not None and failed.problem.kind == "failed"
            assert await seqs(store, "c:01", "v") == [1]
        tailing.cancel()
        await asyncio.gather(tailing, return_exceptions=True)


async def test_late_outcomes_are_found_later(url: str) -> None:
    async with opened(url) as store:
        tail = Tail(store, SHARDS)
        tailing = asyncio.create_task(tail.run())
        submitter = Submitter(Appender(store), tail, StateReader(store, SHARDS))
        assert await submitter.submit("c:01", SetPriority(id="cm_9", conversation="v", priority=5), 0.1) is None
        async with running(worker_of(store)):
            done = await until(lambda: submitter.outcome("c:01", "cm_9"))
            assert done.problem is None
        tailing.cancel()
        await asyncio.gather(tailing, return_exceptions=True)


async def test_timers_fire_once_and_moved_ones_only_at_their_new_time(url: str) -> None:
    async with opened(url) as store:
        appender, reader = Appender(store), StateReader(store, SHARDS)
        async with running(worker_of(store)):
            far = datetime.now(UTC) + timedelta(seconds=60)
            soon = datetime.now(UTC) + timedelta(seconds=0.5)
            await appender.append("c:01", SetStatus(conversation="v", status="snoozed", until=soon))
            await appender.append("c:01", SetStatus(conversation="w", status="snoozed", until=soon))
            await appender.append("c:01", SetStatus(conversation="w", status="snoozed", until=far))
            await until(lambda: _count_is(reader, "c:01", "v", 1))
            await asyncio.sleep(0.5)
            assert await seqs(store, "c:01", "v") == [1]
            assert await seqs(store, "c:01", "w") == []
            left = await store.lane("t").call("x", "ZRANGE", keys.timers("c:01"), 0, -1)
            assert left == [b"t:w"]


async def test_shards_are_shared_and_handed_over_without_gaps(url: str) -> None:
    async with opened(url) as one, opened(url) as two:
        appender, reader = Appender(one), StateReader(one, SHARDS)
        first, second = worker_of(one, "w1"), worker_of(two, "w2")
        posting = asyncio.create_task(_post(appender, 1500))
        async with running(first):
            await until(lambda: _owns(first, SHARDS + 1))
            async with running(second):
                await until(lambda: _owns(second, 1))
                await asyncio.sleep(0.3)
                assert not set(first.owned) & set(second.owned)
            await until(lambda: _owns(first, SHARDS + 1))
            await posting
            for shard in all_shards(SHARDS)[:4]:
                await until(lambda shard=shard: _count_is(reader, shard, "v", 375))
                assert await seqs(one, shard, "v") == list(range(1, 376))


async def _owns(worker: Worker, count: int) -> bool:
    return len(worker.owned) >= count


async def _post(appender: Appender, count: int) -> None:
    for number in range(count):
        await appender.append(f"c:{number % 4:02d}", SetPriority(conversation="v", priority=1))


async def test_a_silent_owner_is_replaced_and_its_late_commit_changes_nothing(url: str) -> None:
    async with opened(url) as one, opened(url) as two:
        appender, reader = Appender(one), StateReader(one, SHARDS)
        first = worker_of(one, "w1", lease_ms=500, alive_ms=500, beat_ms=100)
        async with running(first):
            await appender.append("c:01", SetPriority(conversation="v", priority=1))
            await until(lambda: _count_is(reader, "c:01", "v", 1))
            stale = first.owned["c:01"]
            # Another takes the shard behind its back, as after a long pause of the whole process.
            second = worker_of(two, "w2")
            second._wanted = {"c:01"}
            async with asyncio.timeout(10):
                while "c:01" not in second.owned:  # the first may renew its lease in between
                    await one.lane("t").call("x", "DEL", keys.lease("c:01"))
                    await second._look()
            assert second.owned["c:01"].standing.epoch == stale.standing.epoch + 1
            await until(lambda: _lost(first, stale))
            for _ in range(10):
                await appender.append("c:01", SetPriority(conversation="v", priority=1))
            await until(lambda: _count_is(reader, "c:01", "v", 11))
            assert await seqs(one, "c:01", "v") == list(range(1, 12))
            await second._leave()


async def _lost(worker: Worker, shard: Any) -> bool:
    return worker.owned.get(shard.name) is not shard


async def test_lost_replies_change_nothing(server: ValkeyServer, url: str) -> None:
    async with (
        LostReplyProxy(server.url) as proxy,
        opened(url) as direct,
        opened(proxy.url, call_timeout_ms=1000) as store,
    ):
        proxy.lose_every(5)
        appender, reader = Appender(direct), StateReader(direct, SHARDS)
        async with running(worker_of(store, lease_ms=1000, alive_ms=3000)):
            shards = tuple(all_shards(SHARDS)[:4])
            for _ in range(100):
                await appender.append("c:00", TagConversation(conversation="v", add=shards))
                await asyncio.sleep(0.005)
            for shard in shards:
                await until(lambda shard=shard: _count_is(reader, shard, "v", 100), 60)
                assert await seqs(direct, shard, "v") == list(range(1, 101))
        assert proxy.lost > 5


async def test_the_tail_resumes_without_loss_and_without_repeats(url: str) -> None:
    async with opened(url) as store:
        appender = Appender(store)
        tail = Tail(store, SHARDS)
        tailing = asyncio.create_task(tail.run())
        async with running(worker_of(store)):
            tail.listen("command.done", lambda entry: None)
            await tail.started()
            start = tail.now()
            posting = asyncio.create_task(_post(appender, 400))
            seen: list[tuple[str, int]] = []
            token = start
            for stop in (37, 150, 400):
                async for entry in tail.follow(after=token):
                    seen.append((entry.shard, entry.event.seq))
                    token = entry.token
                    if len(seen) == stop:
                        break
            await posting
            assert sorted(seen) == [(f"c:{n:02d}", seq) for n in range(4) for seq in range(1, 101)]
            for number in range(4):
                assert [seq for shard, seq in seen if shard == f"c:{number:02d}"] == list(range(1, 101))
        tailing.cancel()
        await asyncio.gather(tailing, return_exceptions=True)


async def test_effects_are_told_after_the_commit(url: str) -> None:
    async with opened(url) as store:
        told: list[object] = []
        worker = Worker(
            store, WorkerSettings(id="w", shards=SHARDS), lambda shard: ToyHandler(), lambda _, some: told.extend(some)
        )
        async with running(worker):
            await Appender(store).append("c:01", AddNote(conversation="v", message="m", parts=(Text("x"),)))

            async def heard() -> bool:
                return bool(told)

            await until(heard)
            assert told == [("noted", "v")]
            assert await worker.write("c:01", [("HSET", keys.started("c:01"), "ms_1", 1)])
            assert await worker.begun("c:01") == {"ms_1": 1}


async def test_another_number_of_shards_is_refused(url: str) -> None:
    async with opened(url) as store:
        await check_layout(store, SHARDS)
        await check_layout(store, SHARDS)
        with pytest.raises(StoreConfigError, match=r"made with 4 conversation shards.*shards\.conversation = 4"):
            await check_layout(store, 16)


async def test_the_tail_sleeps_while_nobody_wants_to_know_and_misses_nothing_for_whoever_comes(url: str) -> None:
    async with opened(url) as store:
        appender, tail = Appender(store), Tail(store, SHARDS)
        tailing = asyncio.create_task(tail.run())
        async with running(worker_of(store)):
            for wanted in range(1, 4):
                with tail.follower(keys=["v"]) as follower:
                    await tail.started()
                    await appender.append("c:01", SetPriority(conversation="v", priority=1))
                    assert (await asyncio.wait_for(follower.next(), 10)).event.seq == wanted
                await asyncio.wait_for(_asleep(tail), 10)
        tailing.cancel()
        await asyncio.gather(tailing, return_exceptions=True)


async def _asleep(tail: Tail) -> None:
    while tail._ready.is_set():
        await asyncio.sleep(0.02)


def test_who_follows_the_contact_that_gave_way_is_told_of_the_merge() -> None:
    event = ContactMerged(id="e", at=moment(0), contact="ct_01_b", merged="ct_00_a", why="the same person")
    entry = Entry("c:01", "1-0", [b"type", b"contact.merged", b"contact", b"ct_01_b", b"data", encode(event)], ())
    assert entry.keys == ["ct_01_b", "ct_00_a"]


def test_tokens_round_trip_and_rubbish_is_refused() -> None:
    positions = ((1_700_000_000_000, 3), (0, 0), (1_700_000_000_500, 0))
    assert decode_token(encode_token(positions), 3) == positions
    for rubbish in ("", "x", "AAAA", "é", encode_token(positions[:2]), "kwECAw"):
        with pytest.raises(TokenError):
            decode_token(rubbish, 3)


async def test_the_same_on_a_cluster(tmp_path: Path) -> None:
    with start_cluster(tmp_path, *ALWAYS) as cluster:
        async with opened(cluster.url) as store:
            appender, reader = Appender(store), StateReader(store, SHARDS)
            tail = Tail(store, SHARDS)
            tailing = asyncio.create_task(tail.run())
            async with running(worker_of(store)):
                tail.listen("command.done", lambda entry: None)
                await tail.started()
                shards = tuple(all_shards(SHARDS)[:4])
                for _ in range(50):
                    await appender.append("c:00", TagConversation(conversation="v", add=shards))
                for shard in shards:
                    await until(lambda shard=shard: _count_is(reader, shard, "v", 50))
            tailing.cancel()
            await asyncio.gather(tailing, return_exceptions=True)
