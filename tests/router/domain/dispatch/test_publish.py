"""Policies have numbers: published, compared, kept, put in force again; and a restart undoes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.commands import PublishPolicy, RollbackPolicy
from contracts.events import PolicyPublished
from contracts.policy import Match, Policy, Queue, Rule
from contracts.streams import DISPATCH
from router.domain.dispatch import publish as publishing
from router.domain.dispatch.tables import CURRENT, HISTORY, POLICIES, POLICY
from router.domain.policy.versions import KEPT, History, is_news
from tests.router.domain.dispatch.floor import Floor

ONE, TWO = Policy("one"), Policy("two")
CONFIGURED = Policy("file")


def history(floor: Floor) -> History:
    return floor.store.rows(HISTORY)[CURRENT]


def in_force(floor: Floor) -> Policy:
    return floor.store.rows(POLICY)[CURRENT]


def refused(floor: Floor, command: Any) -> str | None:
    problem = floor.do(command)
    return problem and problem.kind


def test_each_policy_has_a_number_with_who_and_why() -> None:
    floor = Floor()
    floor.do(PublishPolicy(policy=ONE, by="aoi", why="the night shift"))
    floor.do(PublishPolicy(policy=TWO, by="bob"))
    assert [(note.number, note.by, note.why, note.source) for note in history(floor).notes] == [
        (1, "aoi", "the night shift", "api"),
        (2, "bob", None, "api"),
    ]
    assert [(event.number, event.policy.version) for event in floor.events(PolicyPublished)] == [(1, "one"), (2, "two")]
    assert floor.store.outcome("cm_2").result == {"number": "2"}


def test_the_same_policy_again_is_no_new_one() -> None:
    floor = Floor(ONE)
    floor.do(PublishPolicy(policy=ONE))
    assert history(floor).number == 1
    assert floor.store.outcome("cm_2").result == {"number": "1"}


@pytest.mark.parametrize("command", [PublishPolicy(policy=TWO, expected=2), RollbackPolicy(number=1, expected=7)])
def test_who_expects_another_number_is_refused(command: Any) -> None:
    floor = Floor(ONE)
    assert refused(floor, command) == "stale"
    assert in_force(floor) == ONE


def test_who_expects_the_right_number_is_not() -> None:
    floor = Floor(ONE)
    assert refused(floor, PublishPolicy(policy=TWO, expected=1)) is None
    assert in_force(floor) == TWO


def test_an_earlier_policy_is_put_in_force_under_a_new_number() -> None:
    floor = Floor(ONE)
    floor.do(PublishPolicy(policy=TWO))
    assert floor.do(RollbackPolicy(by="aoi", why="too many waited")) is None
    assert in_force(floor) == ONE
    assert history(floor).notes[-1].rolled_back_to == 1
    assert (history(floor).number, floor.events(PolicyPublished)[-1].rolled_back_to) == (3, 1)
    floor.do(RollbackPolicy(number=2))
    assert (in_force(floor), history(floor).number) == (TWO, 4)


@pytest.mark.parametrize("number", [0, -1, 9, None])
def test_what_is_not_kept_cannot_be_gone_back_to(number: int | None) -> None:
    assert refused(Floor(ONE), RollbackPolicy(number=number)) == "not_found"


def test_nothing_was_published_so_there_is_nothing_to_go_back_to() -> None:
    problem = Floor().do(RollbackPolicy())
    assert problem is not None and "no policy was published yet" in problem.sentence


def test_the_last_hundred_are_kept() -> None:
    floor = Floor()
    for number in range(KEPT + 3):
        floor.do(PublishPolicy(policy=Policy(str(number))))
    assert [note.number for note in history(floor).notes] == list(range(4, KEPT + 4))
    assert set(floor.store.rows(POLICIES)) == {str(number) for number in range(4, KEPT + 4)}
    assert refused(floor, RollbackPolicy(number=3)) == "not_found"
    assert refused(floor, RollbackPolicy(number=4)) is None


def test_a_restart_does_not_undo_what_the_api_published() -> None:
    floor = Floor()
    said = PublishPolicy(policy=CONFIGURED, source="config")
    floor.do(said)
    floor.do(PublishPolicy(policy=ONE))
    floor.do(said)
    assert (in_force(floor), history(floor).number) == (ONE, 2)
    floor.do(PublishPolicy(policy=TWO, source="config"))
    assert (in_force(floor), history(floor).notes[-1].source) == (TWO, "config")
    floor.do(said)
    assert in_force(floor) == CONFIGURED


def test_a_file_that_says_what_is_in_force_is_remembered_without_a_number() -> None:
    floor = Floor(ONE)
    floor.do(PublishPolicy(policy=ONE, source="config"))
    assert history(floor).number == 1
    assert not is_news(history(floor), ONE)


def test_the_default_is_no_news_until_something_else_was_said() -> None:
    assert not is_news(History(), Policy())
    floor = Floor()
    floor.do(PublishPolicy(policy=ONE, source="config"))
    assert is_news(history(floor), Policy())


def test_order_of_tables_is_no_news() -> None:
    ab, ba = ({name: {"en": name} for name in names} for names in ("ab", "ba"))
    floor = Floor()
    floor.do(PublishPolicy(policy=Policy(texts=ab), source="config"))
    assert not is_news(history(floor), Policy(texts=ba))


def test_a_policy_of_a_time_without_numbers_counts_as_the_first() -> None:
    floor = Floor(ONE)
    state = floor.store[DISPATCH].state
    state[HISTORY.name].clear()
    state[POLICIES.name].clear()
    floor.store.restart()
    floor.do(PublishPolicy(policy=TWO))
    assert history(floor).number == 2
    floor.do(RollbackPolicy())
    assert in_force(floor) == ONE


def test_decisions_name_the_number_after_a_crash_too() -> None:
    floor = Floor(ONE)
    floor.do(PublishPolicy(policy=TWO))
    floor.store.restart()
    floor.ask(1)
    assert floor.decision().policy_number == 2


BY_LANGUAGE = Rule("ja", Match(languages=("ja",)), queue="tokyo")
BY_CHANNEL = Rule("chat", Match(channels=("webchat",)), queue="chats")
QUEUES = (Queue("default"), Queue("tokyo"), Queue("chats"))


def test_only_what_can_change_is_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor(Policy(queues=QUEUES, rules=(BY_LANGUAGE, BY_CHANNEL)))
    floor.ask(1, language="ja")
    floor.ask(2)
    asked: list[str] = []
    routed = publishing.routed
    monkeypatch.setattr(
        publishing, "routed", lambda desk, work, *more: asked.append(work.conversation[-1]) or routed(desk, work, *more)
    )
    floor.do(PublishPolicy(policy=Policy(queues=QUEUES, rules=(BY_LANGUAGE, BY_CHANNEL), texts={"a": {"en": "b"}})))
    assert asked == []
    floor.do(PublishPolicy(policy=Policy(queues=QUEUES, rules=(BY_LANGUAGE,))))
    assert asked == ["2"]
    assert floor.work(2).queue == "default"
    floor.do(PublishPolicy(policy=Policy(queues=(*QUEUES, Queue("night")), rules=(BY_LANGUAGE,))))
    assert asked == ["2", "1", "2"]


def test_what_stays_as_it_was_is_not_written_again() -> None:
    floor = Floor(Policy(queues=QUEUES, rules=(BY_LANGUAGE,)))
    floor.ask(1, language="ja")
    before = floor.work(1)
    floor.do(PublishPolicy(policy=Policy(queues=(*QUEUES, Queue("night")), rules=(BY_LANGUAGE,))))
    assert floor.work(1) == before
