"""Consumers with stock libraries read what the service writes: in Python, in Node, and with our small reader."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.codec import to_plain
from contracts.reader import Group, Reader
from tests.router.api.desk import Desk, desk
from tests.servers.valkey import ValkeyServer, start_valkey

HERE = Path(__file__).parent / "consumers"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with start_valkey(tmp_path_factory.mktemp("valkey")) as found:
        yield found


@pytest.fixture
async def service(server: ValkeyServer, tmp_path: Path) -> AsyncIterator[Desk]:
    server.client().flushall()
    async with desk(server.url, tmp_path) as found:
        yield found


def client(server: ValkeyServer, **options: Any) -> redis.Redis:
    return redis.Redis.from_url(server.url, socket_timeout=5, **options)


async def say(service: Desk, *texts: str) -> str:
    """A customer writes; returns when the conversation has it all."""
    id = await service.conversation(texts[0])
    for text in texts[1:]:
        await service.says(text)
    token = await service.token("read")
    before = (await service.get(f"/v1/conversations/{id}", token))["messages"]
    for _ in range(200):
        if before >= len(texts):
            break
        await asyncio.sleep(0.02)
        before = (await service.get(f"/v1/conversations/{id}", token))["messages"]
    return id


async def run(*command: str, cwd: Path | None = None) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The events a consumer printed, and where it stopped."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd)
    out, problems = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, problems.decode()
    *events, last = [json.loads(line) for line in out.decode().splitlines()]
    return events, last["positions"]


async def both_ways(service: Desk, server: ValkeyServer, *command: str, cwd: Path | None = None) -> None:
    """Reads, stops, comes back, and goes on where it was; and reads the same as we do."""
    id = await say(service, "こんにちは", "😀", "三")
    first, at = await run(*command, server.url, cwd=cwd)
    said = [one["event"]["message"]["parts"][0]["text"] for one in first if one["type"] == "message.received"]
    assert said == ["こんにちは", "😀", "三"]
    seqs = [one["seq"] for one in first if one["event"].get("conversation") == id and one["seq"]]
    assert seqs == list(range(1, len(seqs) + 1))
    ours = {entry.event["id"]: entry for entry in Reader(client(server)).read()}
    for one in first:
        assert one["event"] == to_plain(ours[one["event"]["id"]].event)
    await say(service, "四")
    await service.says("五")
    await asyncio.sleep(0.3)
    second, _ = await run(*command, server.url, json.dumps(at), cwd=cwd)
    said = [one["event"]["message"]["parts"][0]["text"] for one in second if one["type"] == "message.received"]
    assert said == ["四", "五"]


async def test_a_stock_consumer_in_python(service: Desk, server: ValkeyServer) -> None:
    await both_ways(service, server, sys.executable, str(HERE / "stock.py"))


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The consumer with its packages installed, kept between runs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("NOT TESTED: node and npm are not here, so the Node consumer was not run")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "madoguchi-tests" / "node-consumer"
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "stock.mjs"):
        shutil.copy(HERE / name, cache / name)
    if not (cache / "node_modules" / "ioredis").is_dir() or not (cache / "node_modules" / "@msgpack").is_dir():
        command = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--ignore-scripts",
            "--loglevel=error",
        ]
        subprocess.run(command, cwd=cache, check=True, timeout=100)
    return cache


@pytest.mark.node
async def test_a_stock_consumer_in_node(service: Desk, server: ValkeyServer, node_modules: Path) -> None:
    await both_ways(service, server, "node", str(node_modules / "stock.mjs"), cwd=node_modules)


@pytest.mark.parametrize("options", [{}, {"protocol": 2}, {"protocol": 3}, {"protocol": 3, "legacy_responses": False}])
async def test_our_reader_resumes_from_its_positions(service: Desk, server: ValkeyServer, options: Any) -> None:
    await say(service, "1", "2", "3")
    redis_client = client(server, **options)
    reader, seen = Reader(redis_client), []
    for entry in reader:
        if entry.type == "message.received":
            seen.append(entry.event["message"]["parts"][0]["text"])
            if len(seen) == 2:
                break
    again = Reader(redis_client, dict(reader.positions))
    rest = [one.event["message"]["parts"][0]["text"] for one in again.read() if one.type == "message.received"]
    assert (seen, rest) == (["1", "2"], ["2", "3"])  # the one in hand when it stopped was not done with
    assert again.read(block_ms=10) == []
    redis_client.close()


async def test_a_group_shares_the_work_and_gives_again_what_was_not_acknowledged(
    service: Desk, server: ValkeyServer
) -> None:
    await say(service, "1", "2", "3", "4")
    redis_client = client(server)
    one, two = Group(redis_client, "g", "one"), Group(redis_client, "g", "two")
    first = one.read(count=2)
    second = [entry for _ in range(10) for entry in two.read(count=100, block_ms=10)]
    total = len(Reader(redis_client).read())
    assert len({entry.id + entry.stream for entry in first + second}) == len(first) + len(second) == total
    one.acknowledge(first[0])
    assert [entry.id for entry in Group(redis_client, "g", "one").read()] == [entry.id for entry in first[1:]]
    assert {entry.id for entry in Group(redis_client, "g", "three").rescue(idle_ms=0)} >= {first[1].id}
    redis_client.close()


def test_a_store_that_is_not_ours_is_told(server: ValkeyServer) -> None:
    server.client().flushall()
    redis_client = client(server)
    with pytest.raises(LookupError, match="start the service first"):
        Reader(redis_client)
    redis_client.close()
