"""A cluster: the right node, moving slots, nodes that die; order and single application throughout."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from router.store import Durability, StoreError, StoreRefused, StoreUnavailable
from router.store.cluster import ClusterMap, slot_of
from router.store.dial import Dialer
from router.store.settings import StoreSettings
from router.store.url import parse
from tests.router.store.conftest import OpenStore
from tests.servers.proxy import LostReplyProxy
from tests.servers.valkey import ValkeyCluster, start_cluster, wait_until

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster"), "--appendonly", "yes") as cluster:
        yield cluster


@pytest.mark.parametrize("key", ["a", "{c:00}:stream", "foo{}{bar}", "foo{{bar}}zap", "foo{bar}{zap}", "{}", "ü{ö}"])
def test_slots_are_the_servers_slots(cluster: ValkeyCluster, key: str) -> None:
    assert slot_of(key) == slot_of(key.encode()) == cluster.nodes[0].call("CLUSTER", "KEYSLOT", key)


async def test_each_key_goes_to_its_node(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    store = await open_store(cluster.url)
    lane = store.lane("t")
    keys = [f"{{c:{n:02}}}:k" for n in range(48)]
    assert await asyncio.gather(*(lane.call(key, "SET", key, key) for key in keys)) == [b"OK"] * 48
    for key in keys:
        assert store.node_of(key) == cluster.owner(slot_of(key)).address
    assert len({store.node_of(key) for key in keys}) == 3
    assert await store.client.get(keys[0]) == keys[0].encode()
    assert store.is_cluster


async def test_one_seed_is_enough(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    facts = await (await open_store(f"redis+cluster://{cluster.nodes[2].address}")).facts()
    assert (facts.nodes, facts.mode) == (3, "cluster")


async def test_a_seed_that_is_gone_is_passed_over(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    store = await open_store(f"redis+cluster://127.0.0.1:1,{cluster.nodes[0].address}")
    assert await store.lane("t").call("k", "PING") == b"PONG"


async def test_durability_on_each_node(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    store = await open_store(cluster.url, durability=Durability.DISK)
    assert (await store.facts()).proof == "WAITAOF"
    lane = store.lane("t", durable=True)
    keys = [f"d{n}" for n in range(30)]
    assert await asyncio.gather(*(lane.call(key, "INCR", key) for key in keys)) == [1] * 30
    assert all("waitaof" in str(node.info("commandstats")) for node in cluster.nodes)


async def test_moved_is_followed_and_remembered(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    store = await open_store(cluster.url)
    lane, key = store.lane("t"), "{moved}"
    assert await lane.call(key, "RPUSH", key, 1) == 1
    source = cluster.owner(slot_of(key))
    target = cluster.other(source)
    cluster.move(slot_of(key), target)
    assert await lane.call(key, "RPUSH", key, 2) == 2
    assert store.node_of(key) == target.address
    before = source.info("errorstats")["errorstat_MOVED"]
    assert await lane.call(key, "RPUSH", key, 3) == 3
    assert source.info("errorstats")["errorstat_MOVED"] == before, "straight to the new node"
    assert await store.client.lrange(key, 0, -1) == [b"1", b"2", b"3"]


async def test_ask_is_followed_and_not_remembered(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    store = await open_store(cluster.url)
    lane, stays, goes = store.lane("t"), "{ask}stays", "{ask}goes"
    await lane.call(stays, "SET", stays, 1)
    slot = slot_of(stays)
    target = cluster.other(cluster.owner(slot))
    source = cluster.begin_move(slot, target)
    assert await lane.call(goes, "SET", goes, 2) == b"OK"
    assert await lane.call(stays, "GET", stays) == b"1"
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 1
    assert store.node_of(stays) == source.address
    cluster.move_keys(slot, source, target)
    assert await lane.call(stays, "GET", stays) == b"1"
    cluster.end_move(slot, target)
    assert await asyncio.gather(*(lane.call(key, "GET", key) for key in (stays, goes))) == [b"1", b"2"]


async def test_a_script_over_keys_on_both_sides_is_refused_for_now(
    cluster: ValkeyCluster, open_store: OpenStore
) -> None:
    lane, slot = (await open_store(cluster.url)).lane("t"), slot_of("{try}")
    await lane.call("{try}1", "SET", "{try}1", 1)
    target = cluster.other(cluster.owner(slot))
    cluster.begin_move(slot, target)
    with pytest.raises(StoreRefused, match="TRYAGAIN") as caught:
        await lane.call("{try}1", "EVAL", "return redis.call('MGET', KEYS[1], KEYS[2])", 2, "{try}1", "{try}2")
    assert caught.value.retryable
    cluster.move_keys(slot, cluster.owner(slot), target)
    cluster.end_move(slot, target)


async def test_order_holds_while_slots_move_back_and_forth(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    """Each writer numbers what it pushes without waiting; the lists must hold all numbers, in order, once."""
    lane = (await open_store(cluster.url)).lane("t")
    keys = [f"{{order{n}}}" for n in range(4)]
    calls: dict[str, list[asyncio.Future[object]]] = {key: [] for key in keys}
    moving = asyncio.create_task(asyncio.to_thread(_move_about, cluster, keys, 6))
    while not moving.done():
        for key in keys:
            calls[key] += [lane.call(key, "RPUSH", key, n) for n in range(len(calls[key]), len(calls[key]) + 5)]
        await asyncio.sleep(0.001)
    await moving
    for key in keys:
        answers = await asyncio.gather(*calls[key])
        assert answers == list(range(1, len(answers) + 1))
        stored = [int(item) for item in await lane.call(key, "LRANGE", key, 0, -1)]
        assert stored == list(range(len(answers)))


def _move_about(cluster: ValkeyCluster, keys: list[str], rounds: int) -> None:
    for _ in range(rounds):
        for key in keys:
            slot = slot_of(key)
            target = cluster.other(cluster.owner(slot))
            cluster.move(slot, target)
            wait_until(lambda slot=slot, target=target: cluster.owner(slot) is target, "the move known")  # type: ignore[misc]


async def test_a_transaction_is_not_taken_apart_by_a_move(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    lane, key = (await open_store(cluster.url)).lane("t"), "{tx}"

    async def transaction() -> list[object]:
        calls = [("MULTI",), ("INCR", key), ("INCR", key), ("EXEC",)]
        return list(await asyncio.gather(*(lane.call(key, *call) for call in calls), return_exceptions=True))

    assert (await transaction())[-1] == [1, 2]
    cluster.move(slot_of(key), cluster.other(cluster.owner(slot_of(key))))
    _, first, _, end = await transaction()
    assert isinstance(first, StoreRefused)
    assert (first.code, first.retryable) == ("MOVED", True)
    assert isinstance(end, StoreRefused)
    assert end.code == "EXECABORT"
    assert await lane.call(key, "GET", key) == b"2", "nothing of it was applied"
    assert (await transaction())[-1] == [3, 4]


async def test_an_endless_redirection_ends(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    """Two nodes that each believe that the other has the slot, as while a change is spreading."""
    lane, key = (await open_store(cluster.url)).lane("t"), "{loop}"
    slot = slot_of(key)
    source = cluster.owner(slot)
    target = cluster.other(source)
    source.call("CLUSTER", "SETSLOT", slot, "NODE", target.call("CLUSTER", "MYID"))
    with pytest.raises(StoreRefused) as caught:
        await lane.call(key, "GET", key)
    assert caught.value.code in ("MOVED", "CLUSTERDOWN")
    assert caught.value.retryable
    cluster.end_move(slot, target)
    assert await _patiently(lane.call, key, "GET", key) is None


async def _patiently(call: object, *args: object) -> object:
    assert callable(call)
    for _ in range(500):
        try:
            return await call(*args)
        except StoreError:
            await asyncio.sleep(0.02)
    raise AssertionError("never")


async def test_a_node_that_dies_is_its_own_trouble(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    """Other nodes' keys go on; its own are `StoreUnavailable`, and are back when it is."""
    lane = (await open_store(cluster.url)).lane("t")
    keys = [f"n{n}" for n in range(50)]
    dying = cluster.nodes[2]
    hit = next(key for key in keys if cluster.owner(slot_of(key)) is dying)
    spared = next(key for key in keys if cluster.owner(slot_of(key)) is not dying)
    for node in cluster.nodes:
        node.call("CONFIG", "SET", "cluster-require-full-coverage", "no")
    await lane.call(hit, "SET", hit, 1)
    dying.kill()
    assert await lane.call(spared, "SET", spared, 1) == b"OK"
    with pytest.raises((StoreUnavailable, StoreError)):
        await lane.call(hit, "GET", hit)
    dying.restart()
    assert await _patiently(lane.call, hit, "GET", hit) == b"1"


async def test_lost_answers_in_a_cluster_are_not_sent_again(cluster: ValkeyCluster, open_store: OpenStore) -> None:
    """The map names the nodes themselves, so a proxy stands in for one of them on a hand-made map."""
    key = "{lost}"
    owner = cluster.owner(slot_of(key))
    store = await open_store(cluster.url)
    async with LostReplyProxy(owner.url) as proxy:
        assert store._map is not None
        store._map._owners[slot_of(key)] = proxy.address
        lane = store.lane("t")
        await lane.call(key, "PING")
        proxy.lose_next()
        with pytest.raises(StoreError):
            await lane.call(key, "INCR", key)
        assert owner.call("GET", key) == b"1"


def test_nodes_that_do_not_know_their_own_host() -> None:
    slots = ClusterMap(Dialer(parse("redis+cluster://seed:7000"), StoreSettings()))
    slots._take(parse("redis+cluster://seed:7000").endpoints[0], [[0, 16383, [b"", 7000, b"id"], [None, 7001, b"id"]]])
    assert slots.nodes() == ["seed:7000"]
