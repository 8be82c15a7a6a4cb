"""The estimate: what is learnt from departures, and how well it meets the real wait."""

from __future__ import annotations

import pytest

from router.domain.dispatch.pace import LEAST, Pace, begun, departed, wait_ms
from tests.bench.estimate import SHOPS, measured


def steady(every_ms: int, agents: int, times: int) -> Pace:
    pace = begun(None, 0)
    for number in range(1, times + 1):
        pace = departed(pace, number * every_ms, agents)
    return pace


@pytest.mark.parametrize(("times", "known"), [(0, False), (LEAST - 1, False), (LEAST, True), (200, True)])
def test_nothing_is_said_before_enough_is_known(times: int, known: bool) -> None:
    pace = steady(10_000, 2, times)
    assert wait_ms(pace, 3, pace.last_ms, 2) == (30_000 if known else None)


def test_half_of_the_agents_take_twice_as_long_and_nobody_for_ever() -> None:
    pace = steady(10_000, 4, 50)
    assert [wait_ms(pace, 1, pace.last_ms, agents) for agents in (4, 2, 1, 0)] == [10_000, 20_000, 40_000, None]


def test_silence_counts_as_far_as_it_is_unusual() -> None:
    pace = steady(10_000, 1, 50)
    waits = [wait_ms(pace, 1, pace.last_ms + passed, 1) for passed in (0, 10_000, 50_000, 410_000)]
    assert waits == [10_000, 10_000, 11_000, 20_000]
    assert wait_ms(pace, 1, pace.last_ms + 410_000, 1, silent=False) == 10_000


def test_it_follows_what_happens_lately() -> None:
    pace = steady(10_000, 1, 100)
    for _ in range(60):
        pace = departed(pace, pace.last_ms + 30_000, 1)
    found = wait_ms(pace, 1, pace.last_ms, 1)
    assert found is not None and 25_000 < found < 30_000


def test_time_in_which_nobody_waited_does_not_count() -> None:
    pace = begun(steady(10_000, 1, 50), 10**9)
    assert wait_ms(departed(pace, 10**9 + 10_000, 1), 1, 10**9 + 10_000, 1) == 10_000


@pytest.mark.parametrize("shop", [SHOPS[1], SHOPS[2], SHOPS[6]], ids=lambda shop: shop.name)
def test_it_meets_the_real_wait_on_busy_floors(shop: object) -> None:
    found = measured(shop, seed=11)  # type: ignore[arg-type]
    assert found.waits > 500 and found.mean_s > 300
    assert abs(found.bias) < 0.15
    assert found.low > 0.6 and found.high < 1.6
