"""A child ends when its parent is gone, however that died: the parent holds the other end of a pipe."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any


async def while_parent_lives(fd: int | None, work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work``; asks it to end, as SIGTERM does, when the pipe closes."""
    loop = asyncio.get_running_loop()
    if fd is not None:
        loop.add_reader(fd, _gone, loop, fd)
    try:
        await work
    finally:
        if fd is not None:
            loop.remove_reader(fd)


def _gone(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    loop.remove_reader(fd)
    os.kill(os.getpid(), signal.SIGTERM)
