"""The load generator: prepared HTTP requests over keep-alive connections, one asyncio Protocol each.

Run in a process of its own (``python -m tests.bench.generator``): it reads its orders as JSON from standard input and
writes what it saw as JSON into a file. It is deliberately thin, since it shares two cores with what it measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import uvloop


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time, the next as soon as the answer is there, or when it is due."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due = 0.0
        self._number = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._run.free(self)

    def send(self, number: int, due: float) -> None:
        """Sends request ``number``; its latency counts from ``due``, when it should have gone out."""
        self._number, self._due = number, due
        assert self._transport is not None
        self._transport.write(self._run.requests[number % len(self._run.requests)])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _content_length(self._buffer[:head])
        if len(self._buffer) < head + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._buffer = b""
        self._run.answered(self, self._number, status, self._due)

    def connection_lost(self, error: Exception | None) -> None:
        self._run.lost(self)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        return 0
    return int(head[at + 15 : head.find(b"\r", at) if head.find(b"\r", at) > 0 else None])


class Run:
    """One run: closed loop (``rate`` 0) or open loop at ``rate`` requests a second."""

    def __init__(self, requests: list[bytes], total: int, rate: float, pace_s: float) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.sent_at: list[float] = []
        self._total = total
        self._rate = rate
        self._sent = 0
        self._done = 0
        self._idle: deque[Connection] = deque()
        self._late: deque[tuple[int, float]] = deque()
        self._finished = asyncio.get_running_loop().create_future()
        self._deadline = pace_s
        self._began = 0.0

    def free(self, connection: Connection) -> None:
        """A connection is ready for the next request."""
        if not self._began:
            self._idle.append(connection)
        elif self._late:
            connection.send(*self._late.popleft())
        elif self._rate == 0 and self._sent < self._total:
            self._sent += 1
            self.sent_at.append(time.time())
            connection.send(self._sent - 1, time.perf_counter())
        else:
            self._idle.append(connection)

    def answered(self, connection: Connection, number: int, status: int, due: float) -> None:
        """An answer came."""
        self.latencies.append(time.perf_counter() - due)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._done += 1
        if self._done >= self._total and not self._finished.done():
            self._finished.set_result(None)
        self.free(connection)

    def lost(self, connection: Connection) -> None:
        """A connection broke: the run counts it as a failure."""
        self.statuses[0] = self.statuses.get(0, 0) + 1
        if not self._finished.done():
            self._finished.set_result(None)

    async def go(self) -> dict[str, Any]:
        """Runs to the end, or to the deadline."""
        self._began = time.perf_counter()
        wall = time.time()
        if self._rate == 0:
            for _ in range(len(self._idle)):
                self.free(self._idle.popleft())
        else:
            asyncio.get_running_loop().create_task(self._paced(), name="pace")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished, self._deadline)
        return self._report(time.perf_counter() - self._began, wall)

    async def _paced(self) -> None:
        """Open loop: each request has its time, whether or not the earlier ones are answered. Those of one millisecond
        go out together: waking for each would cost more than what is measured."""
        for number in range(self._total):
            due = self._began + number / self._rate
            while (wait := due - time.perf_counter()) > 0.0005:
                await asyncio.sleep(max(wait, 0.001))
            self.sent_at.append(time.time() - (time.perf_counter() - due))
            if self._idle:
                self._idle.popleft().send(number, due)
            else:
                self._late.append((number, due))

    def _report(self, took: float, wall: float) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        ordered = sorted(self.latencies)
        return {
            "done": self._done,
            "took_s": took,
            "per_s": self._done / took,
            "statuses": {str(key): value for key, value in self.statuses.items()},
            "p50_ms": _at(ordered, 0.5),
            "p99_ms": _at(ordered, 0.99),
            "began": wall,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "sent_at": self.sent_at,
        }


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


async def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Carries out the orders: ``requests`` (a file of length-prefixed requests), ``host``, ``port``, ``connections``,
    ``total``, ``rate`` and ``deadline_s``."""
    requests = read_requests(Path(orders["requests"]))
    run = Run(requests, orders["total"], orders.get("rate", 0), orders["deadline_s"])
    loop = asyncio.get_running_loop()
    for _ in range(orders["connections"]):
        await loop.create_connection(lambda: Connection(run), orders["host"], orders["port"])
    return await run.go()


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Requests for :func:`read_requests`."""
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in requests))


def read_requests(path: Path) -> list[bytes]:
    """What :func:`write_requests` wrote."""
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


if __name__ == "__main__":
    orders = json.loads(sys.stdin.read())
    Path(orders["report"]).write_text(json.dumps(uvloop.run(main(orders))))
