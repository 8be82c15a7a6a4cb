"""A lane: commands in, futures out; one pipelined connection to each node, made when needed and again after a loss.

A lane keeps the order of its commands to a key. It never sends a command a second time unless the server has said that
it did not apply it (MOVED, ASK).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from router.store.errors import Redirected, StoreError, StoreRefused, StoreUnavailable
from router.store.resp import pack
from router.store.settings import StoreSettings
from router.store.wire import Batch, Future, Wire

Dial = Callable[[], Awaitable[Wire]]

_BACKOFF_FIRST_S: Final = 0.02
_BACKOFF_MOST_S: Final = 1.0


class Router(Protocol):
    """Knows other nodes than the one that answered."""

    def follow(self, payload: bytes, future: Future, timeout: float, where: Redirected) -> None:
        """Send a command that was not applied to the node that will."""

    def learn(self, where: Redirected) -> None:
        """Only remember the node."""


class Channel:
    """The connection to one node. Commands wait for it in order while it is being made."""

    def __init__(self, name: str, dial: Dial, settings: StoreSettings, router: Router | None = None) -> None:
        self.name = name
        self.wire: Wire | None = None
        self._dial = dial
        self._router = router
        self._default_timeout = settings.call_timeout_ms / 1000
        self._max_bytes = settings.max_buffer_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting = self._new_batch()
        self._patience: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._served_before = 0
        self._closed = False

    def submit(self, payload: bytes, future: Future, timeout: float | None) -> None:
        """Send now, or as soon as there is a connection."""
        if self.wire is not None:
            self.wire.push(payload, future, timeout)
        else:
            self._wait(payload, future, timeout)

    def when_idle(self, call: Callable[[], None]) -> bool:
        """Run `call` when all that was submitted so far has an answer; False when that is already so."""
        if self.wire is not None:
            return self.wire.when_idle(call)
        if not self._waiting.futures:
            return False
        self._waiting.after = [*(self._waiting.after or ()), call]
        return True

    async def close(self) -> None:
        """End the connection; what is unanswered is `StoreLost`, what was not sent `StoreUnavailable`."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail_waiting(StoreUnavailable(f"{self.name} was closed"))
        if self.wire is not None:
            self.wire.close()
        await asyncio.sleep(0)  # lets the transport finish its abort

    def leave(self, reason: StoreError) -> None:
        """Use another connection from now on; what was sent on this one still gets its answers."""
        if self.wire is not None:
            self.wire.retire(reason)

    # -- waiting for a connection ----------------------------------------------------------------------------------

    def _new_batch(self) -> Batch:
        batch = Batch(self._default_timeout)
        batch.delayed = True
        return batch

    def _wait(self, payload: bytes, future: Future, timeout: float | None) -> None:
        if self._closed:
            future.set_exception(StoreUnavailable(f"{self.name} was closed"))
        elif self._waiting.size > self._max_bytes:
            future.set_exception(StoreRefused(f"BUSY {self._waiting.size} bytes wait for a connection to {self.name}"))
        else:
            self._waiting.add(payload, future, timeout)
            self._be_patient(self._default_timeout if timeout is None else timeout)
            if self._task is None:
                self._task = self._loop.create_task(self._connect(), name=f"store.connect.{self.name}")

    def _be_patient(self, timeout: float) -> None:
        """All that wait are given up together, at the earliest deadline: a transaction must not lose its middle."""
        deadline = self._loop.time() + timeout
        if self._patience is not None and self._patience.when() <= deadline:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_at(deadline, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        self._fail_waiting(StoreUnavailable(f"no connection to {self.name} in time"))

    def _fail_waiting(self, error: StoreError) -> None:
        self._take_waiting().fail(error)

    def _take_waiting(self) -> Batch:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        waiting, self._waiting = self._waiting, self._new_batch()
        return waiting

    # -- making it -------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            await asyncio.sleep(self._backoff())
            wire = await self._dial()
        except StoreError as error:
            self._not_connected(error)
        except Exception as error:  # a host name no resolver takes, say: whoever waits must hear of it
            self._not_connected(StoreUnavailable(f"cannot connect to {self.name}: {error!r}"))
        else:
            self._task = None
            self._use(wire)

    def _not_connected(self, error: StoreError) -> None:
        self._failures += 1
        self._task = None
        self._fail_waiting(error)

    def _use(self, wire: Wire) -> None:
        self._served_before = wire.served
        self.wire = wire
        wire.owner = self
        if wire.error is not None:  # lost between its login and here
            self.wire_lost(wire, wire.error)
            self._fail_waiting(StoreUnavailable(str(wire.error)))
        else:
            wire.adopt(self._take_waiting())

    def _backoff(self) -> float:
        if not self._failures:
            return 0.0
        most: float = min(_BACKOFF_FIRST_S * 2 ** min(self._failures, 10), _BACKOFF_MOST_S)
        return random.uniform(most / 2, most)

    # -- wire.Owner ------------------------------------------------------------------------------------------------

    def wire_lost(self, wire: Wire, error: StoreError) -> None:
        """Make another connection at the next call."""
        if self.wire is wire:
            self.wire = None
            # One that never answered counts as a failed attempt, so that a server which lets us in and throws us out
            # (LOADING, a proxy without a backend) is not dialled in a tight loop.
            self._failures = 0 if wire.served > self._served_before else self._failures + 1

    def wire_redirected(self, payload: bytes, future: Future, timeout: float, where: Redirected) -> None:
        """Follow, or give the error to the caller where there is nothing to follow (not a cluster)."""
        if self._router is not None:
            self._router.follow(payload, future, timeout, self._with_host(where))
        elif not future.done():
            future.set_exception(where)

    def wire_misplaced(self, where: Redirected) -> None:
        """Remember where the next transaction should go."""
        if self._router is not None:
            self._router.learn(self._with_host(where))

    def _with_host(self, where: Redirected) -> Redirected:
        """An address without a host means the host that was asked."""
        if where.node.startswith(":"):
            where.node = self.name.rpartition(":")[0] + where.node
        return where


class Lane:
    """One pipelined connection per node; commands of one loop tick leave in one write; answers resolve in order."""

    def __init__(self, name: str, dial: Callable[[str], Awaitable[Wire]], settings: StoreSettings) -> None:
        self.name = name
        self.closed = False
        self._dial = dial
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._channel = self._open_channel("")

    def call(self, key: str | bytes, *args: bytes | str | int, timeout: float | None = None) -> asyncio.Future[Any]:
        """Send one command; the future gets its answer as RESP2 values (`bytes`, `int`, `list`, `None`).

        `args` is the whole command, its name first. `key` only chooses the node; several commands that must stay
        together (MULTI ... EXEC) are called one after another without an await between them, with the same key.
        The answer of EXEC may hold `StoreError` values, one for each command that failed.

        `timeout` is in seconds from the write, `call_timeout_ms` when None. When it passes, the connection is given up
        and every command on it is `StoreLost`: give a blocking command a lane of its own and time to spare.

        The future raises `StoreUnavailable`, `StoreRefused`, `ReplyError`, `StoreLost`, or on a durable lane
        `NotDurable`. Cancelling it does not take the command back.
        """
        future = self._loop.create_future()
        channel = self._channel
        wire = channel.wire
        if wire is not None:
            wire.push(pack(args), future, timeout)
        else:
            channel.submit(pack(args), future, timeout)
        return future

    async def close(self) -> None:
        """End the lane's connections; unanswered commands are `StoreLost`. Wait for your futures first."""
        self.closed = True
        await self._channel.close()

    def leave(self, reason: StoreError) -> None:
        """Look the server up again: it is no longer the one that should be written to."""
        self._channel.leave(reason)

    def _open_channel(self, node: str) -> Channel:
        async def dial() -> Wire:
            return await self._dial(node)

        return Channel(node or self.name, dial, self._settings)
