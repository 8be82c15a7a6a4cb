"""Lost answers: the command arrives, its answer does not. The caller hears `StoreLost`, and nothing is sent twice."""

from __future__ import annotations

import asyncio

import pytest

from router.store import Lane, StoreError, StoreLost, StoreUnavailable
from tests.router.store.conftest import OpenStore
from tests.servers.proxy import LostReplyProxy
from tests.servers.valkey import ValkeyServer

pytestmark = [pytest.mark.store, pytest.mark.chaos]

_WRITES = 400


async def test_a_lost_answer_is_uncertain_and_the_entry_is_there_once(
    valkey: ValkeyServer, open_store: OpenStore
) -> None:
    async with LostReplyProxy(valkey.url) as proxy:
        lane = (await open_store(proxy.url)).lane("t")
        proxy.lose_next()
        with pytest.raises(StoreLost):
            await lane.call("once", "XADD", "once", "*", "a", "1")
        assert await lane.call("once", "XLEN", "once") == 1
        assert proxy.lost == 1


async def test_the_cold_client_does_not_send_again_either(valkey: ValkeyServer, open_store: OpenStore) -> None:
    async with LostReplyProxy(valkey.url) as proxy:
        store = await open_store(proxy.url)
        proxy.lose_next()
        with pytest.raises(Exception, match=r"(?i)connection"):
            await store.client.xadd("cold", {"a": "1"})
        assert await store.client.xlen("cold") == 1


@pytest.mark.parametrize("every", [2, 3, 5, 10])
async def test_every_answer_is_the_right_one_or_none(valkey: ValkeyServer, open_store: OpenStore, every: int) -> None:
    """T10: whatever is lost, acknowledged entries are there, uncertain ones at most once, the rest not at all."""
    key = f"lost{every}"
    async with LostReplyProxy(valkey.url) as proxy:
        lane = (await open_store(proxy.url)).lane("t")
        proxy.lose_every(every)
        outcomes = [outcome for start in range(0, _WRITES, 10) for outcome in await _write(lane, key, start, 10)]
        proxy.lose_every(0)
        stored = [int(fields[1]) for _, fields in await lane.call(key, "XRANGE", key, "-", "+")]
    acknowledged = {n for n, outcome in outcomes if outcome == "stored"}
    uncertain = {n for n, outcome in outcomes if outcome == "uncertain"}
    assert len(stored) == len(set(stored)), "nothing was sent twice"
    assert acknowledged <= set(stored) <= acknowledged | uncertain
    assert proxy.lost > 0
    assert uncertain


async def _write(lane: Lane, key: str, start: int, count: int) -> list[tuple[int, str]]:
    return await asyncio.gather(*(_write_one(lane, key, n) for n in range(start, start + count)))


async def _write_one(lane: Lane, key: str, number: int) -> tuple[int, str]:
    pair = [lane.call(key, "XADD", key, "*", "n", number), lane.call(key, "ECHO", number)]
    stored, echoed = await asyncio.gather(*pair, return_exceptions=True)
    if not isinstance(echoed, StoreError):
        assert echoed == str(number).encode(), "an answer went to another command"
    if isinstance(stored, StoreUnavailable):
        return number, "not sent"
    return number, "uncertain" if isinstance(stored, StoreLost) else "stored"


async def test_a_muted_connection_is_given_up_in_time(valkey: ValkeyServer, open_store: OpenStore) -> None:
    async with LostReplyProxy(valkey.url) as proxy:
        lane = (await open_store(proxy.url)).lane("t")
        assert await lane.call("m", "PING") == b"PONG"
        proxy.muted = True
        with pytest.raises(StoreLost, match="in time"):
            await lane.call("m", "INCR", "m", timeout=0.1)
        proxy.muted = False
        assert await lane.call("m", "GET", "m") == b"1"


async def test_late_answers_of_a_given_up_connection_reach_nobody(valkey: ValkeyServer, open_store: OpenStore) -> None:
    async with LostReplyProxy(valkey.url) as proxy:
        lane = (await open_store(proxy.url)).lane("t")
        await lane.call("d", "PING")
        proxy.delay = 0.2
        with pytest.raises(StoreLost):
            await lane.call("d", "ECHO", "old", timeout=0.05)
        proxy.delay = 0.0
        for number in range(50):
            assert await lane.call("d", "ECHO", number) == str(number).encode()
            await asyncio.sleep(0.005)


async def test_a_cut_line_is_made_again_and_connections_do_not_pile_up(
    valkey: ValkeyServer, open_store: OpenStore
) -> None:
    async with LostReplyProxy(valkey.url) as proxy:
        lane = (await open_store(proxy.url)).lane("t")
        for _ in range(5):
            proxy.cut()
            await asyncio.sleep(0.02)
            assert await lane.call("k", "PING") == b"PONG"
        assert int(valkey.info("clients")["connected_clients"]) < 8
