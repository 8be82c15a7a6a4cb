"""A failing task is started again by itself and disturbs no other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from router.observe import supervise
from router.observe.health import Health
from router.observe.metrics import Metrics
from router.observe.supervise import Supervisor


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_FIRST_S", 0.001)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


def parts() -> tuple[Health, Metrics]:
    return Health("1"), Metrics()


async def test_failing_task_is_restarted_and_others_go_on() -> None:
    health, metrics = parts()
    runs: list[int] = []
    steady: list[int] = []

    async def bad() -> None:
        runs.append(1)
        if len(runs) < 4:
            raise ConnectionError("secret of a customer")
        await asyncio.Event().wait()

    async def good() -> None:
        steady.append(1)
        await asyncio.Event().wait()

    async with Supervisor(health, metrics) as supervisor:
        supervisor.start("good", good)
        supervisor.start("bad", bad, kind="mailbox")
        await until(lambda: len(runs) == 4)
        tasks = {task["name"]: task for task in health.report()["tasks"]}
        assert tasks["bad"]["state"] == "ok"
        assert tasks["bad"]["restarts"] == 3
        assert supervisor.names() == ["bad", "good"]
    assert steady == [1]
    assert metrics.task_restarts == {"mailbox": 3}


async def test_failure_shows_in_health_with_its_class_only() -> None:
    health, metrics = parts()

    async def bad() -> None:
        raise ConnectionError("a customer's words")

    async with Supervisor(health, metrics) as supervisor:
        supervisor.start("bad", bad)
        part = health.component("bad", "task")
        await until(lambda: part.state == "failed")
        assert part.reason == "ConnectionError"


async def test_pauses_grow_to_a_limit_and_are_spread() -> None:
    health, metrics = parts()
    supervisor = Supervisor(health, metrics, chance=random.Random(1))
    task = supervise._Task("x", "task", asyncio.Event().wait, False, health.component("x", "task"))  # type: ignore[arg-type]
    pauses = [supervisor._pause(task) for _ in range(40)]
    assert 0.0005 <= pauses[0] <= 0.001
    assert all(pause <= 30 for pause in pauses)
    assert pauses[-1] >= 15
    assert len(set(pauses[-10:])) > 5


async def test_returning_is_a_failure_unless_expected() -> None:
    health, metrics = parts()
    runs: list[str] = []

    async def returns() -> None:
        runs.append("again")

    async def ends() -> None:
        runs.append("once")

    async with Supervisor(health, metrics) as supervisor:
        supervisor.start("ends", ends, once=True)
        supervisor.start("returns", returns)
        await until(lambda: runs.count("again") >= 3)
        assert supervisor.names() == ["returns"]
    assert runs.count("once") == 1


async def test_cancellation_from_inside_is_a_failure_and_from_outside_is_the_end() -> None:
    health, metrics = parts()
    runs: list[int] = []

    async def cancelled_inside() -> None:
        runs.append(1)
        raise asyncio.CancelledError

    async with Supervisor(health, metrics) as supervisor:
        supervisor.start("odd", cancelled_inside)
        await until(lambda: len(runs) >= 3)
        await supervisor.stop("odd")
        assert supervisor.names() == []
        assert health.report()["tasks"] == []


async def test_stubborn_task_is_left_behind_in_time() -> None:
    health, metrics = parts()
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor(health, metrics, patience_s=0.05)
    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await supervisor.stop_all()
    assert supervisor.names() == ["stubborn"]
    release.set()
    await until(lambda: supervisor.names() == [])


async def test_name_is_taken_once() -> None:
    health, metrics = parts()

    async def runs() -> None:
        await asyncio.Event().wait()

    async with Supervisor(health, metrics) as supervisor:
        supervisor.start("one", runs)
        with pytest.raises(ValueError, match="one"):
            supervisor.start("one", runs)
