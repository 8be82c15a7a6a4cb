"""The reader for consumers, against one server and against a Cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.codec import encode
from contracts.events import MessageUnsent
from contracts.reader import Client, EntriesLost, Group, Reader, connect
from contracts.streams import LAYOUT_KEY, conversation_shard, events
from router.shards import keys
from tests.servers.valkey import ValkeyCluster, ValkeyServer, start_cluster, start_valkey

AT = datetime(2026, 11, 21, tzinfo=UTC)
SHARDS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("one")) as found:
        yield found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with start_cluster(tmp_path_factory.mktemp("many")) as found:
        yield found


@pytest.fixture(params=["server", "cluster"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    found = connect(request.getfixturevalue(request.param).url)
    found.flushall()
    found.hset(LAYOUT_KEY, mapping={"layout": "m1", "shards": str(SHARDS)})
    yield found
    found.close()


def write(client: Client, shard: int, *numbers: int) -> list[str]:
    """Events on a shard's stream; their entry ids."""
    key = events(conversation_shard(shard))
    data = [(n, encode(MessageUnsent(id=f"e{n}", at=AT, seq=n, message_id=f"m{n}"))) for n in numbers]
    return [
        client.xadd(key, {"type": "message.unsent", "seq": n, "data": one}).decode()  # type: ignore[union-attr]
        for n, one in data
    ]


def seqs(entries: Any) -> list[Any]:
    return sorted((entry.stream, entry.seq) for entry in entries)


def expected(shard: int, *numbers: int) -> list[Any]:
    return [(events(conversation_shard(shard)), n) for n in numbers]


def test_the_layout_key_is_the_engines() -> None:
    assert LAYOUT_KEY == keys.LAYOUT_KEY


def test_all_streams_are_read_and_resumed(client: Client) -> None:
    for shard in range(SHARDS):
        write(client, shard, 1, 2, 3)
    reader = Reader(client)
    first = reader.read(count=2)
    again = Reader(client, dict(reader.positions))
    write(client, 3, 4)
    rest = again.read()
    assert [(entry.stream, entry.seq) for entry in first] == [
        (events(conversation_shard(shard)), n) for shard in order(first) for n in (1, 2)
    ]
    assert seqs([*first, *rest]) == sorted([*(p for s in range(SHARDS) for p in expected(s, 1, 2, 3)), *expected(3, 4)])
    assert again.read(block_ms=10) == []
    assert first[0].event["message_id"] == "m1"
    assert first[0].event["at"] == AT


def order(entries: Any) -> list[int]:
    return list(dict.fromkeys(int(entry.stream[3:5]) for entry in entries))


def test_a_group_gives_everything_once_and_again_what_was_not_acknowledged(client: Client) -> None:
    write(client, 0, 1, 2)
    write(client, 5, 1)
    one, two = Group(client, "g", "one"), Group(client, "g", "two")
    given = one.read()
    assert seqs(given) == sorted(expected(0, 1, 2) + expected(5, 1))
    assert two.read(block_ms=10) == []
    one.acknowledge(given[0])
    again = Group(client, "g", "one")
    assert again.read(count=1) != []
    rest = Group(client, "g", "one").read()
    assert seqs(rest) == seqs(given[1:])
    assert seqs(two.rescue(idle_ms=0)) == seqs(given[1:])
    assert Group(client, "g", "one").read(block_ms=10) == []


def test_own_entries_beyond_one_page_are_given(client: Client) -> None:
    write(client, 1, *range(1, 8))
    Group(client, "g", "one").read()
    back = Group(client, "g", "one")
    found = [entry for _ in range(4) for entry in back.read(count=2, block_ms=10)]
    assert seqs(found) == expected(1, *range(1, 8))


def test_entries_that_were_trimmed_before_they_were_acknowledged_are_an_alarm(client: Client) -> None:
    ids = write(client, 2, *range(1, 6))
    Group(client, "g", "one").read()
    key = events(conversation_shard(2))
    client.xdel(key, *ids[:3])
    back = Group(client, "g", "one")
    with pytest.raises(EntriesLost) as caught:
        back.read(count=3)
    assert caught.value.lost == [(key, id) for id in ids[:3]]
    assert seqs(back.read(count=3)) == expected(2, 4, 5)
    assert back.read(block_ms=10) == []


def test_entries_that_were_trimmed_before_they_were_rescued_are_an_alarm(client: Client) -> None:
    ids = write(client, 2, 1, 2, 3)
    Group(client, "g", "one").read()
    key = events(conversation_shard(2))
    client.xdel(key, ids[1])
    two = Group(client, "g", "two")
    with pytest.raises(EntriesLost) as caught:
        two.rescue(idle_ms=0)
    assert caught.value.lost == [(key, ids[1])]
    assert seqs(two.read()) == expected(2, 1, 3)


def test_rescue_goes_through_all_pages(client: Client) -> None:
    write(client, 2, *range(1, 41))
    Group(client, "g", "one").read()
    assert seqs(Group(client, "g", "two").rescue(idle_ms=0, count=15)) == expected(2, *range(1, 16))
    assert len(Group(client, "g", "three").rescue(idle_ms=0, count=1_000)) == 40


def test_a_read_begins_again_with_its_own_after_an_error(server: ValkeyServer, tmp_path: Path) -> None:
    client = connect(server.url)
    client.flushall()
    client.hset(LAYOUT_KEY, "shards", str(SHARDS))
    group = Group(client, "g", "one")
    assert group.read(block_ms=10) == []
    write(client, 4, 1)
    # As if the answer had been lost: given to this consumer, and never seen by it.
    client.xreadgroup("g", "one", {events(conversation_shard(4)): ">"})
    with pytest.raises(redis.ResponseError):
        group.read(count=-1, block_ms="wrong")  # type: ignore[arg-type]
    assert seqs(group.read()) == expected(4, 1)
    client.close()


def test_a_stream_that_moves_to_another_node_is_followed(cluster: ValkeyCluster) -> None:
    client = connect(cluster.url)
    client.flushall()
    client.hset(LAYOUT_KEY, "shards", str(SHARDS))
    write(client, 0, 1)
    reader = Reader(client)
    assert seqs(reader.read()) == expected(0, 1)
    slot = client.keyslot(events(conversation_shard(0)))
    target = cluster.other(cluster.owner(slot))
    cluster.move(slot, target)
    writer = connect(cluster.url)
    write(writer, 0, 2)
    assert seqs(reader.read()) == expected(0, 2)
    writer.close()
    client.close()
