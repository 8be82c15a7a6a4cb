"""What one webhook costs the edge process, step by step, beside aiohttp alone: where the time of an intake goes.

``python -m tests.bench.ladder`` starts each step as a server of its own, on the same low-level aiohttp server that the
service uses, and sends it the same signed LINE webhooks; the last line is the service's own edge. About half a minute.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, Final

import uvloop
from aiohttp import web

from connectors.api import Batch
from connectors.line import LineConnector
from connectors.registry import settings_of
from contracts.commands import Receive
from router.edge.intake import make_request
from router.shards.append import Appender
from router.store.embedded import Embedded
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.bench import service
from tests.bench.__main__ import Bench

STEPS: Final = ("read", "verify", "parse", "append")
"""aiohttp reads the body; + the signature; + the contract's events; + a durable append."""
REQUESTS: Final = 20_000
ROUNDS: Final = 3

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def handler(step: str, appender: Appender | None) -> Handler:
    """Everything up to and with this step, as the intake does it."""
    raw = {"channel_secret": service.SECRET, "channel_access_token": "unused"}
    connector = LineConnector("line", settings_of(LineConnector, raw, "line"))  # type: ignore[arg-type]
    account: Any = SimpleNamespace(public_url="http://127.0.0.1/in/line")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = request.content.read_nowait(-1) if request.content.is_eof() else await request.read()
        if step == "read":
            return web.Response()
        made = make_request(request, account, "", body)
        connector.verify(made)
        if step == "verify":
            return web.Response()
        batch = connector.parse(made)
        assert isinstance(batch, Batch)
        if appender is not None:
            command = Receive(
                channel="line", account="line", channel_class="chat", event=batch.events[0], by="customer"
            )
            await appender.send("c:01", command, batch.raws[0])
        return web.Response()

    return answer


async def serve(step: str, port: int, url: str) -> None:
    """Serves one step until killed."""
    store = await Store.open(StoreSettings(url=url, durability=Durability.DISK)) if step == "append" else None
    server = web.Server(handler(step, None if store is None else Appender(store)), access_log=None)
    await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    print("ready", flush=True)
    await asyncio.Event().wait()


def measure(bench: Bench, step: str) -> tuple[float, float]:
    """Requests a second, and CPU microseconds of each."""
    if step == "edge":
        return bench.ingest()
    port = service.free_port()
    command = [sys.executable, "-m", "tests.bench.ladder", step, str(port), bench.url]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert serving.stdout is not None
        while (line := serving.stdout.readline()) != "ready\n":
            assert line, f"the server of step {step} ended"
        requests = bench.webhooks(REQUESTS, port)
        cpu = service.Cpu({"step": [serving.pid]})
        cpu.start()
        rate = float(bench.load(requests, port, REQUESTS)["per_s"])
        return rate, cpu.spent()["step"] / REQUESTS * 1e6
    finally:
        serving.kill()
        serving.wait()


def climb(directory: Path, url: str, store_pid: int) -> dict[str, tuple[float, float]]:
    """Every step in every round; medians."""
    bench = Bench(directory, url, store_pid, 1.0)
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for step in (*STEPS, "edge"):
            found.setdefault(step, []).append(measure(bench, step))
    return {step: (median(rate for rate, _ in some), median(cost for _, cost in some)) for step, some in found.items()}


def table(found: dict[str, tuple[float, float]]) -> str:
    """The ladder, with what of aiohttp's own rate and cost is left."""
    first_rate, first_cost = found["read"]
    lines = [f"{'step':<8}{'per second':>12}{'CPU us':>10}{'rate of read':>14}{'CPU of read':>13}"]
    for step, (rate, cost) in found.items():
        lines.append(f"{step:<8}{rate:>12,.0f}{cost:>10.1f}{rate / first_rate:>14.2f}{first_cost / cost:>13.2f}")
    return "\n".join(lines)


async def _run(directory: Path) -> str:
    embedded = await Embedded.start(directory / "store", Durability.DISK)
    try:
        assert embedded.pid is not None
        return table(await asyncio.to_thread(climb, directory, embedded.url, embedded.pid))
    finally:
        await embedded.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory(prefix="madoguchi-bench-") as name:
            print(uvloop.run(_run(Path(name))))
