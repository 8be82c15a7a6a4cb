"""What account A's customers notice while account B's provider hangs, refuses its token or is gone: nothing, we hope.

``python -m tests.bench.bulkhead`` prints p50 and p99 of answers over A (from the command's append to the provider)
beside those of the same run while B, with as much to send, is well; in interleaved rounds; the last line is JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from tests.servers.fake_webhook import SECRET
from tests.servers.inside import Inside, inside, table
from tests.servers.ports import free_port
from tests.servers.valkey import start_valkey

PEOPLE: Final = 20
"""Conversations of each account."""
KINDS: Final = ("undisturbed", "hangs", "401", "crashed")


@dataclass
class Far:
    """A provider: when what arrived, and how it answers."""

    url: str = ""
    latencies: list[float] = field(default_factory=list)
    trouble: str | None = None
    runner: web.AppRunner | None = None

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.trouble == "hangs":
            await asyncio.sleep(3_600)
        if self.trouble == "401":
            return web.Response(status=401)
        self.latencies.append(time.monotonic() - float(body["parts"][0]["text"]))
        return web.json_response({"id": body["parts"][0]["text"]})


@asynccontextmanager
async def far() -> AsyncIterator[Far]:
    """On a free port."""
    made = Far()
    app = web.Application()
    app.router.add_post("/hook", made.handle)
    made.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await made.runner.setup()
    await web.TCPSite(made.runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{made.runner.addresses[0][1]}/hook"
    try:
        yield made
    finally:
        await made.runner.cleanup()


class Bench:
    """One service with accounts A and B, and twenty people who write to each."""

    def __init__(self, service: Inside, good: Far, bad: Far) -> None:
        self.service, self.good, self.bad = service, good, bad
        self.conversations: dict[str, list[str]] = {"a": [], "b": []}

    async def begin(self) -> None:
        """Everybody writes first."""
        for account, opened in self.conversations.items():
            for number in range(PEOPLE):
                opened.append(await self.service.opened(account=account, address=f"{account}{number}"))

    async def round(self, trouble: str | None, answers: int, rate: float) -> list[float]:
        """Latencies of the answers over A, at that rate, while B's answers (as many at once) meet the trouble."""
        self.bad.trouble = trouble
        self.good.latencies.clear()
        for conversation in self.conversations["b"] * 3:
            await self._answer(conversation)
        await asyncio.sleep(0.2)
        start = time.monotonic()
        for number in range(answers):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            await self._answer(self.conversations["a"][number % PEOPLE])
        async with asyncio.timeout(20):
            while len(self.good.latencies) < answers:
                await asyncio.sleep(0.01)
        return sorted(self.good.latencies)

    async def _answer(self, conversation: str) -> None:
        await self.service.answers(conversation, f"{time.monotonic()}")


@asynccontextmanager
async def bench(directory: Path, store_url: str, *, gone: bool = False) -> AsyncIterator[Bench]:
    """``gone``: nobody listens where B's provider was."""
    async with AsyncExitStack() as stack:
        good, bad = await stack.enter_async_context(far()), await stack.enter_async_context(far())
        bad_url = f"http://127.0.0.1:{free_port()}/hook" if gone else bad.url
        urls = {"a": good.url, "b": bad_url}
        accounts = [
            table(f"accounts.{name}", {"connector": "webhook", "secret": SECRET, "url": url, "allow_private": True})
            for name, url in urls.items()
        ]
        made = Bench(await stack.enter_async_context(inside(directory, store_url, *accounts)), good, bad)
        await made.begin()
        yield made


def p(latencies: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return round(1000 * latencies[min(len(latencies) - 1, int(share * len(latencies)))], 2)


async def run(rounds: int, answers: int, rate: float) -> dict[str, list[list[float]]]:
    """Latencies by kind and round."""
    found: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as folder, start_valkey(Path(folder) / "v") as server:
                async with bench(Path(folder), server.url, gone=kind == "crashed") as made:
                    trouble = None if kind == "undisturbed" else kind
                    found[kind].append(await made.round(trouble, answers, rate))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def main() -> None:
    """Prints the table and the JSON line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    found = asyncio.run(run(3, 200, 50.0))
    figures: dict[str, float] = {}
    for kind, rounds in found.items():
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            figures[f"bulkhead_{kind}_{name}_ms"] = statistics.median(p(each, share) for each in rounds)
        p50, p99 = (figures[f"bulkhead_{kind}_{name}_ms"] for name in ("p50", "p99"))
        print(f"{kind:12} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
