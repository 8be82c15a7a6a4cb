"""Several processes of one service: the parent opens the store, keeps the children running and stops them in order.

The children share the port (SO_REUSEPORT) and know nothing of each other; shards spread over them by their leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from router.api.tokens import TokenStore
from router.cli.ask import base_url, get
from router.cli.catcher import catching
from router.cli.failure import Failure
from router.cli.reach import reach
from router.cli.welcome import welcome
from router.observe import events
from router.settings import Settings, address
from router.store import Embedded
from router.store.configured import store_settings

_FIRST_S: Final = 0.2
_MOST_S: Final = 30.0
_SHORT_LIFE_S: Final = 10.0
_GIVE_UP: Final = 5
"""So many short lives in a row of one child, and the parent ends too: something must be set right first."""
_KILL_S: Final = 5.0
STORE_URL: Final = "MADOGUCHI_STORE__URL"


class Parent:
    """Runs ``count`` children with ``words`` behind ``madoguchi serve``. ``exit_code`` is for the parent's own end."""

    def __init__(
        self,
        settings: Settings,
        roles: frozenset[str],
        count: int,
        words: Sequence[str],
        environ: Mapping[str, str],
        *,
        greet: bool = False,
    ) -> None:
        self.exit_code = 0
        self._settings = settings
        self._roles = roles
        self._count = count
        self._words = list(words)
        self._environ = dict(environ)
        self._greet = greet
        self._stopping = asyncio.Event()
        self._children: dict[int, Process] = {}

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or until the children cannot be kept running."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        _check_port(self._settings, self._roles)
        async with contextlib.AsyncExitStack() as stack:
            if self._greet:
                await stack.enter_async_context(catching(self._settings))
            await stack.enter_async_context(self._store())
            pipe = stack.enter_context(_pipe())
            await self._keep_all(pipe)

    @contextlib.asynccontextmanager
    async def _store(self) -> AsyncIterator[None]:
        """The embedded store, when no other is configured. It stops after the children."""
        if self._settings.store.url is not None:
            yield
            return
        wanted = store_settings(self._settings, None)
        embedded = await Embedded.start(wanted.data_dir, wanted.durability)
        watching = asyncio.create_task(embedded.watch(), name="store.watch")
        self._environ[STORE_URL] = embedded.url
        try:
            yield
        finally:
            watching.cancel()
            await embedded.stop()

    async def _keep_all(self, pipe: int) -> None:
        keeping = [asyncio.create_task(self._keep(index, pipe)) for index in range(1, self._count + 1)]
        greeting = asyncio.create_task(self._greeting())
        try:
            await self._stopping.wait()
        finally:
            greeting.cancel()
            await self._stop_children()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, greeting, return_exceptions=True)

    async def _keep(self, index: int, pipe: int) -> None:
        """One child after the other in this place."""
        loop = asyncio.get_running_loop()
        short = 0
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._live(index, pipe)
            if self._stopping.is_set():
                return
            short = short + 1 if loop.time() - began < _SHORT_LIFE_S else 0
            structlog.get_logger().error(events.PROCESS_DIED, index=index, code=code, failures=short)
            if short >= _GIVE_UP:
                self._give_up()
                return
            await self._pause(short)

    async def _live(self, index: int, pipe: int) -> int:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "router.cli", "serve", *self._words),
            *("--child", str(index), "--parent-fd", str(pipe)),
            env=self._environ,
            pass_fds=(pipe,),
            # Ctrl-C is for the parent, which passes it on in order.
            start_new_session=True,
        )
        self._children[index] = child
        structlog.get_logger().info(events.PROCESS_STARTED, index=index, pid=child.pid)
        try:
            return await child.wait()
        finally:
            del self._children[index]

    async def _pause(self, short: int) -> None:
        longest = min(_FIRST_S * (1 << min(short, 16)), _MOST_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), longest * random.uniform(0.5, 1.0))

    def _give_up(self) -> None:
        self.exit_code = 1
        self._stopping.set()

    async def _stop_children(self) -> None:
        """SIGTERM to all at once, then the time that the configuration gives them, then SIGKILL."""
        service = self._settings.service
        _signal_all(self._children.values(), signal.SIGTERM)
        if await self._gone(service.drain_s + service.stop_s + _KILL_S):
            return
        for index, child in self._children.items():
            structlog.get_logger().error(events.PROCESS_KILLED, index=index, pid=child.pid)
        _signal_all(self._children.values(), signal.SIGKILL)
        await self._gone(_KILL_S)

    async def _gone(self, patience_s: float) -> bool:
        waiting = [asyncio.create_task(child.wait()) for child in self._children.values()]
        if not waiting:
            return True
        _, left = await asyncio.wait(waiting, timeout=patience_s)
        for task in left:
            task.cancel()
        return not left

    async def _greeting(self) -> None:
        """As soon as a child answers."""
        while self._greet:
            with contextlib.suppress(Failure):
                status, _ = await asyncio.to_thread(get, f"{base_url(self._settings, self._roles)}/readyz")
                if status == 200:
                    async with reach(self._settings) as store:
                        await welcome(self._settings, TokenStore(store.lane("tokens", durable=True)))
                    return
            await asyncio.sleep(0.2)


def _signal_all(children: Iterable[Process], number: signal.Signals) -> None:
    for child in list(children):
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    """The children hold its reading end; its writing end closes with the parent."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


def _check_port(settings: Settings, roles: frozenset[str]) -> None:
    """Sharing a port hides that somebody else has it, so it is tried without sharing first."""
    host, port = address(settings, roles)
    if host.startswith("unix:"):
        raise Failure("several processes cannot share a socket file", "set http.listen to a host and port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failure(
                f"{host}:{port} cannot be listened on ({error.strerror})", "set http.listen to another"
            ) from None
