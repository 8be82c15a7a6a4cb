"""What every process of the service does before anything else: its log and its event loop."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Coroutine
from typing import Any

import uvloop

from router.cli.failure import Failure
from router.observe.log import configure, tell_loop_error
from router.settings import Settings


def run_service(settings: Settings, work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work`` to its end on uvloop.

    Raises:
        Failure: a port is taken, or may not be used.
    """
    set_up_log(settings, {})
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.get_loop().set_exception_handler(tell_loop_error)
            runner.run(work)
    except OSError as error:
        raise _told(settings, error) from None


def set_up_log(settings: Settings, dropped: dict[str, int]) -> None:
    """``dropped`` counts what was kept out of the log."""
    configure(settings.logging.level, settings.logging.format, dropped)


def _told(settings: Settings, error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        where = settings.http.listen or "a port"
        return Failure(
            f"{where} is in use ({error.strerror})",
            "stop what listens there, or choose another, for example MADOGUCHI_HTTP_LISTEN=127.0.0.1:8081",
        )
    if error.errno == errno.EACCES:
        return Failure(f"{error.strerror}: {error.filename or settings.http.listen}", "ports below 1024 need root")
    return error
