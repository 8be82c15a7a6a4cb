"""Which servers are good enough, and what those hear that are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.store.errors import StoreConfigError, StoreUnavailable
from router.store.facts import ServerFacts, judge, summarise, unreachable
from router.store.settings import Durability
from router.store.url import Kind

GOOD = ServerFacts(
    node="h:6379",
    name="valkey",
    version=(9, 1, 2),
    role="master",
    cluster=False,
    used_memory=1_000,
    maxmemory=4_000,
    eviction="noeviction",
    aof=True,
    appendfsync="always",
    waitaof=True,
    replicas=1,
)
SILENT = replace(
    GOOD,
    role=None,
    cluster=None,
    used_memory=None,
    maxmemory=None,
    eviction=None,
    aof=None,
    appendfsync=None,
    replicas=None,
)


@pytest.mark.parametrize("durability", list(Durability))
@pytest.mark.parametrize(
    "server",
    [
        GOOD,
        SILENT,
        replace(GOOD, name="redis", version=(7, 0, 0)),
        replace(GOOD, version=(8, 0, 0)),
        replace(GOOD, appendfsync="everysec"),
        replace(GOOD, maxmemory=0, eviction="allkeys-lru"),
        replace(GOOD, waitaof=False),
    ],
)
def test_good_enough(server: ServerFacts, durability: Durability) -> None:
    judge([server], Kind.SINGLE, durability)


@pytest.mark.parametrize(
    ("server", "durability", "says"),
    [
        (replace(GOOD, name="redis", version=(6, 2, 14)), Durability.MEMORY, "h:6379 is Redis 6.2.14"),
        (replace(GOOD, version=(7, 2, 5)), Durability.MEMORY, "needs Redis 7.0 or Valkey 8.0"),
        (replace(GOOD, name="dragonfly", version=(7, 4, 0)), Durability.MEMORY, "is Dragonfly"),
        (replace(GOOD, version=()), Durability.MEMORY, "version unknown"),
        (replace(GOOD, eviction="allkeys-lru"), Durability.MEMORY, "set maxmemory-policy noeviction"),
        (replace(GOOD, role="slave"), Durability.MEMORY, "is a replica"),
        (replace(GOOD, cluster=True), Durability.MEMORY, "redis+cluster://"),
        (replace(GOOD, aof=False), Durability.DISK, "set appendonly yes"),
        (replace(SILENT, waitaof=False), Durability.DISK, "set appendonly yes"),
        (replace(GOOD, appendfsync="no"), Durability.DISK, "appendfsync always or everysec"),
        (replace(GOOD, appendfsync="everysec", waitaof=False), Durability.DISK, "has no WAITAOF"),
        (replace(GOOD, replicas=0), Durability.REPLICA, "no replica connected"),
    ],
)
def test_refused(server: ServerFacts, durability: Durability, says: str) -> None:
    with pytest.raises(StoreConfigError, match=says.replace("+", r"\+")):
        judge([GOOD, server], Kind.SINGLE, durability)


def test_one_server_is_no_cluster() -> None:
    with pytest.raises(StoreConfigError, match="not part of a cluster"):
        judge([GOOD], Kind.CLUSTER, Durability.MEMORY)


@pytest.mark.parametrize(
    ("servers", "durability", "proof"),
    [
        ([GOOD, GOOD], Durability.DISK, "appendfsync always"),
        ([GOOD, replace(GOOD, appendfsync="everysec")], Durability.DISK, "WAITAOF"),
        ([SILENT], Durability.DISK, "WAITAOF"),
        ([GOOD], Durability.REPLICA, "WAIT"),
        ([GOOD], Durability.MEMORY, "none"),
    ],
)
def test_what_proves_durability(servers: list[ServerFacts], durability: Durability, proof: str) -> None:
    assert summarise("u", "cluster", durability, servers).proof == proof


def test_summary_adds_memory_and_says_what_it_does_not_know() -> None:
    facts = summarise("u", "cluster", Durability.DISK, [GOOD, SILENT, replace(GOOD, replicas=0)])
    assert (facts.used_memory, facts.maxmemory, facts.replicas, facts.nodes) == (2_000, 8_000, 0, 3)
    assert facts.aof == "on, always, unknown"
    assert any("appendfsync is unknown" in note for note in facts.notes)


def test_unreachable_keeps_what_was_known() -> None:
    facts = unreachable(summarise("u", "single", Durability.DISK, [GOOD]), StoreUnavailable("cannot connect"))
    assert not facts.connected
    assert facts.server == "Valkey 9.1.2"
    assert facts.notes[-1] == "cannot connect"
