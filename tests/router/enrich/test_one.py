"""Whatever an enricher does, the caller has an answer or None within the budget, and health says why."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import pytest

from router.enrich.api import Found, Trouble
from router.enrich.cache import Cache
from router.enrich.circuit import FAILURES
from router.enrich.one import Limits, One
from router.observe.health import Component, Health
from router.observe.metrics import Metrics
from tests.router.enrich.makes import Scripted, asked


class FakeLane:
    """A store of one process."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}

    async def call(self, key: str, *command: Any) -> Any:
        if command[0] == "GET":
            return self.rows.get(key)
        self.rows[key] = command[2]
        return b"OK"


class Bench:
    """One enricher in its surroundings."""

    def __init__(
        self, cache_s: int = 0, budget_s: float = 0.05, at_once: int = 2, lane: FakeLane | None = None
    ) -> None:
        self.enricher = Scripted()
        self.metrics = Metrics()
        self.health: Component = Health("test").component("scripted", "enricher")
        cache = Cache(lane or FakeLane(), b"key")  # type: ignore[arg-type]
        self.one = One(self.enricher, Limits(budget_s, cache_s, at_once), "settings", cache, self.health, self.metrics)

    def counted(self, outcome: str) -> int:
        return self.metrics.enrichments["scripted", outcome]


async def test_an_answer() -> None:
    bench = Bench()
    assert await bench.one.ask(asked()) == Found({"tier": "gold"})
    assert bench.health.state == "ok"
    assert bench.counted("found") == 1
    await bench.one.close()


@pytest.mark.parametrize(
    ("answer", "outcome", "cause"),
    [
        (ValueError("taro@example.jp"), "failed", "ValueError"),
        (Trouble("answered 503"), "failed", "answered 503"),
        (SystemExit(1), "failed", "RuntimeError"),
        (RecursionError(), "failed", "RecursionError"),
        (None, "bad_answer", "it returned NoneType, not Found"),
        ({"tier": "gold"}, "bad_answer", "it returned dict, not Found"),
        (Found({"tier": 7}), "bad_answer", "attribute tier is int, not text"),  # type: ignore[dict-item]
        (Found(["tier"]), "bad_answer", "its attributes are no table"),  # type: ignore[arg-type]
        (Found({"Tier!": "x"}), "bad_answer", "an attribute's name is not of a-z, 0-9, _, . and -, at most 64 of them"),
        (Found({"a": "x" * 501}), "bad_answer", "attribute a has 501 characters, and at most 500 are taken"),
        (Found({"a": "\ud800"}), "bad_answer", "attribute a is no Unicode text"),
        (Found({f"a{n}": "" for n in range(99)}), "bad_answer", "it has 99 attributes, and at most 32 are taken"),
        (Found(language="klingon language"), "bad_answer", "its language is no BCP 47 tag"),
    ],
)
async def test_garbage_is_refused_with_a_reason(answer: Any, outcome: str, cause: str) -> None:
    bench = Bench()
    bench.enricher.answer = answer
    assert await bench.one.ask(asked()) is None
    assert (bench.health.state, bench.health.reason) == ("degraded", outcome)
    assert bench.health.details["cause"] == cause
    assert bench.counted(outcome) == 1
    bench.enricher.answer = Found()
    assert await bench.one.ask(asked()) == Found()
    assert bench.health.state == "ok"
    assert bench.health.details["cause"] is None


@pytest.mark.parametrize("is_stubborn", [False, True])
async def test_the_budget_is_kept_by_one_that_hangs(is_stubborn: bool) -> None:
    bench = Bench(budget_s=0.05)
    bench.enricher.may_go.clear()
    bench.enricher.is_stubborn = is_stubborn
    began = time.monotonic()
    assert await bench.one.ask(asked()) is None
    assert 0.04 < time.monotonic() - began < 0.5
    assert bench.health.reason == "timeout"
    bench.enricher.may_go.set()
    await bench.one.close()


async def test_those_who_will_not_end_fill_their_own_places_only() -> None:
    bench = Bench(budget_s=0.02, at_once=2)
    bench.enricher.is_stubborn = True
    bench.enricher.may_go.clear()
    await asyncio.gather(*(bench.one.ask(asked()) for _ in range(5)))
    assert bench.enricher.calls == 2
    assert bench.counted("busy") == 3
    bench.enricher.may_go.set()
    await asyncio.sleep(0.01)
    assert await bench.one.ask(asked()) is not None
    await bench.one.close()


async def test_after_failures_it_is_left_alone_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(sys.modules["router.enrich.one"].time, "monotonic", lambda: now[0])
    bench = Bench()
    bench.enricher.answer = Trouble("down")
    for _ in range(FAILURES + 3):
        assert await bench.one.ask(asked()) is None
    assert bench.enricher.calls == FAILURES
    assert bench.counted("resting") == 3
    assert bench.health.state == "failed"
    now[0] += 5.0
    bench.enricher.answer = Found()
    assert await bench.one.ask(asked()) == Found()
    assert bench.health.state == "ok"


async def test_asked_once_per_contact() -> None:
    bench = Bench(cache_s=60)
    assert await bench.one.ask(asked("one")) == await bench.one.ask(asked("two")) == Found({"tier": "gold"})
    assert bench.enricher.calls == 1
    assert bench.counted("cached") == 1
    await bench.one.ask(asked(contact="ct_01_b"))
    assert bench.enricher.calls == 2


async def test_another_copy_and_a_new_process_know_it_from_the_store() -> None:
    lane = FakeLane()
    first, second = Bench(cache_s=60, lane=lane), Bench(cache_s=60, lane=lane)
    await first.one.ask(asked())
    assert await second.one.ask(asked()) == Found({"tier": "gold"})
    assert second.enricher.calls == 0
    assert all("ct_01_a" not in key for key in lane.rows)


async def test_nothing_is_an_answer_and_failures_are_none() -> None:
    bench = Bench(cache_s=60)
    bench.enricher.answer = Trouble("down")
    await bench.one.ask(asked())
    bench.enricher.answer = Found()
    await bench.one.ask(asked())
    await bench.one.ask(asked())
    assert bench.enricher.calls == 2
    assert bench.counted("nothing") == 1


async def test_a_closed_one_leaves_nothing_running() -> None:
    bench = Bench(budget_s=30)
    bench.enricher.may_go.clear()
    asking = asyncio.create_task(bench.one.ask(asked()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await bench.one.close()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("enrich")] == []
