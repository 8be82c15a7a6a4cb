"""The pairing of commands and answers, without a network: what is written when, and who gets what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.store.durability import barrier_for
from router.store.errors import (
    NotDurable,
    Redirected,
    ReplyError,
    StoreError,
    StoreLost,
    StoreRefused,
    StoreUnavailable,
)
from router.store.resp import pack
from router.store.settings import Durability
from router.store.wire import Future, Wire

PING = pack(("PING",))
MULTI = pack(("MULTI",))
EXEC = pack(("EXEC",))


class FakeTransport(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


class FakeOwner:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lost: list[StoreError] = []
        self.redirected: list[tuple[bytes, str]] = []
        self.misplaced: list[str] = []

    def wire_lost(self, wire: Wire, error: StoreError) -> None:
        self.lost.append(error)

    def wire_redirected(self, payload: bytes, future: Future, timeout: float, where: Redirected) -> None:
        self.redirected.append((payload, where.node))

    def wire_misplaced(self, where: Redirected) -> None:
        self.misplaced.append(where.node)


class Rig:
    """A wire between a fake transport and a fake owner."""

    def __init__(self, timeout: float = 5.0, max_bytes: int = 1_000) -> None:
        self.wire = Wire("h:1", timeout, max_bytes)
        self.transport = FakeTransport(self.wire)
        self.owner = FakeOwner()
        self.wire.connection_made(self.transport)
        self.wire.owner = self.owner

    def ask(self, *args: bytes | str | int, timeout: float | None = None) -> Future:
        return self.wire.ask(pack(args), timeout)

    def answer(self, data: bytes) -> None:
        self.wire.data_received(data)


async def tick() -> None:
    """Let call_soon callbacks run."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_one_tick_is_one_write() -> None:
    rig = Rig()
    futures = [rig.ask("SET", f"k{n}", n) for n in range(3)]
    assert rig.transport.written == []
    await tick()
    assert len(rig.transport.written) == 1
    rig.answer(b"+OK\r\n$1\r\nx\r\n:7\r\n")
    assert [await future for future in futures] == [b"OK", b"x", 7]


async def test_answers_in_pieces() -> None:
    rig = Rig()
    future = rig.ask("XRANGE", "s", "-", "+")
    await tick()
    for byte in b"*2\r\n$2\r\nab\r\n*1\r\n:7\r\n":
        rig.answer(bytes([byte]))
    assert await future == [b"ab", [7]]


async def test_a_cancelled_future_keeps_its_place() -> None:
    rig = Rig()
    first, second, third = (rig.ask("GET", name) for name in "abc")
    await tick()
    second.cancel()
    rig.answer(b"$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n")
    assert (await first, await third) == (b"1", b"3")


async def test_an_error_answer_is_for_one_command_only() -> None:
    rig = Rig()
    first, second = rig.ask("LPUSH", "a", 1), rig.ask("GET", "b")
    await tick()
    rig.answer(b"-WRONGTYPE no list\r\n$1\r\n2\r\n")
    with pytest.raises(ReplyError, match="WRONGTYPE"):
        await first
    assert await second == b"2"


async def test_errors_inside_exec_are_values() -> None:
    rig = Rig()
    future = rig.ask("EXEC")
    await tick()
    rig.answer(b"*2\r\n+OK\r\n-WRONGTYPE no\r\n")
    ok, error = await future
    assert ok == b"OK"
    assert isinstance(error, ReplyError)


async def test_loss_tells_sent_from_unsent() -> None:
    rig = Rig()
    sent = rig.ask("INCR", "a")
    await tick()
    unsent = rig.ask("INCR", "b")
    rig.wire.connection_lost(None)
    with pytest.raises(StoreLost):
        await sent
    with pytest.raises(StoreUnavailable):
        await unsent
    assert len(rig.owner.lost) == 1


@pytest.mark.parametrize("data", [b"+OK\r\n", b"-ERR max number of clients reached\r\n"])
async def test_an_answer_nobody_asked_for_ends_the_connection(data: bytes) -> None:
    rig = Rig()
    rig.answer(data)
    assert rig.transport.aborted
    assert isinstance(rig.wire.error, StoreLost)


async def test_bytes_that_are_no_resp_end_the_connection() -> None:
    rig = Rig()
    future = rig.ask("PING")
    await tick()
    rig.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(StoreLost, match="did not speak RESP"):
        await future
    assert rig.transport.aborted


async def test_a_late_answer_ends_the_connection_for_all() -> None:
    rig = Rig(timeout=0.03)
    futures = [rig.ask("PING"), rig.ask("PING")]
    await tick()
    rig.answer(b"+PONG\r\n")
    assert await futures[0] == b"PONG"
    with pytest.raises(StoreLost, match="in time"):
        await futures[1]
    assert rig.transport.aborted


async def test_a_long_timeout_of_its_own_counts() -> None:
    rig = Rig(timeout=0.02)
    future = rig.ask("XREAD", "BLOCK", 100, timeout=1.0)
    await asyncio.sleep(0.1)
    rig.answer(b"*-1\r\n")
    assert await future is None


async def test_a_later_shorter_timeout_is_not_hidden_by_a_longer_one() -> None:
    rig = Rig(timeout=5.0)
    long = rig.ask("PING")
    await tick()
    short = rig.ask("PING", timeout=0.02)
    for future in (long, short):
        with pytest.raises(StoreLost):
            await future


async def test_a_stall_of_our_own_is_not_the_servers_fault() -> None:
    """Answers that lie in the socket when the deadline passes are read first."""
    rig = Rig(timeout=0.01)
    future = rig.ask("PING")
    await tick()
    rig.wire._late()  # what uvloop does after a stall: the timer first ...
    asyncio.get_running_loop().call_soon(rig.answer, b"+PONG\r\n")  # ... then the socket
    assert await future == b"PONG"


async def test_a_full_socket_gathers_and_then_refuses() -> None:
    rig = Rig(max_bytes=500)
    rig.wire.pause_writing()
    kept = [rig.ask("SET", "k", "x" * 100) for _ in range(4)]
    await tick()
    refused = rig.ask("SET", "k", "x" * 100)
    with pytest.raises(StoreRefused) as caught:
        await refused
    assert (caught.value.code, caught.value.retryable) == ("BUSY", True)
    assert rig.transport.written == []
    rig.wire.resume_writing()
    assert len(rig.transport.written) == 1
    rig.answer(b"+OK\r\n" * 4)
    assert [await future for future in kept] == [b"OK"] * 4
    assert rig.ask("PING").done() is False, "there is room again"


async def test_what_was_cancelled_before_it_was_sent_is_not_sent() -> None:
    rig = Rig()
    rig.wire.pause_writing()
    first, second = rig.ask("SET", "a", 1), rig.ask("SET", "b", 2)
    await tick()
    first.cancel()
    rig.wire.resume_writing()
    assert rig.transport.written == [pack(("SET", "b", 2))]
    rig.answer(b"+OK\r\n")
    assert await second == b"OK"


async def test_a_transaction_is_never_sent_in_part() -> None:
    rig = Rig()
    rig.wire.pause_writing()
    futures = [rig.wire.ask(payload) for payload in (MULTI, pack(("SET", "a", 1)), EXEC)]
    await tick()
    futures[2].cancel()
    rig.wire.resume_writing()
    assert rig.transport.written[0].endswith(EXEC)


async def test_a_server_that_became_a_replica_is_left_after_its_answers() -> None:
    rig = Rig()
    first, second = rig.ask("SET", "a", 1), rig.ask("GET", "a")
    await tick()
    rig.answer(b"-READONLY You can't write against a read only replica.\r\n")
    assert len(rig.owner.lost) == 1, "no new commands come here"
    with pytest.raises(StoreRefused):
        await first
    ended = [rig.transport.aborted]
    rig.answer(b"$1\r\n1\r\n")
    assert await second == b"1"
    assert [*ended, rig.transport.aborted] == [False, True]
    assert len(rig.owner.lost) == 1


async def test_redirections_go_to_the_owner() -> None:
    rig = Rig()
    future = rig.ask("SET", "a", 1)
    await tick()
    rig.answer(b"-MOVED 15495 h:2\r\n")
    assert rig.owner.redirected == [(pack(("SET", "a", 1)), "h:2")]
    assert not future.done()


async def test_redirections_inside_a_transaction_go_to_the_caller() -> None:
    rig = Rig()
    multi, write, end, after = (
        rig.wire.ask(payload) for payload in (MULTI, pack(("SET", "a", 1)), EXEC, pack(("SET", "a", 2)))
    )
    await tick()
    rig.answer(b"+OK\r\n-MOVED 15495 h:2\r\n-EXECABORT discarded\r\n-MOVED 15495 h:2\r\n")
    assert await multi == b"OK"
    for future in (write, end):
        with pytest.raises(StoreRefused):
            await future
    assert rig.owner.misplaced == ["h:2"]
    assert rig.owner.redirected == [(pack(("SET", "a", 2)), "h:2")]
    after.cancel()


def barrier_rig(durability: Durability = Durability.REPLICA) -> Rig:
    rig = Rig()
    rig.wire.gathers = True
    rig.wire.barrier = barrier_for(durability, False, 500)
    return rig


async def test_a_durable_wire_gathers_while_a_batch_is_under_way() -> None:
    rig = Rig()
    rig.wire.gathers = True
    first = rig.ask("INCR", "a")
    await tick()
    later = [rig.ask("INCR", "b"), rig.ask("INCR", "c")]
    await tick()
    assert rig.transport.written == [pack(("INCR", "a"))]
    rig.answer(b":1\r\n")
    assert await first == 1
    assert rig.transport.written[1:] == [pack(("INCR", "b")) + pack(("INCR", "c"))]
    rig.answer(b":1\r\n:2\r\n")
    assert [await future for future in later] == [1, 2]


async def test_a_barrier_travels_with_the_batch_and_holds_the_answers_back() -> None:
    rig = barrier_rig()
    future = rig.ask("INCR", "a")
    await tick()
    assert rig.transport.written == [pack(("INCR", "a")) + pack(("WAIT", 1, 500))]
    states = []
    for answer in (b":1\r\n", b":1\r\n"):
        rig.answer(answer)
        states.append(future.done())
    assert states == [False, True]
    assert await future == 1


async def test_batches_behind_a_barrier_gather() -> None:
    rig = barrier_rig()
    first = rig.ask("INCR", "a")
    await tick()
    later = [rig.ask("INCR", "b")]
    await tick()
    later.append(rig.ask("INCR", "c"))
    await tick()
    assert len(rig.transport.written) == 1
    rig.answer(b":1\r\n:1\r\n")
    assert await first == 1
    assert rig.transport.written[1] == pack(("INCR", "b")) + pack(("INCR", "c")) + pack(("WAIT", 1, 500))
    rig.answer(b":1\r\n:1\r\n:1\r\n")
    assert [await future for future in later] == [1, 1]


@pytest.mark.parametrize(
    ("durability", "answer", "says"),
    [
        (Durability.REPLICA, b":0\r\n", "no replica confirmed"),
        (Durability.REPLICA, b"-ERR WAIT cannot be used with replica instances\r\n", "WAIT failed"),
        (Durability.DISK, b"*2\r\n:0\r\n:0\r\n", "its disk did not confirm"),
        (Durability.DISK, b"-ERR WAITAOF cannot be used when numlocal is set\r\n", "WAITAOF failed"),
    ],
)
async def test_too_few_copies_is_not_durable(durability: Durability, answer: bytes, says: str) -> None:
    rig = barrier_rig(durability)
    applied, refused = rig.ask("INCR", "a"), rig.ask("INCR", "b")
    await tick()
    rig.answer(b":1\r\n-OOM full\r\n" + answer)
    with pytest.raises(NotDurable, match=says):
        await applied
    with pytest.raises(StoreRefused, match="OOM"):
        await refused
    assert rig.wire.error is None, "the connection is fine"


async def test_loss_before_the_barrier_is_uncertain_but_refused_is_refused() -> None:
    rig = barrier_rig()
    applied, refused = rig.ask("INCR", "a"), rig.ask("INCR", "b")
    await tick()
    rig.answer(b":1\r\n-OOM full\r\n")
    rig.wire.connection_lost(None)
    with pytest.raises(StoreLost):
        await applied
    with pytest.raises(StoreRefused):
        await refused


async def test_when_idle_waits_for_what_is_queued_and_sent() -> None:
    rig = Rig()
    called: list[str] = []
    assert not rig.wire.when_idle(lambda: called.append("never"))
    future = rig.ask("PING")
    assert rig.wire.when_idle(lambda: called.append("now"))
    await tick()
    assert called == []
    rig.answer(b"+PONG\r\n")
    assert called == ["now"]
    assert await future == b"PONG"


async def test_many_cancels_at_random_never_mix_up_answers() -> None:
    import random

    chance = random.Random(7)
    rig = Rig(max_bytes=10**9)
    for _ in range(200):
        futures = [rig.ask("GET", n) for n in range(20)]
        await tick()
        answers = b"".join(b":%d\r\n" % n for n in range(20))
        cut = chance.randrange(len(answers))
        rig.answer(answers[:cut])
        for future in futures:
            if chance.random() < 0.5:
                future.cancel()
        rig.answer(answers[cut:])
        assert all(future.cancelled() or future.result() == n for n, future in enumerate(futures))
