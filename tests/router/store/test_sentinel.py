"""Behind sentinels: the primary is found, a failover is followed, and a demoted server takes nothing from us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from router.store import Durability, Lane, StoreConfigError, StoreError, StoreLost, StoreUnavailable
from tests.router.store.conftest import OpenStore
from tests.servers.ports import free_port
from tests.servers.valkey import ValkeySentinels, start_sentinel

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeySentinels]:
    with start_sentinel(tmp_path_factory.mktemp("sentinel"), replicas=2) as sentinels:
        yield sentinels


async def test_the_primary_is_found(sentinels: ValkeySentinels, open_store: OpenStore) -> None:
    store = await open_store(sentinels.url)
    assert await store.lane("t").call("k", "SET", "k", 1) == b"OK"
    assert await store.client.get("k") == b"1"
    facts = await store.facts()
    assert (facts.mode, facts.nodes, facts.replicas) == ("sentinel", 1, 2)
    assert store.node_of("a") == store.node_of("b")


async def test_sentinels_that_are_gone_are_passed_over(sentinels: ValkeySentinels, open_store: OpenStore) -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()},{sentinels.sentinels[1].address}/{sentinels.service}"
    assert await (await open_store(url)).lane("t").call("k", "PING") == b"PONG"


async def test_no_sentinel_at_all(open_store: OpenStore) -> None:
    with pytest.raises(StoreUnavailable, match="no sentinel helped"):
        await open_store(f"redis+sentinel://127.0.0.1:{free_port()}/desk")


async def test_a_service_they_do_not_know(sentinels: ValkeySentinels, open_store: OpenStore) -> None:
    with pytest.raises(StoreConfigError, match="knows no service 'other'"):
        await open_store(sentinels.url.replace("/desk/", "/other/"))


async def test_a_failover_is_followed_and_acknowledged_writes_stay(
    sentinels: ValkeySentinels, open_store: OpenStore
) -> None:
    """With class `replica`: whatever was acknowledged is on the new primary, nothing twice, no READONLY that stays."""
    store = await open_store(sentinels.url, durability=Durability.REPLICA, barrier_timeout_ms=300)
    lane = store.lane("t", durable=True)
    outcomes: dict[int, str] = {}
    failing_over = asyncio.create_task(asyncio.to_thread(sentinels.fail_over))
    number, deadline = 0, time.monotonic() + 60
    while not failing_over.done() or outcomes.get(number) != "stored":
        number += 1
        assert time.monotonic() < deadline, "nothing is stored a minute after the failover began"
        outcomes[number] = await _write(lane, number)
    await failing_over
    stored = [int(fields[1]) for _, fields in await lane.call("f", "XRANGE", "f", "-", "+")]
    acknowledged = {n for n, outcome in outcomes.items() if outcome == "stored"}
    uncertain = {n for n, outcome in outcomes.items() if outcome == "uncertain"}
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored) <= acknowledged | uncertain
    assert len(acknowledged) > 1


async def _write(lane: Lane, number: int) -> str:
    try:
        await lane.call("f", "XADD", "f", "*", "n", number)
    except StoreLost:
        return "uncertain"
    except StoreError:
        await asyncio.sleep(0.02)
        return "refused"
    return "stored"


async def test_a_demoted_server_is_left(sentinels: ValkeySentinels, open_store: OpenStore) -> None:
    """Long before it is demoted: sentinels let the old primary take writes, and lose them, for ten seconds."""
    store = await open_store(sentinels.url)
    lane = store.lane("t")
    await lane.call("k", "SET", "k", 1)
    await asyncio.to_thread(sentinels.fail_over)
    async with asyncio.timeout(6):
        assert (await _set_until_there(sentinels, lane, 2)).count("READONLY") <= 1


async def _set_until_there(sentinels: ValkeySentinels, lane: Lane, value: int) -> list[str]:
    """Write until the new primary has it; the codes of what was refused before."""
    codes: list[str] = []
    for _ in range(600):
        try:
            await lane.call("k", "SET", "k", value)
        except StoreError as error:
            codes.append(getattr(error, "code", ""))
        if sentinels.primary().call("GET", "k") == str(value).encode():
            return codes
        await asyncio.sleep(0.02)
    raise AssertionError(f"never arrived: {codes}")


@pytest.mark.chaos
async def test_a_killed_primary_is_replaced(sentinels: ValkeySentinels, open_store: OpenStore) -> None:
    store = await open_store(sentinels.url)
    lane = store.lane("t")
    await lane.call("k", "SET", "k", 3)
    before = sentinels.primary()
    before.kill()
    await asyncio.to_thread(sentinels.wait_for_other, before)
    await _set_until_there(sentinels, lane, 4)
    assert (await store.facts()).connected
