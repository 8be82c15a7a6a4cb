"""The embedded server: never two writers, no orphan, back by itself, and clear words when it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from router.store import (
    Durability,
    Embedded,
    Store,
    StoreConfigError,
    StoreError,
    StoreLost,
    StoreSettings,
    StoreUnavailable,
    embedded,
)
from tests.servers.valkey import wait_until

pytestmark = pytest.mark.store

_ROOT = Path(__file__).parents[3]
#: Starts a store on argv[1], writes, says its server's process id, and then waits to be killed.
_SERVICE = """
import asyncio, sys
from pathlib import Path
from router.store import Store, StoreSettings

async def main():
    store = await Store.open(StoreSettings(data_dir=Path(sys.argv[1])))
    await store.lane("t", durable=True).call("k", "INCR", "k")
    print(store.embedded.pid, flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        await store.lane("last").call("k", "SET", "drained", 1)
        await store.close()

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def open_store(data_dir: Path, durability: Durability = Durability.DISK) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(data_dir=data_dir, durability=durability))
    try:
        yield store
    finally:
        await store.close()


@contextlib.contextmanager
def service(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A service in a process of its own, and the process id of its embedded server."""
    command = [sys.executable, "-c", _SERVICE, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            lines = (line.strip() for line in process.stdout)
            pid = int(next(line for line in lines if line.isdigit()))
            yield process, pid
        finally:
            process.kill()


def running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_data_outlives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "new" / "d ä"
    async with open_store(data) as store:
        assert store.url_for_display.startswith("unix:///")
        await store.lane("t", durable=True).call("k", "SET", "k", "v")
        facts = await store.facts()
        assert (facts.mode, facts.proof) == ("embedded", "appendfsync always")
    async with open_store(data) as store:
        assert await store.lane("t").call("k", "GET", "k") == b"v"


async def test_only_this_user_may_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    async with open_store(tmp_path / "data") as store:
        assert store.embedded is not None
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert modes["valkey.sock"] == 0o600
        assert modes["appendonlydir"] == 0o700


async def test_settings_of_the_server(tmp_path: Path) -> None:
    async with open_store(tmp_path / "d", Durability.MEMORY) as store:
        lane = store.lane("t")
        wanted = {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "aof-load-truncated": "yes",
            "enable-debug-command": "no",
            "enable-module-command": "no",
            "protected-mode": "yes",
        }
        answer = [item.decode() for item in await lane.call("k", "CONFIG", "GET", *wanted)]
        assert dict(zip(answer[::2], answer[1::2], strict=True)) == wanted


async def test_replica_class_needs_a_url(tmp_path: Path) -> None:
    with pytest.raises(StoreConfigError, match="embedded server has no replica"):
        await Store.open(StoreSettings(data_dir=tmp_path, durability=Durability.REPLICA))


async def test_a_second_start_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        with pytest.raises(StoreConfigError, match=f"in use by process {os.getpid()}"):
            await Embedded.start(tmp_path)
        assert await store.lane("t").call("k", "PING") == b"PONG"


def test_a_second_service_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with service(tmp_path) as (process, _):
        second = subprocess.run(
            [sys.executable, "-c", _SERVICE, str(tmp_path)], capture_output=True, text=True, cwd=_ROOT, timeout=20
        )
        assert f"in use by process {process.pid}" in second.stderr


@pytest.mark.chaos
def test_kill_9_of_the_service_leaves_no_orphan(tmp_path: Path) -> None:
    with service(tmp_path) as (process, pid):
        assert running(pid)
        process.kill()
        process.wait()
        wait_until(lambda: not running(pid), "the server gone with its service", 5)
    assert "ready to exit" in (tmp_path / "valkey.log").read_text(), "it shut down in order"


@pytest.mark.chaos
async def test_an_orphan_is_stopped_before_another_writer_starts(tmp_path: Path) -> None:
    """As where the kernel does not tell the server (not Linux), or while it takes its time: here it is frozen."""
    with service(tmp_path) as (process, orphan):
        os.kill(orphan, signal.SIGSTOP)
        process.kill()
        process.wait()
        starting = asyncio.create_task(Embedded.start(tmp_path))
        await asyncio.sleep(0.3)
        assert not starting.done()
        assert running(orphan)
        os.kill(orphan, signal.SIGCONT)
        started = await starting
        assert not running(orphan)
        async with _stopping(started):
            store = await Store.open(StoreSettings(url=started.url, durability=Durability.DISK))
            assert await store.lane("t").call("k", "GET", "k") == b"1"
            await store.close()


@contextlib.asynccontextmanager
async def _stopping(server: Embedded) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await server.stop()


@pytest.mark.chaos
async def test_an_orphan_that_does_not_hear_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STOP_PATIENCE_S", 0.2)
    with service(tmp_path) as (process, orphan):
        os.kill(orphan, signal.SIGSTOP)
        process.kill()
        process.wait()
        async with _stopping(await Embedded.start(tmp_path)):
            assert not running(orphan)


def test_ctrl_c_reaches_the_service_and_not_its_server(tmp_path: Path) -> None:
    with service(tmp_path) as (process, pid):
        assert os.getpgid(pid) != os.getpgid(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) != 0
        assert not running(pid)

    async def check() -> None:
        async with open_store(tmp_path) as store:
            assert await store.lane("t").call("k", "GET", "drained") == b"1", "the store was there during the drain"

    asyncio.run(check())


@pytest.mark.chaos
async def test_a_dead_server_is_started_again(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        assert store.embedded is not None
        watching = asyncio.create_task(store.embedded.watch())
        lane = store.lane("t", durable=True)
        stored = 0
        for _ in range(2):
            pid = store.embedded.pid
            assert pid is not None
            stored = await lane.call("k", "INCR", "k")
            os.kill(pid, signal.SIGKILL)
            assert await _patiently(lane.call, "k", "GET", "k") == str(stored).encode()
            assert store.embedded.pid != pid
    await asyncio.wait_for(watching, 5)


async def _patiently(call: object, *args: str) -> object:
    assert callable(call)
    deadline = time.monotonic() + 10
    while True:
        try:
            return await call(*args)
        except StoreError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


@pytest.mark.chaos
async def test_a_server_that_cannot_come_back_is_tried_again(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        server = store.embedded
        assert server is not None
        assert server.pid is not None
        watching = asyncio.create_task(server.watch())
        binary, server._binary = server._binary, Path("/bin/false")
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.sleep(0.5)
        assert not watching.done()
        server._binary = binary
        assert await _patiently(store.lane("t").call, "k", "PING") == b"PONG"
    await asyncio.wait_for(watching, 5)


async def test_a_torn_tail_of_the_file_loads(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        lane = store.lane("t", durable=True)
        await asyncio.gather(*(lane.call("s", "XADD", "s", "*", "n", n) for n in range(100)))
    [tail] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    os.truncate(tail, tail.stat().st_size - 7)
    async with open_store(tmp_path) as store:
        assert await store.lane("t").call("s", "XLEN", "s") == 99


async def test_a_broken_file_is_a_clear_sentence(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.lane("t", durable=True).call("k", "SET", "k", "v" * 1000)
    [tail] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    tail.write_bytes(b"this is no log" + tail.read_bytes())
    with pytest.raises(StoreUnavailable, match=r"(?i)did not start.*bad file format"):
        await Embedded.start(tmp_path)
    with contextlib.suppress(StoreError):
        await Embedded.start(tmp_path)  # the directory was given back: it is not "in use"


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    async with open_store(data) as store:
        assert store.embedded is not None
        socket = store.embedded.socket
        assert len(str(socket)) < 100
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert await store.lane("t").call("k", "PING") == b"PONG"
    assert not socket.parent.exists()


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreConfigError, match="cannot be written"):
        await Embedded.start(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreConfigError, match="cannot be written"):
        await Embedded.start(tmp_path / "data")


async def test_no_binary_for_this_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(StoreConfigError, match="give the service a store URL"):
        await Embedded.start(tmp_path)


async def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_FULL_BYTES", 2**62)
    monkeypatch.setattr(embedded, "_binary", lambda: Path("/bin/false"))
    with pytest.raises(StoreUnavailable, match=r"the disk that holds .* is full"):
        await Embedded.start(tmp_path)


@contextlib.contextmanager
def small_disk(where: Path) -> Iterator[Callable[[], None]]:
    """A disk of 4 MB at `where`; what it yields makes it larger."""
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(where)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small disk here")

    def grow() -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(where)], check=True)

    try:
        yield grow
    finally:
        subprocess.run(["umount", str(where)], check=True)


@pytest.mark.chaos
async def test_a_full_disk_loses_nothing_acknowledged_and_heals(tmp_path: Path) -> None:
    """With `appendfsync always` the server ends when it cannot write; it is started again until there is room."""
    with small_disk(tmp_path / "disk") as make_room:
        async with open_store(tmp_path / "disk" / "d") as store:
            assert store.embedded is not None
            watching = asyncio.create_task(store.embedded.watch())
            lane = store.lane("t", durable=True)
            stored = uncertain = 0
            while not uncertain:
                try:
                    await lane.call("s", "XADD", "s", "*", "d", b"x" * 50_000)
                    stored += 1
                except StoreLost:
                    uncertain += 1
            assert not (await store.facts()).connected
            make_room()
            length = await _patiently(lane.call, "s", "XLEN", "s")
            assert isinstance(length, int)
            assert stored <= length <= stored + uncertain
        await asyncio.wait_for(watching, 5)


async def test_options_of_the_operator(tmp_path: Path) -> None:
    async with _stopping(server := await Embedded.start(tmp_path, Durability.DISK, ["--maxmemory", "100mb"])):
        store = await Store.open(StoreSettings(url=server.url))
        assert (await store.facts()).maxmemory == 100 * 1024 * 1024
        await store.close()


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    for pause in (0.0, 0.01, 0.03, 0.06):
        starting = asyncio.create_task(Embedded.start(tmp_path))
        await asyncio.sleep(pause)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await starting).stop()
    async with open_store(tmp_path) as store:
        assert await store.lane("t").call("k", "PING") == b"PONG"
