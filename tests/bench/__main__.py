"""``make bench``: limits and ours in the same run. Prints a table and, last, one line of JSON.

Rates are of this machine in this hour; read the ratios. Every figure is counted by somebody else than the service: the
load generator counts answers, a stock Redis client counts events.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from contracts.streams import all_shards, events
from router.store.embedded import Embedded
from router.store.settings import Durability
from tests.bench import dispatch, generator, limits, service, shards

CUSTOMERS = 2_000
CONNECTIONS = 64
ROUNDS = 3


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """One run over one embedded server."""

    def __init__(self, directory: Path, url: str, store_pid: int, scale: float) -> None:
        self.directory = directory
        self.url = url
        self.store_pid = store_pid
        self.scale = scale
        self.sent = 0
        """Messages sent so far: each has a number of its own."""

    def total(self, count: int) -> int:
        return max(2_000, round(count * self.scale))

    def webhooks(self, count: int, port: int) -> list[bytes]:
        """Requests that were not sent before."""
        made = service.webhooks(count, CUSTOMERS, port, self.sent)
        self.sent += count
        return made

    # -- limits -----------------------------------------------------------------------------------------------------

    def limit_http(self) -> tuple[float, float]:
        """Answers a second of an aiohttp that reads the body and does nothing; CPU microseconds of each."""
        port = service.free_port()
        serving = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.limits", str(port)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert serving.stdout is not None and serving.stdout.readline() == "ready\n"
            total = self.total(20_000)
            cpu = service.Cpu({"http": [serving.pid]})
            requests = service.webhooks(2_000, CUSTOMERS, port)
            cpu.start()
            rate = float(self.load(requests, port, total)["per_s"])
            return rate, cpu.spent()["http"] / total * 1e6
        finally:
            serving.kill()
            serving.wait()

    def calibration_ms(self) -> float:
        """A fixed calculation: tells a slow hour of the machine from a slow service."""
        began = time.perf_counter()
        sum(number * number for number in range(300_000))
        return (time.perf_counter() - began) * 1000

    def load(self, requests: list[bytes], port: int, total: int, rate: float = 0) -> dict[str, Any]:
        """Has the generator send ``total`` requests."""
        path = self.directory / "requests"
        generator.write_requests(path, requests)
        orders = {
            "requests": str(path), "host": "127.0.0.1", "port": port, "connections": CONNECTIONS, "total": total,
            "rate": rate, "deadline_s": 120, "report": str(self.directory / "report"),
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "tests.bench.generator"],
            input=json.dumps(orders), text=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads((self.directory / "report").read_text())
        if set(found["statuses"]) != {"200"}:
            raise RuntimeError(f"not every request was answered 200: {found['statuses']}")
        return found

    # -- ours -------------------------------------------------------------------------------------------------------

    def ingest(self) -> tuple[float, float]:
        """Signed LINE webhooks to durable appends a second by one edge process; CPU microseconds of each."""
        port, total = service.free_port(), self.total(20_000)
        with service.process(self.directory, self.url, "edge", port) as edge:
            requests = self.webhooks(total, port)
            cpu = service.Cpu({"edge": [edge.pid]})
            cpu.start()
            rate = float(self.load(requests, port, total)["per_s"])
            return rate, cpu.spent()["edge"] / total * 1e6

    def end_to_end(self, rate: float = 0) -> dict[str, Any]:
        """Webhooks in, events seen by a stock consumer; one message in eight asks for an agent."""
        port, total = service.free_port(), self.total(24_000)
        if rate:
            total = min(total, round(rate * 8))
        with ExitStack() as stack:
            edge = stack.enter_context(service.process(self.directory, self.url, "edge", port))
            worker = stack.enter_context(service.process(self.directory, self.url, "worker", service.free_port()))
            service.sign_in(self.url)
            self.warm_up(port)
            first, requests = self.sent, self.webhooks(total, port)
            consumer = self._consumer(total, first)
            cpu = service.Cpu({"edge": [edge.pid], "worker": [worker.pid], "store": [self.store_pid]})
            cpu.start()
            sent = self.load(requests, port, total, rate)
            found = json.loads(consumer.communicate(timeout=150)[0])
            figures = _measure(sent, found, first, total)
            figures |= {f"cpu_us_{name}": spent / total * 1e6 for name, spent in cpu.spent().items()}
            figures["rss_mb"] = service.rss_of(edge.pid) + service.rss_of(worker.pid)
            return figures

    def warm_up(self, port: int) -> None:
        """Every customer has an open conversation, as on any day but the first; what follows is measured."""
        service.wait_drained(self.url)
        consumer = self._consumer(CUSTOMERS, self.sent)
        self.load(self.webhooks(CUSTOMERS, port), port, CUSTOMERS)
        consumer.communicate(timeout=150)
        service.wait_drained(self.url)

    def _consumer(self, total: int, first: int) -> subprocess.Popen[str]:
        consumer = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.consumer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        orders = {
            "url": self.url, "streams": [events(name) for name in all_shards(service.SHARDS)], "total": total,
            "first": first, "deadline_s": 120,
        }  # fmt: skip
        assert consumer.stdin is not None and consumer.stdout is not None
        consumer.stdin.write(json.dumps(orders) + "\n")
        consumer.stdin.flush()
        assert consumer.stdout.readline() == "ready\n"
        return consumer


def _measure(sent: dict[str, Any], found: dict[str, Any], first: int, total: int) -> dict[str, Any]:
    seen = {int(number) - first: at for number, at in found["seen"].items() if int(number) >= first}
    if len(seen) != total:
        raise RuntimeError(f"{total} messages were answered 200, the consumer saw {len(seen)}")
    waits = sorted((at - sent["sent_at"][number]) * 1000 for number, at in seen.items())
    assigned = sorted((at - sent["sent_at"][number - first]) * 1000 for number, at in found["assigned"])
    return {
        "per_s": total / (max(seen.values()) - sent["began"]),
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[int(len(waits) * 0.99)],
        "assigned": len(assigned),
        "assigned_p50_ms": assigned[len(assigned) // 2] if assigned else None,
        "assigned_p99_ms": assigned[int(len(assigned) * 0.99)] if assigned else None,
    }


def run(scale: float) -> dict[str, Any]:
    """Everything, interleaved in rounds so that a drift of the machine meets limits and ours alike."""
    with tempfile.TemporaryDirectory(prefix="madoguchi-bench-") as name:
        return uvloop.run(_run(Path(name), scale))


async def _run(directory: Path, scale: float) -> dict[str, Any]:
    embedded = await Embedded.start(directory / "store", Durability.DISK)
    try:
        bench = Bench(directory, embedded.url, embedded.pid, scale)
        return await _rounds(bench, embedded.url)
    finally:
        await embedded.stop()


async def _rounds(bench: Bench, url: str) -> dict[str, Any]:
    rows: dict[str, list[float]] = {}

    def note(**figures: float) -> None:
        for name, value in figures.items():
            rows.setdefault(name, []).append(value)

    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}: limits ...")
        note(calibration_ms=bench.calibration_ms(), limit_append_per_s=await limits.append_rate(url))
        rate, cost = await asyncio.to_thread(bench.limit_http)
        note(limit_http_per_s=rate, cpu_us_limit_http=cost)
        say("  ingest ...")
        rate, cost = await asyncio.to_thread(bench.ingest)
        note(ingest_per_s=rate, cpu_us_ingest=cost)
        say("  end to end, closed loop ...")
        closed = await asyncio.to_thread(bench.end_to_end)
        note(end_to_end_per_s=closed["per_s"], rss_mb=closed["rss_mb"])
        note(**{name: value for name, value in closed.items() if name.startswith("cpu_us_")})
        say("  end to end, open loop at half of it ...")
        half = await asyncio.to_thread(bench.end_to_end, closed["per_s"] / 2)
        note(end_to_end_p50_ms=half["p50_ms"], end_to_end_p99_ms=half["p99_ms"])
        note(assigned_p50_ms=half["assigned_p50_ms"], assigned_p99_ms=half["assigned_p99_ms"])
        say("  shard commands ...")
        note(shard_commands_per_s=await shards.rate(url, round(30_000 * bench.scale)))
    say("dispatch ...")
    for agents in (100, 1_000, 10_000):
        note(**{f"dispatch_per_s_{agents}": dispatch.run(agents, round(10_000 * bench.scale))})
    return {name: round(median(values), 2) for name, values in rows.items()}


GOALS = {
    "ingest_per_s": ("limit_http_per_s", 0.8),
    "end_to_end_per_s": ("limit_http_per_s", 0.5),
    "shard_commands_per_s": ("limit_http_per_s", 1.0),
}


def table(figures: dict[str, Any]) -> str:
    """The figures, with the ratios that have a goal."""
    lines = [f"{'figure':<28}{'median':>14}   ratio (goal)"]
    for name, value in figures.items():
        ratio = ""
        if name in GOALS:
            limit, goal = GOALS[name]
            ratio = f"   {value / figures[limit]:.2f} of {limit} ({goal})"
        lines.append(f"{name:<28}{value:>14,.2f}{ratio}")
    return "\n".join(lines)


if __name__ == "__main__":
    results = run(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
    print(table(results))
    print(json.dumps(results))
