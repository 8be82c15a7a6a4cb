"""One Valkey per module, emptied for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.router.api.desk import Desk, desk
from tests.servers.valkey import ValkeyServer, start_valkey


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def store_url(valkey: ValkeyServer) -> str:
    valkey.client().flushall()
    return valkey.url


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(store_url, tmp_path) as found:
        yield found
