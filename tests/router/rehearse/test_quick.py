"""Writing less down changes nothing that is decided."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from contracts.policy import Policy
from router import rehearse
from router.rehearse.day import Day
from router.rehearse.engine import Rehearsal
from router.rehearse.generate import generate
from router.rehearse.moves import FullMoves
from router.rehearse.shop import Shop
from router.settings.load import policy_of_file

EXAMPLE = Path(rehearse.__file__).parent / "example"


def shop(**how: object) -> Shop:
    raw = tomllib.loads((EXAMPLE / "day.toml").read_text("utf-8"))
    return msgspec.convert({**raw, **how}, Shop)


def policy(name: str) -> Policy:
    return policy_of_file(EXAMPLE / name)[1]


@pytest.fixture(scope="module")
def a_day() -> Day:
    return generate(shop(conversations=400), 3)


@pytest.mark.parametrize("name", ["old.toml", "new.toml"])
def test_every_assignment_is_the_same_as_with_all_written_down(a_day: Day, name: str) -> None:
    quick = Rehearsal(a_day, policy(name)).run()
    full = Rehearsal(a_day, policy(name), moves=FullMoves).run()
    assert quick.lives == full.lives
    assert (quick.agents, quick.moments, quick.commands) == (full.agents, full.moments, full.commands)


def test_watching_a_conversation_changes_nothing_and_tells_all(a_day: Day) -> None:
    plain = Rehearsal(a_day, policy("new.toml")).run()
    (id, agents) = next((one.conversation, one.agents) for one in plain.lives if len(one.agents) == 1)
    watched = Rehearsal(a_day, policy("new.toml"), [id]).run()
    assert watched.lives == plain.lives
    assert plain.decisions == {}
    assert all(decision.considered for decision in watched.decisions[id])
    assert [watched.decisions[id][-1].agent] == agents


def test_the_same_day_gives_the_same_again(a_day: Day) -> None:
    assert Rehearsal(a_day, policy("old.toml")).run() == Rehearsal(a_day, policy("old.toml")).run()


def test_progress_is_told(a_day: Day) -> None:
    said: list[tuple[int, int]] = []
    Rehearsal(a_day, policy("old.toml")).run(lambda done, total: said.append((done, total)))
    assert said[0][0] == 0
    assert {total for _, total in said} == {len(a_day.acts) + len(a_day.cases)}


@pytest.mark.parametrize("name", ["old.toml", "new.toml"])
@pytest.mark.parametrize("seed", range(4))
def test_what_holds_on_every_day(name: str, seed: int) -> None:
    made = generate(shop(conversations=200), seed)
    found = Rehearsal(made, policy(name)).run()
    cases = {(one.conversation, one.at_ms): one for one in made.cases}
    assert len(found.lives) + sum(one.joined for one in found.lives) == len(cases)
    for life in found.lives:
        case = cases[life.conversation, life.at_ms]
        assert (life.assigned_ms is None) == (not life.agents)
        if life.end == "abandoned":
            assert life.ended_ms == case.at_ms + (case.patience_ms or 0)
        elif life.end == "served" and not life.handovers and not case.silences:
            assert life.ended_ms == (life.assigned_ms or 0) + case.handle_ms
    assert sum(one.given for one in found.agents) >= sum(bool(life.agents) for life in found.lives)
    assert all(0 <= (one.occupancy or 0) <= 1 for one in found.agents)
    assert all(one.used <= one.room for one in found.moments)
