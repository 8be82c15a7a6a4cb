"""After the assignment: who waits too long for an answer, and who is silent for long."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.commands import PauseWork, RequestAgent, WakeWork, WorkReturned
from contracts.events import ConversationIdled, ConversationUnassigned, ConversationWoken
from contracts.policy import Calendar
from contracts.terms import Care, Terms
from tests.router.domain.conversation.world import World

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = Calendar("Asia/Tokyo", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-12:00", "13:00-18:00")))


def begun(agent: str | None = "hanako", **care: Any) -> tuple[World, str]:
    """A customer has written, and somebody has it."""
    world = World()
    world.terms(Terms(1, calendars={"office": OFFICE}, care={"default": Care(**care)}))
    world.write("taro")
    id = world.conversation.id
    if agent is not None:
        world.assign(id, agent)
    return world, id


def asked(world: World) -> list[tuple[Any, ...]]:
    requests = [each for each in world.told(RequestAgent) if each.trigger == "unanswered"]
    return [(each.queue, each.exclude, each.facts.previous_agent) for each in requests]


# -- unanswered ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("care", "request_"),
    [
        ({"unanswered": "reassign"}, ("default", ("hanako",), "hanako")),
        ({"unanswered": "requeue"}, ("default", (), "hanako")),
        ({"unanswered": "escalate", "escalate": "leads"}, ("leads", ("hanako",), "hanako")),
        ({"unanswered": "escalate"}, ("default", ("hanako",), "hanako")),
    ],
)
def test_who_does_not_answer_loses_it(care: dict[str, Any], request_: tuple[Any, ...]) -> None:
    world, id = begun(unanswered_s=300, **care)
    world.store.advance(seconds=299)
    assert world.conversation.agent == "hanako"
    since = world.conversation.waiting_since
    world.store.advance(seconds=1)
    assert world.conversation.agent is None and world.conversation.agents == ("hanako",)
    assert [event.reason for event in world.store.events(kind=ConversationUnassigned)] == ["unanswered"]
    assert asked(world) == [request_] and world.told(RequestAgent)[-1].waiting_since == since
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="unanswered"))
    world.check()


def test_an_answer_in_time_keeps_it_and_each_message_counts_anew() -> None:
    world, id = begun(unanswered_s=300)
    world.store.advance(seconds=200)
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=1000)
    assert asked(world) == []
    world.write("taro")
    world.store.advance(seconds=200)
    world.write("taro")
    world.store.advance(seconds=99)
    assert asked(world) == []
    world.store.advance(seconds=1)
    assert len(asked(world)) == 1


def test_a_note_is_no_answer_and_an_automatic_mail_no_question() -> None:
    world, id = begun(unanswered_s=300)
    world.answer(id, by="agent:hanako")
    world.write("taro", flags=("automatic",))
    world.store.advance(seconds=1000)
    assert asked(world) == []


def test_each_agent_has_the_whole_time() -> None:
    world, id = begun(unanswered_s=300)
    world.store.advance(seconds=200)
    world.assign(id, "jiro")
    world.store.advance(seconds=299)
    assert world.conversation.agent == "jiro"
    world.store.advance(seconds=1)
    assert asked(world) == [("default", ("jiro",), "jiro")]
    world.assign(id, "saburo")
    world.store.advance(seconds=300)
    assert [exclude for _, exclude, _ in asked(world)] == [("jiro",), ("saburo",)]
    world.check()


def test_only_hours_count() -> None:
    world, id = begun(agent=None, unanswered_s=3600, hours="office")
    world.until(datetime(2027, 1, 15, 17, 30, tzinfo=TOKYO))  # a Friday
    world.assign(id, "hanako")
    world.until(datetime(2027, 1, 18, 9, 29, tzinfo=TOKYO))
    assert world.conversation.agent == "hanako"
    world.until(datetime(2027, 1, 18, 9, 30, tzinfo=TOKYO))
    assert world.conversation.agent is None


def test_while_it_sleeps_nobody_has_to_answer() -> None:
    world, id = begun(unanswered_s=300)
    world.status(id, "snoozed", in_s=1000)
    world.store.advance(seconds=1000)
    assert world.conversation.agent == "hanako" and world.conversation.status == "open"
    world.store.advance(seconds=299)
    assert asked(world) == []
    world.store.advance(seconds=1)
    assert len(asked(world)) == 1


def test_more_time_by_a_new_policy_counts_and_no_care_any_more_too() -> None:
    world, _ = begun(unanswered_s=300)
    world.terms(Terms(2, care={"default": Care(unanswered_s=600)}))
    world.store.advance(seconds=599)
    assert asked(world) == []
    world.store.advance(seconds=1)
    assert len(asked(world)) == 1
    world, _ = begun(unanswered_s=300)
    world.terms(Terms(2))
    world.store.advance(seconds=1000)
    assert asked(world) == []


def test_without_care_no_timer_is_set() -> None:
    world = World()
    world.write("taro")
    world.assign(world.conversation.id, "hanako")
    world.answer(world.conversation.id, by="agent:hanako")
    world.write("taro")
    assert not any(shard.timers for shard in world.store.shards.values())


# -- idle ------------------------------------------------------------------------------------------------------------


def test_a_silent_customer_holds_no_units_until_they_write() -> None:
    world, id = begun(idle_after_s=600)
    world.store.advance(seconds=5000)
    assert world.told(PauseWork) == []  # it is the agent's turn
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=599)
    assert not world.conversation.idle
    world.store.advance(seconds=1)
    assert world.conversation.idle and world.conversation.agent == "hanako"
    assert [each.conversation for each in world.told(PauseWork)] == [id]
    world.store.advance(seconds=5000)
    world.write("taro", flags=("automatic",))
    assert world.conversation.idle
    world.write("taro")
    assert not world.conversation.idle
    assert [each.waiting_since for each in world.told(WakeWork)] == [world.conversation.waiting_since]
    assert len(world.told(PauseWork)) == 1
    assert len(world.store.events(kind=ConversationIdled)) == len(world.store.events(kind=ConversationWoken)) == 1
    world.check()


def test_an_agent_who_says_more_begins_the_silence_anew_and_does_not_wake_it() -> None:
    world, id = begun(idle_after_s=600)
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=400)
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=400)
    assert not world.conversation.idle
    world.store.advance(seconds=200)
    assert world.conversation.idle
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=1000)
    assert world.conversation.idle and world.told(WakeWork) == [] and len(world.told(PauseWork)) == 1


def test_whoever_gets_it_next_holds_it() -> None:
    world, id = begun(idle_after_s=600)
    world.answer(id, by="agent:hanako")
    world.store.advance(seconds=600)
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="left"))
    assert not world.conversation.idle
    world.assign(id, "jiro")
    world.store.advance(seconds=599)
    assert not world.conversation.idle
    world.store.advance(seconds=1)
    assert len(world.told(PauseWork)) == 2
    world.status(id, "resolved")
    assert not world.conversation.idle
    world.check()
