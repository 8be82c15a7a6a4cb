"""Locks on files: held by an open file, so a crash gives them back."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from router.store.errors import StoreConfigError


class FileLock:
    """An exclusive lock on a file that also tells who holds it.

    The lock belongs to the open file, not to the process: a child that inherits `fd` holds it as well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_lock(self) -> bool:
        """Take it if nobody holds it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> int | None:
        """The process id that was written by whoever took it."""
        text = os.pread(self.fd, 20, 0).strip()
        return int(text) if text.isdigit() else None

    def sign(self, pid: int) -> None:
        """Write who holds it."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, b"%d\n" % pid, 0)

    def close(self) -> None:
        """Give it back."""
        os.close(self.fd)


def own(path: Path) -> FileLock:
    """Take the lock for this process.

    Raises `StoreConfigError` naming the holder when another service has it.
    """
    lock = FileLock(path)
    if not lock.try_lock():
        holder = lock.holder()
        lock.close()
        who = f"process {holder}" if holder else "another process"
        raise StoreConfigError(
            f"the data directory {path.parent} is in use by {who} ({path} is locked); "
            "stop it, or give this service a data directory of its own"
        )
    lock.sign(os.getpid())
    return lock
