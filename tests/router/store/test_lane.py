"""Lanes against a real server: order, errors, time-outs, reconnecting, back-pressure, logging in."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from pathlib import Path

import pytest
import uvloop

from router.store import (
    ReplyError,
    Store,
    StoreConfigError,
    StoreError,
    StoreLost,
    StoreRefused,
    StoreSettings,
    StoreUnavailable,
)
from router.store.settings import Durability
from tests.router.store.conftest import OpenStore
from tests.servers.ports import free_port
from tests.servers.valkey import ValkeyServer, start_valkey, wait_until

pytestmark = pytest.mark.store


async def test_values_are_resp2_bytes(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    assert await lane.call("k", "SET", "k", "ü") == b"OK"
    assert await lane.call(b"k", b"GET", b"k") == "ü".encode()
    assert await lane.call("k", "HSET", "h", "a", 1) == 1
    assert await lane.call("k", "HGETALL", "h") == [b"a", b"1"]
    assert await lane.call("k", "GET", "nothing") is None


async def test_over_a_unix_socket(valkey: ValkeyServer, open_store: OpenStore) -> None:
    store = await open_store(valkey.unix_url)
    assert await store.lane("t").call("k", "PING") == b"PONG"
    assert await store.client.ping() is True


async def test_order_of_calls_is_order_of_effects(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    for start in range(0, 1000, 100):
        await asyncio.gather(*(lane.call("o", "RPUSH", "o", n) for n in range(start, start + 100)))
    assert await lane.call("o", "LRANGE", "o", 0, -1) == [str(n).encode() for n in range(1000)]


async def test_a_transaction_called_in_one_go_stays_together(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")

    async def transfer() -> list[object]:
        calls = [("MULTI",), ("INCR", "tx"), ("LPUSH", "tx", 1), ("EXEC",)]
        *_, answer = await asyncio.gather(*(lane.call("tx", *call) for call in calls))
        return list(answer)

    for first, second in await asyncio.gather(*(transfer() for _ in range(20))):
        assert isinstance(first, int)
        assert isinstance(second, ReplyError)
    assert await lane.call("tx", "GET", "tx") == b"20"


async def test_an_error_has_its_code(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    with pytest.raises(ReplyError) as caught:
        await lane.call("k", "EVALSHA", "0" * 40, 0)
    assert caught.value.code == "NOSCRIPT"


async def test_a_full_server_refuses_and_a_script_writes_nothing(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        lane = (await open_store(server.url)).lane("t")
        await lane.call("k", "CONFIG", "SET", "maxmemory", 1)
        for call in [("SET", "k", 1), ("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, "k")]:
            with pytest.raises(StoreRefused, match="OOM") as caught:
                await lane.call("k", *call)
            assert caught.value.retryable
        assert await lane.call("k", "EXISTS", "k") == 0


async def test_a_blocking_read_on_a_lane_of_its_own(valkey: ValkeyServer, open_store: OpenStore) -> None:
    store = await open_store(valkey.url, call_timeout_ms=200)
    reader, writer = store.lane("reader"), store.lane("writer")
    assert await reader.call("b", "XREAD", "BLOCK", 300, "STREAMS", "b", "0", timeout=2.0) is None
    waiting = reader.call("b", "XREAD", "BLOCK", 1500, "STREAMS", "b", "0", timeout=3.0)
    await asyncio.sleep(0.3)
    await writer.call("b", "XADD", "b", "*", "a", "1")
    [[key, [[_, fields]]]] = await waiting
    assert (key, fields) == (b"b", [b"a", b"1"])


async def test_a_late_answer_poisons_the_connection_and_the_next_call_gets_a_new_one(
    valkey: ValkeyServer, open_store: OpenStore
) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    late = lane.call("k", "BLPOP", "nothing", 1, timeout=0.05)
    other = lane.call("k", "PING")
    for future in (late, other):
        with pytest.raises(StoreLost, match="in time"):
            await future
    assert await lane.call("k", "ECHO", "new") == b"new"


async def test_a_frozen_server_is_a_lost_call(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        lane = (await open_store(server.url)).lane("t")
        assert await lane.call("k", "INCR", "k") == 1
        server.freeze()
        with pytest.raises(StoreLost):
            await lane.call("k", "INCR", "k", timeout=0.1)
        server.thaw()
        assert await lane.call("k", "GET", "k") in (b"1", b"2")


async def test_a_killed_server_loses_what_is_under_way_and_is_found_again(
    tmp_path: Path, open_store: OpenStore
) -> None:
    with start_valkey(tmp_path) as server:
        lane = (await open_store(server.url)).lane("t")
        under_way = lane.call("k", "BLPOP", "nothing", 0, timeout=5.0)
        await asyncio.sleep(0.05)
        server.kill()
        with pytest.raises(StoreLost, match="lost"):
            await under_way
        with pytest.raises(StoreUnavailable, match="cannot connect"):
            await lane.call("k", "PING")
        server.restart()
        assert await lane.call("k", "PING") == b"PONG"


async def test_calls_made_while_connecting_keep_their_order(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    calls = [lane.call("c", "RPUSH", "c", n) for n in range(50)]
    await asyncio.sleep(0)
    calls += [lane.call("c", "RPUSH", "c", n) for n in range(50, 100)]
    assert await asyncio.gather(*calls) == list(range(1, 101))


async def test_backpressure_refuses_past_the_bound(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        lane = (await open_store(server.url, max_buffer_bytes=1_000_000)).lane("t")
        await lane.call("k", "PING")
        server.freeze()
        calls = [lane.call("k", "RPUSH", "k", b"x" * 10_000) for _ in range(300)]
        busy = [call for call in calls if call.done()]
        assert 150 < len(busy) < 250
        for call in busy:
            with pytest.raises(StoreRefused, match="BUSY"):
                await call
        server.thaw()
        accepted = [call for call in calls if call not in busy]
        assert await asyncio.gather(*accepted) == list(range(1, len(accepted) + 1))


async def test_waiting_for_a_connection_is_bounded(valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore) -> None:
    """A server that accepts and says nothing: nothing of ours was sent, and the wait ends."""
    with start_valkey(tmp_path) as server:
        store = await open_store(server.url, connect_timeout_ms=400)
        server.freeze()
        lane = store.lane("t")
        with pytest.raises(StoreUnavailable, match="no connection to t in time"):
            await lane.call("k", "INCR", "k", timeout=0.1)
        with pytest.raises(StoreUnavailable, match="did not let us in within 400 ms"):
            await lane.call("k", "INCR", "k")
        server.thaw()
        assert server.call("EXISTS", "k") == 0


async def test_a_closed_lane_says_so(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    blocked = lane.call("k", "BLPOP", "nothing", 0)
    await asyncio.sleep(0.05)
    await lane.close()
    with pytest.raises(StoreLost):
        await blocked
    with pytest.raises(StoreUnavailable, match="closed"):
        await lane.call("k", "PING")


async def test_cancels_at_random_moments_never_mix_up_answers(valkey: ValkeyServer, open_store: OpenStore) -> None:
    """The regression that redis-py had three times (T26): 2,000 cancels, and no answer goes to another command."""
    lane = (await open_store(valkey.url)).lane("t")
    chance = random.Random(26)
    cancelled = 0

    async def one(number: int) -> None:
        nonlocal cancelled
        task = asyncio.ensure_future(lane.call("e", "ECHO", number))
        for _ in range(chance.randrange(8)):
            await asyncio.sleep(0)
        task.cancel()
        try:
            assert await task == str(number).encode()
        except asyncio.CancelledError:
            cancelled += 1

    for start in range(0, 20_000, 100):
        if cancelled >= 2_000:
            break
        await asyncio.gather(*(one(n) for n in range(start, start + 100)))
        assert await lane.call("e", "ECHO", start) == str(start).encode()
    assert cancelled >= 2_000
    assert int(valkey.info("clients")["connected_clients"]) < 10


async def test_login_and_database(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        server.call("ACL", "SETUSER", "desk", "on", ">p@ss/w", "~*", "&*", "+@all")
        server.call("ACL", "SETUSER", "default", "resetpass", ">other")
        server.password = "other"
        url = f"redis://desk:p%40ss%2Fw@{server.address}/3"
        store = await open_store(url)
        lane = store.lane("t")
        await lane.call("k", "SET", "k", 1)
        assert await lane.call("k", "ACL", "WHOAMI") == b"desk"
        assert b"name=madoguchi:t" in await lane.call("k", "CLIENT", "LIST")
        assert await store.client.get("k") == b"1"
        assert server.call("EXISTS", "k") == 0, "database 3, not 0"
        assert "p@ss" not in store.url_for_display + repr(vars(store))


@pytest.mark.parametrize(
    ("login", "says"),
    [
        ("", "needs a password"),
        ("desk:wr0ng-s3cret@", "did not accept the user name and password"),
    ],
)
async def test_wrong_login(tmp_path: Path, open_store: OpenStore, login: str, says: str) -> None:
    with start_valkey(tmp_path) as server:
        server.call("CONFIG", "SET", "requirepass", "right")
        server.password = "right"
        with pytest.raises(StoreConfigError, match=says) as caught:
            await open_store(f"redis://{login}{server.address}")
        assert "wr0ng-s3cret" not in str(caught.value)


async def test_no_such_database(valkey: ValkeyServer, open_store: OpenStore) -> None:
    with pytest.raises(StoreConfigError, match="no such database"):
        await open_store(f"{valkey.url}/99")


async def test_nobody_there(open_store: OpenStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot connect to 127"):
        await open_store(f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match="cannot connect to /"):
        await open_store(f"unix://{tmp_path}/none")
    with pytest.raises(StoreUnavailable, match="cannot connect"):
        await open_store("redis://no-such-host.invalid")


async def test_too_many_clients_is_a_clear_sentence(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        store = await open_store(server.url)
        await store.lane("first").call("k", "CONFIG", "SET", "maxclients", 1)
        with pytest.raises(StoreUnavailable, match=r"no more connections|closed the connection"):
            await store.lane("second").call("k", "PING")


async def test_loading_is_refused_and_retried_on_a_new_connection(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path, "--appendonly", "yes", "--enable-debug-command", "yes") as server:
        lane = (await open_store(server.url)).lane("t")
        await lane.call("k", "DEBUG", "POPULATE", 3_000, "k", 1_000)
        await lane.call("k", "BGREWRITEAOF")
        wait_until(lambda: server.info("persistence")["aof_rewrites"], "the keys in the file")
        wait_until(lambda: not server.info("persistence")["aof_rewrite_in_progress"], "the keys in the file")
        server.kill()
        server.spawn("--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
        codes = set()
        for _ in range(500):
            try:
                assert await lane.call("k", "PING") == b"PONG"
                break
            except StoreRefused as error:
                codes.add(error.code)
            except StoreError:
                await asyncio.sleep(0.01)
        assert codes == {"LOADING"}
        assert await lane.call("k", "DBSIZE") == 3_000


def test_the_same_under_uvloop(valkey: ValkeyServer, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await Store.open(StoreSettings(url=valkey.url, data_dir=tmp_path, durability=Durability.DISK))
        lane = store.lane("t", durable=True)
        assert await asyncio.gather(*(lane.call("u", "INCR", "u") for _ in range(500))) == list(range(1, 501))
        late = await asyncio.gather(
            store.lane("late").call("u", "BLPOP", "nothing", 1, timeout=0.05), return_exceptions=True
        )
        assert isinstance(late[0], StoreLost)
        assert await lane.call("u", "GET", "u") == b"500"
        await store.close()

    uvloop.run(scenario())


async def test_a_caller_that_left_leaves_no_noise(
    valkey: ValkeyServer, open_store: OpenStore, caplog: pytest.LogCaptureFixture
) -> None:
    lane = (await open_store(valkey.url)).lane("t")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            lane.call("k", "BLPOP", "nothing", 1, timeout=0.02).cancel()
            await asyncio.sleep(0.06)
        gc.collect()
        await asyncio.sleep(0)
    assert caplog.records == []
