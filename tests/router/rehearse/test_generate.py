"""Traffic from a seed: always the same, and of the shape that was asked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest

from contracts.commands import DeclarePresence, PutAgent
from router.rehearse.day import Day
from router.rehearse.generate import ShopError, generate
from router.rehearse.shop import Channel, Crew, Manner, Manners, Shop, Spike

TUESDAY = "2026-11-24"


def hours(day: Day, zone_hours: int = 9) -> Counter[int]:
    moved = timedelta(hours=zone_hours)
    return Counter((datetime.fromtimestamp(one.at_ms / 1000, UTC) + moved).hour for one in day.cases)


def test_a_seed_gives_the_same_day_and_another_one_another() -> None:
    assert generate(Shop(conversations=300), 1) == generate(Shop(conversations=300), 1)
    assert generate(Shop(conversations=300), 1).cases != generate(Shop(conversations=300), 2).cases


def test_other_agents_leave_the_customers_as_they_were() -> None:
    more = generate(Shop(conversations=300, crews=(Crew("chat", 99),)), 1)
    slower = generate(Shop(conversations=300, agents=Manners(decline=0.5)), 1)
    plain = generate(Shop(conversations=300), 1)
    assert more.cases == plain.cases
    assert [one.facts for one in slower.cases] == [one.facts for one in plain.cases]


def test_so_many_come_and_when_the_curve_says() -> None:
    made = generate(Shop(date=TUESDAY, conversations=20_000), 1)
    assert 20_000 - 600 < len(made.cases) < 20_000 + 600  # four standard deviations
    by_hour = hours(made)
    assert by_hour[10] > 1.3 * by_hour[12]
    assert by_hour[20] > 1.3 * by_hour[17]
    assert by_hour[3] < by_hour[10] / 20
    assert [one.at_ms for one in made.cases] == sorted(one.at_ms for one in made.cases)


def test_waits_between_arrivals_are_exponential() -> None:
    flat = generate(Shop(date=TUESDAY, conversations=20_000, curve=(1.0,) * 24), 1)
    gaps = [later.at_ms - one.at_ms for one, later in zip(flat.cases, flat.cases[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 0.95 < deviation / mean < 1.05


@pytest.mark.parametrize(
    ("date", "level"),
    [(TUESDAY, 1.0), ("2026-11-28", 0.8), ("2026-11-23", 1.2 * 0.5), ("2026-05-06", 0.95 * 0.5)],
    ids=["ordinary", "Saturday", "Labour Thanksgiving", "in lieu of Constitution Day"],
)
def test_days_of_the_week_and_holidays(date: str, level: float) -> None:
    made = generate(Shop(date=date, conversations=10_000, holiday=0.5), 1)
    assert abs(len(made.cases) - 10_000 * level) < 500


def test_a_campaign_brings_more_and_they_ask_about_it() -> None:
    plain = generate(Shop(date=TUESDAY, conversations=5_000), 1)
    spiked = generate(Shop(date=TUESDAY, conversations=5_000, spikes=(Spike("15:00", 60, 6.0, "stock"),)), 1)
    assert hours(spiked)[15] > 2.5 * hours(plain)[15]
    asked = Counter("在庫" in one.facts.text or "再入荷" in one.facts.text for one in spiked.cases)
    assert asked[True] > 1.2 * 0.2 * len(spiked.cases) * 0.9


def test_shares_and_times_are_as_asked() -> None:
    made = generate(Shop(date=TUESDAY, conversations=10_000), 1)
    channels = Counter(one.facts.channel for one in made.cases)
    assert abs(channels["line"] / len(made.cases) - 0.45) < 0.02
    voice = [one for one in made.cases if one.facts.channel_class == "voice"]
    assert 280 < median(one.handle_ms for one in voice) / 1000 < 380
    assert 100 < median(one.patience_ms or 0 for one in voice) / 1000 < 145
    assert all(one.patience_ms is None for one in made.cases if one.facts.channel_class == "email")
    assert abs(sum(one.returning for one in made.cases) / len(made.cases) - 0.15) < 0.02


def test_agents_come_eat_rest_and_go() -> None:
    made = generate(Shop(date=TUESDAY, crews=(Crew("chat", 1, shifts=("09:00-18:00",)),)), 1)
    said = [
        (act.at_ms - made.begin_ms, act.command.declared)
        for act in made.acts
        if isinstance(act.command, DeclarePresence)
    ]
    assert [declared for _, declared in said] == [
        "online", "away", "online", "away", "online", "away", "online", "busy", "offline",
    ]  # fmt: skip
    assert abs(said[0][0] - 9 * 3_600_000) <= 180_000
    assert 0 <= said[-1][0] - 18 * 3_600_000 <= 300_000


def test_a_night_shift_ends_on_the_next_day() -> None:
    made = generate(Shop(date=TUESDAY, crews=(Crew("night", 1, shifts=("22:00-06:00",)),)), 1)
    assert made.end_ms - made.begin_ms > 30 * 3_600_000


def test_levels_and_skills_are_within_bounds() -> None:
    made = generate(Shop(crews=(Crew("chat", 200, skills={"english": 0.5}),)), 1)
    agents = [act.command.agent for act in made.acts if isinstance(act.command, PutAgent)]
    assert 70 < sum("english" in one.skills for one in agents) < 130
    assert {level for one in agents for level in one.skills.values()} == {2, 3, 4, 5}


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"curve": (1.0, 2.0)}, "24 hours"),
        ({"days": 0}, "days: at least one"),
        ({"date": "2026-13-01"}, "month"),
        ({"zone": "Asia/Tokio"}, "Tokio"),
        ({"holidays": "XX"}, "XX"),
        ({"spikes": (Spike("25:00"),)}, "hour"),
        ({"spikes": (Spike("12:00", topic="none"),)}, "there is no topic 'none'"),
        ({"crews": (Crew("a", 1, shifts=("nine",)),)}, "a shift looks like 09:00-18:00, not 'nine'"),
        ({"channels": ()}, "share above 0"),
        ({"channels": (Channel("line", "line", "social", 0.0),)}, "share above 0"),
        ({"classes": {"chat": Manner(0)}}, "times are above 0"),
        ({"agents": Manners(decline=0.6, miss=0.4)}, "stay below 1"),
    ],
)
def test_what_makes_no_sense_is_told(how: dict[str, Any], says: str) -> None:
    with pytest.raises(ShopError, match=says):
        generate(Shop(**how), 1)
