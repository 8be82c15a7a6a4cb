"""The service as it is measured: processes of the real command line, on an embedded Valkey of the benchmark's own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import redis

from connectors.line import LineConnector
from connectors.registry import settings_of
from contracts.streams import all_shards, commands

SHARDS = 16
AGENTS = 200
SECRET = "benchmark-channel-secret-0000000"


@dataclass
class Cpu:
    """CPU seconds of processes, between two readings."""

    pids: dict[str, Sequence[int]]
    began: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        self.began = self._read()

    def spent(self) -> dict[str, float]:
        now = self._read()
        return {name: now[name] - self.began[name] for name in now}

    def _read(self) -> dict[str, float]:
        return {name: sum(map(cpu_of, pids)) for name, pids in self.pids.items()}


def cpu_of(pid: int) -> float:
    """User and system seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int) -> float:
    """Resident megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def config(directory: Path, port: int) -> Path:
    """A configuration with one LINE account and agents who accept by themselves."""
    agents = "\n".join(
        f'[[agents]]\nid = "a{number:03d}"\nname = "Agent {number}"\ncapacity = 1000' for number in range(AGENTS)
    )
    text = f"""
[service]
data_dir = "{directory}/data"
secret = "{"benchmark-root-key-" * 3}"
drain_s = 0
[http]
listen = "127.0.0.1:{port}"
[logging]
level = "warning"
format = "json"
[accounts.line]
connector = "line"
channel_secret = "{SECRET}"
channel_access_token = "unused"
api_base = "http://127.0.0.1:9"
data_base = "http://127.0.0.1:9"
allow_private = true
[[policy.queues]]
name = "default"
auto_accept = true
{agents}
"""
    path = directory / f"bench-{port}.toml"
    path.write_text(text)
    return path


@contextmanager
def process(directory: Path, url: str, role: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the service with this role, answering /healthz."""
    command = [sys.executable, "-m", "router.cli", "serve", "--config", str(config(directory, port))]
    command += ["--role", role] if role else []
    log = (directory / f"{role or 'all'}-{port}.log").open("wb")
    running = subprocess.Popen(command, env={**os.environ, "MADOGUCHI_STORE_URL": url}, stderr=log, stdout=log)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", running, Path(log.name))
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        log.close()


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if running.poll() is not None:
            raise RuntimeError(f"the service ended at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the service was not ready in 30 s:\n{log.read_text()[-2000:]}")


def webhooks(count: int, customers: int, port: int, first: int = 0) -> list[bytes]:
    """Whole HTTP requests: signed LINE webhooks of one text message, customers in turn. ``first``: the number of the
    first message; a message of the same number is the same message."""
    raw = {"channel_secret": SECRET, "channel_access_token": "unused"}
    connector = LineConnector("line", settings_of(LineConnector, raw, "line"))  # type: ignore[arg-type]
    now = int(time.time() * 1000)
    return [_webhook(connector, number, customers, now, port) for number in range(first, first + count)]


def _webhook(connector: LineConnector, number: int, customers: int, now: int, port: int) -> bytes:
    address = f"U{number % customers:032x}"
    text = f"メッセージ {number}: the parcel has not arrived, could you look into it? " + "・" * 60
    made = connector.simulate(address, text, number, now)
    assert made is not None
    lines = [f"POST /in/line HTTP/1.1\r\nHost: 127.0.0.1:{port}", f"Content-Length: {len(made.body)}"]
    lines += [f"{name}: {value}" for name, value in made.headers.items() if name != "content-length"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + made.body


def wait_drained(url: str) -> None:
    """Returns when every command that was appended is carried out (what the ingest run left, for example)."""
    client = redis.Redis.from_url(url)
    for _ in range(600):
        if all(_is_drained(client, shard) for shard in all_shards(SHARDS)):
            return
        time.sleep(0.1)
    raise RuntimeError("commands were still waiting after a minute")


def _is_drained(client: redis.Redis, shard: str) -> bool:
    last = client.xrevrange(commands(shard), count=1)
    return not last or client.hget(f"{{{shard}}}:meta", "cursor") == last[0][0]


def sign_in(url: str) -> None:
    """Every agent is online and connected."""
    client = redis.Redis.from_url(url)
    for _ in range(200):
        if client.hlen("{d:main}:agents") >= AGENTS:
            break
        time.sleep(0.05)
    with client.pipeline(transaction=False) as pipe:
        for number in range(AGENTS):
            agent = f"a{number:03d}"
            for command in (
                {"type": "declare_presence", "agent": agent, "declared": "online"},
                {"type": "agent_connection", "agent": agent, "session": f"bench-{agent}", "connected": True},
            ):
                pipe.xadd("{d:main}:commands", {"data": msgpack.packb(command)})
        pipe.execute()
    for _ in range(200):
        rows = [msgpack.unpackb(row, timestamp=3) for row in client.hvals("{d:main}:agents")]
        if sum(bool(row.get("presence", {}).get("connected")) for row in rows) >= AGENTS:
            return
        time.sleep(0.05)
    raise RuntimeError(f"the agents did not come online: {json.dumps(len(rows))} known")
