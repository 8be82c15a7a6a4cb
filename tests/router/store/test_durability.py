"""An answer on a durable lane means what the durability class says, or `NotDurable`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from router.store import Durability, NotDurable, StoreConfigError
from tests.router.store.conftest import OpenStore
from tests.servers.valkey import ValkeyServer, start_replica, start_valkey

pytestmark = pytest.mark.store


async def test_disk_waits_for_the_fsync(valkey: ValkeyServer, open_store: OpenStore) -> None:
    """`everysec` fsyncs once a second, so answers come in a few batches, each with one barrier."""
    store = await open_store(valkey.url, durability=Durability.DISK)
    lane = store.lane("t", durable=True)
    assert (await store.facts()).proof == "WAITAOF"
    before = _calls(valkey, "waitaof")
    assert await asyncio.gather(*(lane.call("d", "INCR", "d") for _ in range(100))) == list(range(1, 101))
    assert _calls(valkey, "waitaof") - before <= 2


def _calls(server: ValkeyServer, command: str) -> int:
    return int(server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_a_lane_that_is_not_durable_does_not_wait(valkey: ValkeyServer, open_store: OpenStore) -> None:
    lane = (await open_store(valkey.url, durability=Durability.DISK)).lane("t")
    before = _calls(valkey, "waitaof")
    began = time.monotonic()
    for _ in range(10):
        await lane.call("n", "INCR", "n")
    assert time.monotonic() - began < 0.5
    assert _calls(valkey, "waitaof") == before


async def test_appendfsync_always_needs_no_barrier(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        store = await open_store(server.url, durability=Durability.DISK)
        lane = store.lane("t", durable=True)
        before = _calls(server, "waitaof")
        assert await lane.call("d", "INCR", "d") == 1
        assert _calls(server, "waitaof") == before
        assert (await store.facts()).proof == "appendfsync always"


async def test_an_fsync_that_does_not_come_is_not_durable(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path, "--appendonly", "yes") as server:
        lane = (await open_store(server.url, durability=Durability.DISK, barrier_timeout_ms=150)).lane(
            "t", durable=True
        )
        assert await lane.call("d", "PING") == b"PONG"
        server.call("CONFIG", "SET", "appendfsync", "no")
        with pytest.raises(NotDurable, match="its disk did not confirm"):
            await lane.call("d", "INCR", "d")
        assert server.call("GET", "d") == b"1", "applied all the same"


async def test_disk_without_an_append_only_file_is_refused(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as server:
        with pytest.raises(StoreConfigError, match="set appendonly yes"):
            await open_store(server.url, durability=Durability.DISK)
        await open_store(server.url, durability=Durability.MEMORY)


async def test_disk_where_config_is_forbidden(tmp_path: Path, open_store: OpenStore) -> None:
    """As on managed servers: what cannot be read is probed, and shown as unknown."""
    with start_valkey(tmp_path, "--appendonly", "yes") as server:
        server.call("ACL", "SETUSER", "default", "-config")
        store = await open_store(server.url, durability=Durability.DISK)
        facts = await store.facts()
        assert (facts.aof, facts.proof) == ("on, unknown", "WAITAOF")
        assert any("appendfsync is unknown" in note for note in facts.notes)
        assert await store.lane("t", durable=True).call("d", "INCR", "d") == 1


async def test_replica_confirms_or_the_write_is_uncertain(tmp_path: Path, open_store: OpenStore) -> None:
    with start_valkey(tmp_path) as primary, start_replica(tmp_path, primary) as replica:
        store = await open_store(primary.url, durability=Durability.REPLICA, barrier_timeout_ms=200)
        lane = store.lane("t", durable=True)
        assert await lane.call("r", "INCR", "r") == 1
        assert replica.call("GET", "r") == b"1"
        replica.freeze()
        with pytest.raises(NotDurable, match="no replica confirmed"):
            await lane.call("r", "INCR", "r")
        assert primary.call("GET", "r") == b"2", "applied all the same"
        replica.thaw()
        assert await lane.call("r", "INCR", "r") == 3
        assert (await store.facts()).proof == "WAIT"


async def test_replica_without_a_replica_is_refused(valkey: ValkeyServer, open_store: OpenStore) -> None:
    with pytest.raises(StoreConfigError, match="no replica connected"):
        await open_store(valkey.url, durability=Durability.REPLICA)
