"""One connection that speaks RESP2, pipelined: the hot path.

All commands of one loop tick form a *batch* and leave in one write. The server answers in order, so futures are
resolved by position; there are no ids on the wire. Everything below protects that pairing: a cancelled future keeps its
place, and a late, malformed or unasked-for answer ends the connection rather than shift every later answer by one.

Costs are kept per batch instead of per command: one deadline, one timer, one barrier, one byte count.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

import hiredis

from router.store.errors import (
    NotDurable,
    Redirected,
    StoreError,
    StoreLost,
    StoreRefused,
    StoreUnavailable,
    from_reply,
)
from router.store.resp import pack

Future = asyncio.Future[Any]
Check = Callable[[Any], str | None]

#: After a deadline has passed, how long answers that already lie in the socket get to be read: after a stall of the
#: whole process (SIGSTOP, a long collection) uvloop runs timers before it reads.
_GRACE_S: Final = 0.02
_NEED_MORE: Final = object()
_MULTI: Final = pack(("MULTI",))
_ENDS: Final = (pack(("EXEC",)), pack(("DISCARD",)))
_WATCH_START: Final = b"$5\r\nWATCH\r\n"


class Owner(Protocol):
    """Who uses a wire and hears of its end."""

    def wire_lost(self, wire: Wire, error: StoreError) -> None:
        """The wire takes no more commands. Its futures have been failed, or it is being drained."""

    def wire_redirected(self, payload: bytes, future: Future, timeout: float, where: Redirected) -> None:
        """The command was not applied here; send it where the error says."""

    def wire_misplaced(self, where: Redirected) -> None:
        """The same inside a transaction: it cannot be sent again alone, but the next should go elsewhere."""


class Barrier:
    """A command that asks how many copies hold what this connection has written so far, and the check of its answer."""

    __slots__ = ("check", "payload", "timeout")

    def __init__(self, payload: bytes, check: Check, timeout: float) -> None:
        self.payload = payload
        self.check = check
        self.timeout = timeout


class Batch:
    """Commands that leave in one write. `futures[i]` gets the answer to `payloads[i]`."""

    __slots__ = ("after", "answered", "answers", "deadline", "delayed", "futures", "payloads", "size", "timeout")

    def __init__(self, timeout: float) -> None:
        self.futures: list[Future] = []
        self.payloads: list[bytes] = []
        self.timeout = timeout
        self.deadline = 0.0
        self.size = 0
        self.delayed = False
        self.answered = 0
        self.answers: list[Any] | None = None  # kept back until the barrier has answered
        self.after: list[Callable[[], None]] | None = None

    def add(self, payload: bytes, future: Future, timeout: float | None) -> None:
        """Append a command. The shortest timeout counts, since it ends the connection for all; when the first one is
        given (a blocking read), it counts even if long."""
        self.payloads.append(payload)
        self.futures.append(future)
        self.size += len(payload)
        if timeout is not None:
            self.timeout = timeout if len(self.futures) == 1 else min(self.timeout, timeout)

    def drop_cancelled(self) -> None:
        """Forget commands that nobody waits for any more, before they are sent.

        Not when a transaction is among them: dropping its EXEC or WATCH would change what the rest does.
        """
        if not any(future.done() for future in self.futures) or self._has_transaction():
            return
        kept = [(f, p) for f, p in zip(self.futures, self.payloads, strict=True) if not f.done()]
        self.futures = [f for f, _ in kept]
        self.payloads = [p for _, p in kept]

    def _has_transaction(self) -> bool:
        return any(p == _MULTI or _WATCH_START in p[:24] for p in self.payloads)

    def in_transaction(self, index: int) -> bool:
        """Whether a MULTI before command `index` is still open there."""
        for payload in reversed(self.payloads[:index]):
            if payload == _MULTI:
                return True
            if payload in _ENDS:
                return False
        return False

    def fail(self, error: StoreError) -> None:
        """Give every command without an answer this error."""
        for future in self.futures:
            if not future.done():
                future.set_exception(type(error)(*error.args))
        self.finish()

    def finish(self) -> None:
        """Run what waited for the end of this batch."""
        for call in self.after or ():
            call()


class Wire(asyncio.Protocol):
    """A connection, from `connection_made` to its loss. Not reused: a new connection is a new wire.

    `timeout` (seconds) bounds the wait for an answer, counted from the write. When it passes, the connection is aborted
    and everything on it is `StoreLost`.
    """

    def __init__(self, name: str, timeout: float, max_bytes: int) -> None:
        self.name = name
        self.error: StoreError | None = None
        self.owner: Owner | None = None
        self.barrier: Barrier | None = None
        self.gathers = False
        """One batch is under way at a time; what is asked meanwhile makes the next."""
        self.served = 0  # batches answered
        self._default_timeout = timeout
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(replyError=from_reply, notEnoughData=_NEED_MORE)
        self._open = Batch(timeout)
        self._flying: deque[Batch] = deque()
        self._load = 0
        self._scheduled = False
        self._paused = False
        self._retired = False
        self._timer: asyncio.TimerHandle | None = None

    # -- sending ---------------------------------------------------------------------------------------------------

    def push(self, payload: bytes, future: Future, timeout: float | None = None) -> None:
        """Queue one packed command for this tick's write; its answer or error goes to `future`."""
        if self._load > self._max_bytes:
            future.set_exception(self._busy())
            return
        self._open.add(payload, future, timeout)
        self._load += len(payload)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _busy(self) -> StoreRefused:
        return StoreRefused(f"BUSY {self._load} bytes wait for {self.name}, more than {self._max_bytes}")

    def adopt(self, batch: Batch) -> None:
        """Send what waited for this connection to come up."""
        self._open = batch
        self._load += batch.size
        self._flush()

    def ask(self, payload: bytes, timeout: float | None = None) -> Future:
        """`push` with a future of its own."""
        future = self._loop.create_future()
        self.push(payload, future, timeout)
        return future

    def _flush(self) -> None:
        self._scheduled = False
        batch = self._open
        if not batch.futures or self.error is not None:
            return
        # On a durable wire the server answers a batch when it is on the disk or on a copy, and batches behind it would
        # only wait there. They gather here instead: fewer writes, fewer answers, one fsync or barrier for all of them.
        if self._paused or (self.gathers and self._flying):
            batch.delayed = True
            return
        if batch.delayed:
            self._prune(batch)
        self._open = Batch(self._default_timeout)
        if batch.futures:
            self._send(batch)

    def _prune(self, batch: Batch) -> None:
        batch.drop_cancelled()
        if not batch.futures:
            self._done(batch)

    def _send(self, batch: Batch) -> None:
        assert self._transport is not None
        timeout = batch.timeout
        data = b"".join(batch.payloads)
        if self.barrier is not None:
            data += self.barrier.payload
            timeout += self.barrier.timeout
            batch.answers = []
        batch.deadline = self._loop.time() + timeout
        self._flying.append(batch)
        self._arm(batch.deadline)
        self._transport.write(data)

    # -- answers ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came and resolve futures in order."""
        try:
            self._reader.feed(data)
            answer = self._reader.gets()
            while answer is not _NEED_MORE:
                self._settle(answer)
                answer = self._reader.gets()
        except hiredis.ProtocolError as error:
            self.abort(StoreLost(f"{self.name} did not speak RESP: {error}"))

    def _settle(self, answer: Any) -> None:
        if not self._flying:
            self.abort(_unasked(self.name, answer))
            return
        batch = self._flying[0]
        index = batch.answered
        if batch.answers is not None:
            self._settle_kept(batch, answer)
            return
        batch.answered = index + 1
        self._resolve(batch, index, answer)
        if batch.answered == len(batch.futures):
            self._flying.popleft()
            self._done(batch)
            if self.gathers:  # otherwise the end of this tick sends what it has gathered, in one write
                self._flush()

    def _settle_kept(self, batch: Batch, answer: Any) -> None:
        assert batch.answers is not None
        if batch.answered < len(batch.futures):
            batch.answered += 1
            batch.answers.append(answer)
            return
        self._flying.popleft()
        self._release(batch, batch.answers, self.barrier.check(answer) if self.barrier else None)
        self._done(batch)
        self._flush()

    def _release(self, batch: Batch, answers: list[Any], doubt: str | None) -> None:
        for index, answer in enumerate(answers):
            if doubt is not None and not isinstance(answer, StoreError):
                answer = NotDurable(f"applied by {self.name}, but {doubt}")
            self._resolve(batch, index, answer)

    def _resolve(self, batch: Batch, index: int, answer: Any) -> None:
        future = batch.futures[index]
        if isinstance(answer, StoreError):
            self._refuse(batch, index, answer)
        elif not future.done():
            future.set_result(answer)

    def _refuse(self, batch: Batch, index: int, error: StoreError) -> None:
        future = batch.futures[index]
        if isinstance(error, Redirected) and self.owner is not None:
            if not batch.in_transaction(index):
                self.owner.wire_redirected(batch.payloads[index], future, batch.timeout, error)
                return
            self.owner.wire_misplaced(error)
        if not future.done():
            future.set_exception(error)
        if isinstance(error, StoreRefused) and error.leaves:
            self.retire(error)

    def _done(self, batch: Batch) -> None:
        self._load -= batch.size
        self.served += 1
        batch.finish()
        if self._retired and not self._flying:
            self.close()

    # -- deadlines -------------------------------------------------------------------------------------------------

    def _arm(self, deadline: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._late)
        elif deadline < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._late)

    def _late(self) -> None:
        self._timer = None
        if not self._flying:
            return
        deadline = min(batch.deadline for batch in self._flying)
        if deadline > self._loop.time():
            self._arm(deadline)
        else:
            self._timer = self._loop.call_later(_GRACE_S, self._give_up)

    def _give_up(self) -> None:
        self._timer = None
        now = self._loop.time()
        if any(batch.deadline <= now for batch in self._flying):
            self.abort(StoreLost(f"{self.name} did not answer in time"))
        elif self._flying:
            self._arm(min(batch.deadline for batch in self._flying))

    # -- the end ---------------------------------------------------------------------------------------------------

    def when_idle(self, call: Callable[[], None]) -> bool:
        """Run `call` once all commands pushed so far have their answer or error. False when there are none."""
        batch = self._open if self._open.futures else (self._flying[-1] if self._flying else None)
        if batch is None or self.error is not None:
            return False
        if batch.after is None:
            batch.after = []
        batch.after.append(call)
        return True

    def retire(self, reason: StoreError) -> None:
        """Take no more commands; what was sent still gets its answers, then the connection closes."""
        if self._retired or self.error is not None:
            return
        self._retired = True
        if self.owner is not None:
            self.owner.wire_lost(self, reason)
        waiting, self._open = self._open, Batch(self._default_timeout)
        waiting.fail(StoreUnavailable(f"{self.name} was left before this was sent: {reason}"))
        if not self._flying:
            self.close()

    def close(self) -> None:
        """End the connection now. Unanswered commands are `StoreLost`."""
        self.abort(StoreLost(f"the connection to {self.name} was closed"))

    def abort(self, error: StoreError) -> None:
        """End the connection now, for this reason."""
        if self.error is not None:
            return
        self.error = error
        if self._transport is not None:
            self._transport.abort()
        self._fail_all(error)
        if self.owner is not None and not self._retired:
            self.owner.wire_lost(self, error)

    def _fail_all(self, error: StoreError) -> None:
        if self._timer is not None:
            self._timer.cancel()
        unsent, self._open = self._open, Batch(self._default_timeout)
        flying, self._flying = self._flying, deque()
        for batch in flying:
            self._fail_sent(batch, error)
        unsent.fail(StoreUnavailable(f"nothing was sent to {self.name}: {error}"))
        self._load = 0

    def _fail_sent(self, batch: Batch, error: StoreError) -> None:
        """Answers that a barrier kept back: the refused were refused, the rest is in doubt."""
        for index, answer in enumerate(batch.answers or ()):
            if isinstance(answer, StoreError) and not batch.futures[index].done():
                batch.futures[index].set_exception(answer)
        batch.fail(error)

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Everything unanswered is in doubt."""
        self.abort(StoreLost(f"the connection to {self.name} was lost: {exc or 'closed by the server'}"))

    def pause_writing(self) -> None:
        """The socket is full: batches gather until it is not."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        self._paused = False
        self._flush()


def _unasked(name: str, answer: Any) -> StoreError:
    """An answer without a question: nothing after it can be trusted. Servers say farewell this way, too."""
    said = f": {answer}" if isinstance(answer, StoreError) else ""
    return StoreLost(f"{name} sent an answer nobody asked for{said}")
