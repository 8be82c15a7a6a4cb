"""What a shard's commit costs the server and us: the script, and WATCH with MULTI and EXEC, with the same writes.

``python -m tests.bench.commit`` starts an embedded Valkey of its own (``appendfsync always``), interleaves rounds of
the two and prints medians per message. CPU time, not wall time, so that it means something on a busy machine. About
half a minute. The result is written down in ``deploy/decisions/0002-commit-by-script.md``.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import uvloop

from router.shards import keys
from router.shards.commit import DIGEST, SCRIPT, Write, flatten
from router.store.lane import Lane
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.bench.service import cpu_of

BATCHES: Final = (1, 20, 100)
MESSAGES: Final = {1: 1_500, 20: 8_000, 100: 16_000}
"""Messages of a round, by the number in a commit."""
ROUNDS: Final = 5
SHARD: Final = "c:00"
LIST: Final = 2_000
"""Messages of a conversation."""

Commit = Callable[[int, list[Write]], Awaitable[None]]


def writes_of(first: int, count: int) -> list[Write]:
    """What the engine writes for so many messages of different conversations, as ``Writes.build`` puts it."""
    numbers = range(first, first + count)
    values: list[bytes | str | int] = ["MSET"]
    for number in numbers:
        values += (keys.row(SHARD, "message", f"ms_{number:032x}"), b"m" * 420)
        values += (keys.row(SHARD, "conversation", f"cv_00_{number % LIST}"), b"c" * 380)
    pushes: list[Write] = [
        ("RPUSH", keys.listing(SHARD, "log", f"cv_00_{number % LIST}"), f"ms_{number:032x}") for number in numbers
    ]
    events: list[Write] = [
        (
            "XADD", keys.events(SHARD), "*", "type", "message.received", "conversation", f"cv_00_{number % LIST}",
            "contact", f"ct_00_{number % LIST}", "seq", number, "data", b"e" * 600,
        )
        for number in numbers
    ]  # fmt: skip
    cursor: Write = ("HSET", keys.meta(SHARD), "cursor", f"1700000000000-{first}")
    return [tuple(values), *pushes, *events, cursor]


class ByScript:
    """As the engine commits: one EVALSHA."""

    name = "script"

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def begin(self) -> None:
        await self._lane.call(keys.meta(SHARD), "SCRIPT", "LOAD", SCRIPT)

    async def commit(self, number: int, writes: list[Write]) -> None:
        meta = keys.meta(SHARD)
        answer = await self._lane.call(meta, "EVALSHA", DIGEST, 1, meta, *flatten(1, number, 1, writes))
        assert answer == 1, answer


class ByTransaction:
    """WATCH and the look at the numbers are sent behind the EXEC of the commit before: one round trip each."""

    name = "WATCH, MULTI, EXEC"

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._watched: asyncio.Future[Any] | None = None

    async def begin(self) -> None:
        self._watch()

    def _watch(self) -> None:
        meta = keys.meta(SHARD)
        watching = self._lane.call(meta, "WATCH", meta)
        watching.add_done_callback(lambda done: done.exception())
        self._watched = self._lane.call(meta, "HMGET", meta, "epoch", "commit")

    async def commit(self, number: int, writes: list[Write]) -> None:
        meta = keys.meta(SHARD)
        assert self._watched is not None
        assert await self._watched == [b"1", b"%d" % number]
        queued = [self._lane.call(meta, "MULTI")]
        queued += [self._lane.call(meta, *write) for write in writes]
        queued.append(self._lane.call(meta, "HSET", meta, "epoch", 1, "commit", number + 1))
        executed = self._lane.call(meta, "EXEC")
        self._watch()
        await asyncio.gather(*queued)
        answers = await executed
        assert answers is not None and not any(isinstance(answer, Exception) for answer in answers)


async def measure(store: Store, way: type[ByScript] | type[ByTransaction], batch: int) -> dict[str, float]:
    """One round: microseconds of the server and of us per message, and commits a second."""
    pid = store.embedded.pid if store.embedded is not None else None
    assert pid is not None
    await store.client.flushall()
    lane = store.lane("bench.commit", durable=True)
    await lane.call(keys.meta(SHARD), "HSET", keys.meta(SHARD), "epoch", 1, "commit", 0)
    using = way(lane)
    await using.begin()
    commits = MESSAGES[batch] // batch
    made = [writes_of(number * batch, batch) for number in range(commits)]
    server, ours, began = cpu_of(pid), time.process_time(), time.perf_counter()
    for number, writes in enumerate(made):
        await using.commit(number, writes)
    wall, ours = time.perf_counter() - began, time.process_time() - ours
    server = cpu_of(pid) - server
    await lane.close()
    messages = commits * batch
    return {"server": server / messages * 1e6, "client": ours / messages * 1e6, "per_s": commits / wall}


async def _run(directory: Path) -> dict[tuple[int, str], dict[str, float]]:
    store = await Store.open(StoreSettings(data_dir=directory, durability=Durability.DISK))
    rounds: dict[tuple[int, str], list[dict[str, float]]] = {}
    try:
        for number in range(ROUNDS):
            ways = (ByScript, ByTransaction) if number % 2 == 0 else (ByTransaction, ByScript)
            for batch in BATCHES:
                for way in ways:
                    rounds.setdefault((batch, way.name), []).append(await measure(store, way, batch))
    finally:
        await store.close()
    return {
        case: {figure: median(one[figure] for one in found) for figure in found[0]} for case, found in rounds.items()
    }


def table(results: dict[tuple[int, str], dict[str, float]]) -> str:
    """A line per way and number of messages in a commit."""
    lines = [f"{'messages':>8}  {'way':<20}{'server us':>12}{'client us':>12}{'commits/s':>12}   per message, medians"]
    for (batch, name), found in sorted(results.items()):
        lines.append(f"{batch:>8}  {name:<20}{found['server']:>12.1f}{found['client']:>12.1f}{found['per_s']:>12,.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="madoguchi-bench-") as name:
        print(table(uvloop.run(_run(Path(name)))))
