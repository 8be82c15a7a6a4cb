"""Retention on a real Valkey: what is old goes, what somebody has yet to read stays."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from router.settings.sections import Retention
from router.shards.trim import Janitor
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.servers.valkey import ValkeyServer, start_valkey

DAY = 86_400
NOW = 1_800_000_000
EVENTS, COMMANDS, DEAD, META = "{c:00}:events", "{c:00}:commands", "{c:00}:dead", "{c:00}:meta"
QUARANTINE = "m1:quarantine:line"
RETENTION = Retention(commands_days=7, events_days=30, dead_days=90, media_days=365)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class House:
    """A janitor with a clock that can be set, and streams that can be filled with old entries."""

    def __init__(self, store: Store, client: redis.Redis) -> None:
        self.client = client
        self.now = float(NOW)
        self.owned = ["c:00"]
        self.forgotten: list[float] = []
        self.janitor = Janitor(
            store.lane("janitor"), lambda: self.owned, RETENTION, ["line"], self, clock=lambda: self.now
        )

    async def forget(self, before: float) -> int:
        self.forgotten.append(before)
        return 3

    def fill(self, key: str, *days_ago: float) -> list[str]:
        """Entries of these ages in days, oldest first."""
        ids = [f"{round((NOW - days * DAY) * 1000)}-0" for days in days_ago]
        for id in ids:
            self.client.xadd(key, {"x": "y"}, id=id)
        return ids

    def left(self, key: str) -> list[str]:
        return [id.decode() for id, _ in self.client.xrange(key)]


@pytest.fixture
async def house(valkey: ValkeyServer) -> AsyncIterator[House]:
    with valkey.client() as client:
        client.flushall()
        store = await Store.open(StoreSettings(url=valkey.url, durability=Durability.MEMORY, data_dir=Path("unused")))
        yield House(store, client)
        await store.close()


async def test_commands_go_by_age_and_never_beyond_the_cursor(house: House) -> None:
    ids = house.fill(COMMANDS, 20, 10, 9, 8, 1)
    await house.janitor.sweep()
    assert house.left(COMMANDS) == ids  # nothing is carried out yet
    house.client.hset(META, "cursor", ids[1])
    assert (await house.janitor.sweep())["commands"] == 1
    assert house.left(COMMANDS) == ids[1:]
    house.client.hset(META, "cursor", ids[4])
    await house.janitor.sweep()
    assert house.left(COMMANDS) == ids[4:]


async def test_events_wait_for_what_is_unread_and_what_is_pending(house: House) -> None:
    ids = house.fill(EVENTS, 50, 45, 40, 35, 10)
    house.client.xgroup_create(EVENTS, "behind", id=ids[1])
    house.client.xgroup_create(EVENTS, "ahead", id="$")
    await house.janitor.sweep()
    assert house.left(EVENTS) == ids[1:]
    house.client.xreadgroup("behind", "one", {EVENTS: ">"})
    await house.janitor.sweep()
    assert house.left(EVENTS)[0] == ids[2]  # read, and not acknowledged
    house.client.xack(EVENTS, "behind", *ids[2:])
    assert (await house.janitor.sweep())["events"] == 2
    assert house.left(EVENTS) == ids[4:]


async def test_patience_with_a_reader_that_never_comes_ends(house: House) -> None:
    ids = house.fill(EVENTS, 50, 40, 10)
    house.client.xgroup_create(EVENTS, "gone", id="0")
    await house.janitor.sweep()
    house.now += 59 * DAY
    await house.janitor.sweep()
    assert house.left(EVENTS) == ids
    house.client.xreadgroup("gone", "one", {EVENTS: ">"}, count=1, noack=True)  # it came, and took one
    house.now += 2 * DAY
    await house.janitor.sweep()
    assert house.left(EVENTS) == ids
    house.now += 61 * DAY
    await house.janitor.sweep()
    assert house.left(EVENTS) == []
    house.client.xgroup_destroy(EVENTS, "gone")
    await house.janitor.sweep()
    assert not house.client.exists("{c:00}:readers")


async def test_one_entry_that_is_never_acknowledged_is_not_waited_for_for_ever(house: House) -> None:
    ids = house.fill(EVENTS, 50, 49, 48, 47)
    house.client.xgroup_create(EVENTS, "stumbles", id="0")
    house.client.xreadgroup("stumbles", "one", {EVENTS: ">"}, count=1)
    for _ in range(2):
        await house.janitor.sweep()
        assert house.left(EVENTS) == ids
        house.now += 40 * DAY
        house.client.xreadgroup("stumbles", "one", {EVENTS: ">"}, count=1, noack=True)
    await house.janitor.sweep()
    assert house.left(EVENTS) == ids[2:]  # it still reads on: what it has not read stays


async def test_dead_letters_payloads_and_files_have_their_own_times(house: House) -> None:
    dead, aside = house.fill(DEAD, 100, 80), house.fill(QUARANTINE, 100, 80)
    gone = await house.janitor.sweep()
    assert (house.left(DEAD), house.left(QUARANTINE)) == (dead[1:], aside[1:])
    assert (gone["dead"], gone["quarantined"], gone["media"]) == (1, 1, 3)
    assert house.forgotten == [NOW - 365 * DAY]
    house.owned = ["c:01"]
    house.fill(QUARANTINE, 0)
    house.now += 200 * DAY
    await house.janitor.sweep()
    assert len(house.left(QUARANTINE)) == 2 and len(house.forgotten) == 1  # another worker's


async def test_a_long_stream_is_trimmed_to_the_entry(house: House) -> None:
    with house.client.pipeline(transaction=False) as pipeline:
        for number in range(20_000):
            pipeline.xadd(DEAD, {"x": "y" * 50}, id=f"{(NOW - 100 * DAY) * 1000}-{number + 1}")
        pipeline.execute()
    young = house.fill(DEAD, 1)
    assert (await house.janitor.sweep())["dead"] == 20_000
    assert house.left(DEAD) == young


async def test_nothing_that_a_reader_wants_is_ever_trimmed(house: House) -> None:
    """Readers that read, acknowledge and rest at random, with a janitor that comes in between."""
    chance = random.Random(7)
    groups = ["a", "b", "c"]
    for group in groups:
        house.client.xgroup_create(EVENTS, group, id="0", mkstream=True)
    written: list[str] = []
    seen: dict[str, set[str]] = {group: set() for group in groups}
    numbers = itertools.count(1)
    for _ in range(58):  # within everybody's patience
        house.now += DAY
        for _ in range(chance.randrange(3)):
            id = f"{round(house.now * 1000)}-{next(numbers)}"
            house.client.xadd(EVENTS, {"x": "y"}, id=id)
            written.append(id)
        for group in groups:
            if chance.random() < 0.3:
                for _, entries in house.client.xreadgroup(group, "one", {EVENTS: ">"}, count=10) or ():
                    ids = [id.decode() for id, fields in entries if fields]
                    seen[group].update(ids)
                    done = [id for id in ids if chance.random() < 0.95]
                    if done:
                        house.client.xack(EVENTS, group, *done)
        await house.janitor.sweep()
        for group in groups:
            pending = {
                entry["message_id"].decode() for entry in house.client.xpending_range(EVENTS, group, "-", "+", 999)
            }
            assert (set(written) - seen[group]) | pending <= set(house.left(EVENTS))
    assert len(house.left(EVENTS)) < len(written)


async def test_a_store_without_anything_is_no_trouble(house: House) -> None:
    assert sum((await house.janitor.sweep()).values()) == 3
