"""Ports for servers under test: each is given to one process at a time, however many test runs share the machine.

Binding port 0 and letting go of it is a race: the kernel may hand the same port to another process, or to an outgoing
connection, before our server binds it. These lie below the range of outgoing connections, and a lock file held for as
long as this process lives says whose they are.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import Final

LOWEST: Final = 11_000
HIGHEST: Final = 31_000
STEP: Final = 2
"""Every other one: the next is left for a Cluster's bus (see ``ValkeyServer``)."""

_held: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on and that no other test process will be given.

    Raises:
        RuntimeError: all are taken.
    """
    count = (HIGHEST - LOWEST) // STEP
    start = (os.getpid() * 131 + len(_held)) % count
    for number in range(count):
        port = LOWEST + STEP * ((start + number) % count)
        if port not in _held and _take(port):
            return port
    raise RuntimeError("every port for tests is taken")


def free_ports(count: int) -> list[int]:
    """Several of them."""
    return [free_port() for _ in range(count)]


def _take(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / "madoguchi-test-ports"
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _bind(port)
    except OSError:
        os.close(lock)
        return False
    _held.add(port)  # the descriptor stays open, and with it the lock, until this process ends
    return True


def _bind(port: int) -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")):
        with socket.socket(family) as probe:
            probe.bind((host, port))
