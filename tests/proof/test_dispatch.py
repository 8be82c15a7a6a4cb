"""A short run of the long proof, and that it sees what is wrong."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.domain.dispatch.room import Room
from router.domain.dispatch.seat import Seat
from tests.proof.dispatch import main, run_slice


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_nothing_is_wrong(seed: str) -> None:
    outcome = run_slice(seed, 0, 6_000)
    assert outcome.wrong is None
    assert outcome.decisions > 2_000


def test_the_same_seed_gives_the_same_run() -> None:
    assert run_slice("again", 3, 1_500) == run_slice("again", 3, 1_500)


def test_who_is_given_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seat, "_count", lambda self, work, costs, sign: None)
    assert run_slice("one", 0, 2_000).wrong is not None


def test_an_unfair_choice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    fair = Room.eligible

    def last(self: Room, at: int, barred: tuple[str, ...] = ()) -> str | None:
        able = fair(self, at, 1_000, barred)
        return able[-1] if able else None

    monkeypatch.setattr(Room, "best", last)
    wrong = run_slice("one", 0, 4_000).wrong
    assert wrong is not None


def test_it_says_how_to_see_it_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--steps", "1200", "--seed", "said"]) == 0
    assert "seed said" in capsys.readouterr().out
    monkeypatch.setattr("tests.proof.dispatch.agrees", lambda *_: pytest.fail("on purpose", pytrace=False))


def test_work_that_is_younger_than_it_was_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.domain.dispatch.moves.refreshed", lambda desk, work, at_ms: replace(work, arrival=0))
    assert run_slice("one", 0, 2_000).wrong is not None
