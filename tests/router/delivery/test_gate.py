"""The gate of an account on a real Valkey and a provider that misbehaves: shared by two copies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.api import Failed, Sent
from router.delivery import circuit, gate
from router.delivery.attempt import Attempted
from router.delivery.gate import Held
from router.store import Durability, Store, StoreSettings
from tests.router.delivery.provider import Copy, Provider, copies, provider
from tests.servers.valkey import start_cluster


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(StoreSettings(url=store_url, durability=Durability.MEMORY, data_dir=tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
async def far() -> AsyncIterator[Provider]:
    async with provider() as made:
        yield made


# -- how fast ---------------------------------------------------------------------------------------------------------


async def test_two_copies_together_keep_the_accounts_rate(store: Store, far: Provider) -> None:
    async with copies(store, far.url, 2, rate_per_second=40.0) as (one, two):
        began = time.monotonic()
        await asyncio.gather(*(copy.outcome(to=f"{number}") for number in range(15) for copy in (one, two)))
        assert time.monotonic() - began >= 29 / 40 - 0.02
    moments = [at for at, _ in far.calls]
    assert len(moments) == 30
    assert max(sum(start <= at < start + 0.25 for at in moments) for start in moments) <= 10 + 4


async def test_after_a_pause_calls_do_not_come_all_at_once(store: Store, far: Provider) -> None:
    async with copies(store, far.url, rate_per_second=20.0) as (one,):
        await one.outcome()
        await asyncio.sleep(0.3)
        far.calls.clear()
        await asyncio.gather(*(one.outcome(to=f"{number}") for number in range(4)))
    assert far.calls[-1][0] - far.calls[0][0] >= 3 / 20 - 0.02


async def test_one_person_is_not_written_to_faster_than_the_channel_says(store: Store, far: Provider) -> None:
    async with copies(store, far.url, 2, rate_per_person=10.0, burst_per_person=2) as (one, two):
        for number in range(2):
            await asyncio.gather(
                one.outcome(f"a{number}"), two.outcome(f"b{number}"), one.outcome("x", to=f"o{number}")
            )
    moments = sorted(at for at, text in far.calls if text != "x")
    assert moments[-1] - moments[0] >= 2 / 10 - 0.02
    others = sorted(at for at, text in far.calls if text == "x")
    assert others[0] - moments[0] < 0.09


async def test_without_the_store_a_copy_keeps_to_its_share(store: Store, far: Provider, valkey: Any) -> None:
    async with copies(store, far.url, 2, rate_per_second=20.0) as (one, two):
        await asyncio.gather(one.outcome(), two.outcome())
        one.gate.budget._counted = -1e9
        await one.outcome()
        assert one.gate.budget.copies == 2
        one.gate.budget._lane._channel._dial = _away  # type: ignore[attr-defined]
        one.gate.budget._lane.leave(OSError("gone"))  # type: ignore[arg-type]
        far.calls.clear()
        await asyncio.gather(*(one.outcome(to=f"{number}") for number in range(4)))
        assert far.calls[-1][0] - far.calls[0][0] >= 3 / 10 - 0.02


async def _away() -> Any:
    raise OSError("the store is away")


async def test_the_key_is_small_and_ends_by_itself(store: Store, far: Provider) -> None:
    async with copies(store, far.url, rate_per_second=1000.0, rate_per_person=1000.0) as (one,):
        await asyncio.gather(*(one.outcome(to=f"{number}") for number in range(50)))
        one.gate.budget._counted = -1e9
        await asyncio.sleep(0.1)
        await one.outcome()
        (key,) = [each for each in await store.client.keys("*pace*") if not each.endswith(b":copies")]
        assert await store.client.zcard(key) <= 3
        assert 0 < await store.client.ttl(key) <= 100_000
        assert b"{main}" in key


# -- who goes first ---------------------------------------------------------------------------------------------------


async def test_answers_go_before_bulk_which_does_not_starve(store: Store, far: Provider) -> None:
    async with copies(store, far.url, rate_per_second=100.0, concurrent=1) as (one,):
        bulk = [asyncio.create_task(one.send("bulk", to=f"b{number}", lane="bulk")) for number in range(6)]
        await asyncio.sleep(0)
        replies = [asyncio.create_task(one.send("reply", to=f"r{number}")) for number in range(20)]
        await asyncio.gather(*bulk, *replies)
    eight = ["reply"] * gate.REPLIES_PER_BULK
    assert far.texts == [*eight, "bulk", *eight, "bulk", *["reply"] * 4, *["bulk"] * 4]


async def test_a_long_message_lets_others_in_between(store: Store, far: Provider) -> None:
    async with copies(store, far.url, concurrent=1) as (one,):
        long = asyncio.create_task(one.send(*[f"long {number}" for number in range(5)], to="a"))
        short = [asyncio.create_task(one.send("short", to=f"s{number}")) for number in range(3)]
        await asyncio.gather(long, *short)
    assert far.texts.index("short") < 3
    assert [text for text in far.texts if text != "short"] == [f"long {number}" for number in range(5)]


async def test_no_more_calls_at_once_than_the_bulkhead_has_places(store: Store, far: Provider) -> None:
    async def slow(text: str) -> None:
        await asyncio.sleep(0.05)

    far.answer = slow
    async with copies(store, far.url, concurrent=3) as (one,):
        await asyncio.gather(*(one.outcome(to=f"{number}") for number in range(9)))
    assert far.most_at_once == 3


# -- 429 --------------------------------------------------------------------------------------------------------------


def in_seconds(seconds: float) -> str:
    return f"{seconds:.0f}"


def at_a_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds + 1), usegmt=True)


@pytest.mark.parametrize("header", [in_seconds, at_a_date])
async def test_a_429_stops_both_copies_until_then(store: Store, far: Provider, header: Any) -> None:
    async with copies(store, far.url, 2) as (one, two):
        await asyncio.gather(one.outcome("first"), two.outcome("second"))
        far.answer = lambda text: web.Response(status=429, headers={"Retry-After": header(1)})
        throttled = await one.outcome("throttled")
        assert (
            isinstance(throttled, Failed) and throttled.retry_after_s is not None and 0 < throttled.retry_after_s <= 2
        )
        until = time.monotonic() + throttled.retry_after_s
        far.answer = lambda text: None
        far.calls.clear()
        await asyncio.sleep(gate_knows())
        later = [asyncio.create_task(copy.outcome("later", to=f"{copy.gate}")) for copy in (one, two)]
        condition = one.account.condition("sending")
        assert condition.state == "degraded" and "paused_until" in condition.details
        assert all(isinstance(outcome, Sent) for outcome in await asyncio.gather(*later))
        assert len(far.calls) == 2 and min(at for at, _ in far.calls) >= until - 0.05
        assert condition.state == "ok" and "paused_until" not in condition.details


def gate_knows() -> float:
    """What a copy knows of a pause is at most this old."""
    return 0.06


async def test_without_a_header_the_pauses_grow(store: Store, far: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "THROTTLED_FIRST_S", 0.05)
    far.answer = lambda text: web.Response(status=429)
    async with copies(store, far.url) as (one,):
        for _ in range(4):
            await one.outcome()
    waits = [after - before for (before, _), (after, _) in pairwise(far.calls)]
    assert [wait >= 0.05 * 2**number for number, wait in enumerate(waits)] == [True] * 3


async def test_a_long_pause_is_told_at_once(store: Store, far: Provider) -> None:
    far.answer = lambda text: web.Response(status=429, headers={"Retry-After": "600"})
    async with copies(store, far.url) as (one,):
        await one.outcome()
        held = await asyncio.wait_for(one.send("x"), 2)
    assert isinstance(held, Held) and held.problem.kind == "throttled" and 590 < held.again_s <= 600
    assert len(far.calls) == 1


async def test_one_persons_limit_holds_up_nobody_else(store: Store, far: Provider) -> None:
    async with copies(store, far.url, rate_per_person=100.0) as (one,):
        async with one.gate.turn("taro", "reply") as turn:
            await turn.learn(Failed(_throttled(), 0.4, person=True))
        began = time.monotonic()
        await one.outcome(to="hanako")
        assert time.monotonic() - began < 0.2
        await one.outcome(to="taro")
        assert time.monotonic() - began >= 0.35


def _throttled() -> Any:
    return circuit.Problem("throttled", "slow down", True)


# -- the circuit ------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "FIRST_S", 0.1)


async def broken(one: Copy, far: Provider, status: int = 503) -> None:
    """The provider fails until the circuit is open."""
    far.answer = lambda text: web.Response(status=status)
    for _ in range(circuit.FAILURES if status >= 500 else 1):
        await one.outcome()
    assert one.gate.circuit.state == "open"


@pytest.mark.usefixtures("quick")
async def test_it_opens_is_tried_with_one_message_and_closes(store: Store, far: Provider) -> None:
    async with copies(store, far.url) as (one,):
        await broken(one, far)
        condition = one.account.condition("sending")
        assert condition.state == "failed" and "could not be reached" in (condition.reason or "")
        since = condition.since
        released = asyncio.Event()

        async def held_back(text: str) -> None:
            await released.wait()

        far.answer = held_back
        far.calls.clear()
        waiting = [asyncio.create_task(one.outcome(to=f"{number}")) for number in range(5)]
        async with asyncio.timeout(5):
            while not far.calls:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert len(far.calls) == 1 and condition.since == since
        released.set()
        assert all(isinstance(outcome, Sent) for outcome in await asyncio.gather(*waiting))
        assert condition.state == "ok" and one.gate.circuit.is_closed


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [401, 503])
async def test_it_closes_by_itself_where_the_channel_can_be_asked(store: Store, far: Provider, status: int) -> None:
    async with copies(store, far.url, probes=True) as (one,):
        await broken(one, far, status)
        calls = len(far.calls)
        async with asyncio.timeout(5):
            while far.probes < 2:
                await asyncio.sleep(0.01)
        assert one.gate.circuit.state != "closed"
        far.answer = lambda text: None
        async with asyncio.timeout(5):
            while not one.gate.circuit.is_closed:
                await asyncio.sleep(0.01)
        assert len(far.calls) == calls and one.account.condition("sending").state == "ok"


@pytest.mark.usefixtures("quick")
async def test_who_waits_too_long_is_told_why(store: Store, far: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE_S", 0.25)
    async with copies(store, far.url) as (one,):
        await broken(one, far)
        held = await asyncio.wait_for(asyncio.gather(*(one.send("x", to=f"{number}") for number in range(8))), 5)
    told = [each.problem.kind for each in held if isinstance(each, Held)]
    assert len(told) >= 4 and set(told) == {"unreachable"}


@pytest.mark.usefixtures("quick")
async def test_a_trial_that_ends_without_an_outcome_leaves_room_for_another(store: Store, far: Provider) -> None:
    async with copies(store, far.url) as (one,):
        await broken(one, far)
        async with one.gate.turn("taro", "reply"):
            assert one.gate.circuit.state == "half_open"
        far.answer = lambda text: None
        assert isinstance(await asyncio.wait_for(one.outcome(), 5), Sent)


async def test_what_was_sent_of_a_message_is_told_with_its_failure(store: Store, far: Provider) -> None:
    far.answer = lambda text: web.Response(status=503) if text == "b" else None
    async with copies(store, far.url) as (one,):
        tried = await one.send("a", "b", "c")
    assert isinstance(tried, Attempted) and isinstance(tried.outcome, Failed) and tried.done == 1
    assert far.texts == ["a", "b"]


async def test_a_call_that_was_cancelled_gives_its_place_back(store: Store, far: Provider) -> None:
    async def slow(text: str) -> None:
        await asyncio.sleep(30)

    far.answer = slow
    async with copies(store, far.url, concurrent=1) as (one,):
        first, second = (asyncio.create_task(one.send("x", to=to)) for to in "ab")
        async with asyncio.timeout(5):
            while not far.calls:
                await asyncio.sleep(0.01)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        far.answer = lambda text: None
        assert isinstance(await asyncio.wait_for(one.outcome(), 5), Sent)


async def test_on_a_cluster(far: Provider, tmp_path: Path) -> None:
    with start_cluster(tmp_path / "cluster") as cluster:
        settings = StoreSettings(url=cluster.url, durability=Durability.MEMORY, data_dir=tmp_path)
        store = await Store.open(settings)
        try:
            async with copies(store, far.url, 2, rate_per_second=50.0, rate_per_person=1000.0) as (one, two):
                await asyncio.gather(*(copy.outcome(to=f"{number}") for number in range(5) for copy in (one, two)))
                assert one.gate.budget._own_next == two.gate.budget._own_next == {}
            assert far.calls[-1][0] - far.calls[0][0] >= 9 / 50 - 0.02
        finally:
            await store.close()
