"""One server per test module; each test has its own keys and its own store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.store import Durability, Store, StoreSettings
from tests.servers.valkey import ValkeyServer, start_valkey

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server with an append-only file, `appendfsync everysec`, that all tests of a module share."""
    directory = tmp_path_factory.mktemp("valkey")
    with start_valkey(directory, "--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Open stores that are closed at the end of the test."""
    opened: list[Store] = []

    async def open_it(url: str | None, **settings: Any) -> Store:
        chosen: dict[str, Any] = {"durability": Durability.MEMORY, "data_dir": tmp_path / "data"} | settings
        store = await Store.open(StoreSettings(url=url, **chosen))
        opened.append(store)
        return store

    yield open_it
    for store in reversed(opened):
        await store.close()
