"""Answers are kept within bounds here, with a time to live in the store, and their keys tell nobody anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router.enrich.api import Found
from router.enrich.cache import MOST_BYTES, Cache
from router.store.errors import StoreUnavailable
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.servers.valkey import ValkeyServer

GOLD = Found({"tier": "gold"})


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    found = await Store.open(StoreSettings(url=store_url, durability=Durability.MEMORY))
    yield found
    await found.close()


@pytest.mark.store
async def test_kept_in_the_store_with_a_time_to_live(store: Store, valkey: ValkeyServer) -> None:
    lane = store.lane("enrich")
    cache = Cache(lane, b"secret")
    name = cache.name("crm", "settings", "ct_01_a")
    assert await cache.get(name, 60) is None
    await cache.put(name, GOLD, 60)
    assert await Cache(lane, b"secret").get(name, 60) == GOLD
    client = valkey.client()
    assert 0 < client.ttl(name) <= 60
    client.set(name, b"\xc1 no msgpack")
    assert await Cache(lane, b"secret").get(name, 60) is None
    await lane.close()


async def test_old_answers_are_forgotten_and_a_lost_store_is_no_failure() -> None:
    now = [0.0]
    cache = Cache(Broken(), b"secret", lambda: now[0])  # type: ignore[arg-type]
    name = cache.name("crm", "ct_01_a")
    await cache.put(name, GOLD, 60)
    assert await cache.get(name, 60) == GOLD
    now[0] = 61.0
    assert await cache.get(name, 60) is None


async def test_bounded_in_this_process() -> None:
    cache = Cache(Broken(), b"secret")  # type: ignore[arg-type]
    big = Found({f"a{number}": "x" * 500 for number in range(32)})
    names = [cache.name("crm", str(number)) for number in range(400)]
    for name in (*names, names[-1]):
        await cache.put(name, big, 60)
    assert MOST_BYTES / 2 < cache.size <= MOST_BYTES
    assert await cache.get(names[0], 60) is None
    assert await cache.get(names[-1], 60) == big


def test_keys_tell_nothing() -> None:
    cache = Cache(Broken(), b"secret")  # type: ignore[arg-type]
    assert "taro" not in cache.name("crm", "taro")
    assert cache.name("crm", "ab", "c") != cache.name("crm", "a", "bc")
    assert cache.name("crm", "taro") != Cache(Broken(), b"other").name("crm", "taro")  # type: ignore[arg-type]


class Broken:
    """A store that is away."""

    async def call(self, key: str, *command: object) -> object:
        raise StoreUnavailable("away")
