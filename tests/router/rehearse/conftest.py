"""One Valkey per module, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.valkey import ValkeyServer, start_valkey


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def store_url(valkey: ValkeyServer) -> str:
    valkey.client().flushall()
    return valkey.url
