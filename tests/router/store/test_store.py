"""Opening a store: what is checked, what is said, what is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from router.store import Durability, Store, StoreConfigError, StoreSettings
from tests.router.store.conftest import OpenStore
from tests.servers.valkey import ValkeyServer, start_cluster, start_replica, start_valkey

pytestmark = pytest.mark.store


async def test_facts(valkey: ValkeyServer, open_store: OpenStore) -> None:
    facts = await (await open_store(valkey.url)).facts()
    assert facts.server.startswith("Valkey ")
    assert (facts.url, facts.mode, facts.durability, facts.connected) == (valkey.url, "single", "memory", True)
    assert facts.aof == "on, everysec"
    assert facts.used_memory is not None
    assert facts.used_memory > 100_000


async def test_facts_of_a_server_that_is_gone(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        store = await open_store(server.url)
        server.kill()
        facts = await store.facts()
        assert not facts.connected
        assert facts.server.startswith("Valkey ")
        assert "cannot connect" in facts.notes[-1]
        server.restart()
        assert (await store.facts()).connected


async def test_an_eviction_policy_that_deletes_is_refused(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as server:
        with pytest.raises(StoreConfigError, match=r"maxmemory-policy allkeys-lru.*set maxmemory-policy noeviction"):
            await open_store(server.url)
        server.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        facts = await (await open_store(server.url)).facts()
        assert facts.maxmemory == 100 * 1024 * 1024


async def test_a_replica_is_refused(tmp_path: Path, open_store: OpenStore) -> None:
    with (
        start_valkey(tmp_path) as primary,
        start_replica(tmp_path, primary) as replica,
        pytest.raises(StoreConfigError, match="is a replica"),
    ):
        await open_store(replica.url)


async def test_a_single_url_to_a_cluster_and_the_other_way_round(
    valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore
) -> None:
    with start_cluster(tmp_path, primaries=1) as cluster, pytest.raises(StoreConfigError, match=r"redis\+cluster://"):
        await open_store(cluster.nodes[0].url)
    with pytest.raises(StoreConfigError, match="not part of a cluster"):
        await open_store(f"redis+cluster://{valkey.address}")


async def test_the_cold_client_never_retries_and_speaks_the_unified_shapes(
    valkey: ValkeyServer, open_store: OpenStore
) -> None:
    client = (await open_store(valkey.url)).client
    assert isinstance(client, Redis)
    assert client.connection_pool.connection_kwargs["retry"].get_retries() == 0
    await client.zadd("z", {"a": 1.5})
    assert await client.zrange("z", 0, -1, withscores=True) == [[b"a", 1.5]]


async def test_the_cold_client_waits_for_a_connection_instead_of_failing(
    valkey: ValkeyServer, open_store: OpenStore
) -> None:
    client = (await open_store(valkey.url)).client
    assert await asyncio.gather(*(client.echo(n) for n in range(100))) == [str(n).encode() for n in range(100)]


async def test_a_store_that_does_not_open_leaves_no_connection(valkey: ValkeyServer, open_store: OpenStore) -> None:
    before = int(valkey.info("clients")["connected_clients"])
    with pytest.raises(StoreConfigError):
        await open_store(valkey.url, durability=Durability.REPLICA)
    await asyncio.sleep(0.05)
    assert int(valkey.info("clients")["connected_clients"]) <= before


async def test_closing_ends_lanes_and_client(valkey: ValkeyServer, tmp_path: Path) -> None:
    before = int(valkey.info("clients")["connected_clients"])
    store = await Store.open(StoreSettings(url=valkey.url, data_dir=tmp_path, durability=Durability.MEMORY))
    for name in ("a", "b"):
        await store.lane(name).call("k", "PING")
    await store.client.ping()
    assert int(valkey.info("clients")["connected_clients"]) == before + 3
    await store.close()
    await store.close()
    await asyncio.sleep(0.05)
    assert int(valkey.info("clients")["connected_clients"]) == before


async def test_one_node_outside_a_cluster(valkey: ValkeyServer, open_store: OpenStore) -> None:
    store = await open_store(valkey.url)
    assert store.node_of("a") == store.node_of(b"{c:07}:x")
    assert not store.is_cluster
