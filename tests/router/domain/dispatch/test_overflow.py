"""Overflows: before work queues and while it waits, on exact numbers, and never round in circles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec import moment
from contracts.commands import NotifyCustomer, WorkDiverted
from contracts.events import DecisionMade, WorkOverflowed
from contracts.policy import Calendar, Overflow, Policy, Queue
from contracts.streams import DISPATCH
from router.domain.dispatch.tables import WORK
from tests.router.domain.dispatch.floor import Floor, cv

SHUT = Calendar(week={})
SHORT = Calendar(week={"fri": ("08:05-09:00",)})


def policy(*overflow: Overflow, hours: str | None = None, **more: Any) -> Policy:
    queues = (Queue("first", hours=hours, overflow=overflow), Queue("second"), Queue("third"))
    return Policy(queues=queues, default_queue="first", calendars={"shut": SHUT, "short": SHORT}, **more)


def taken(floor: Floor) -> list[tuple[str, str, str, str | None]]:
    return [(each.queue, each.when, each.do, each.to) for each in floor.events(WorkOverflowed)]


def test_closed_moves_on_with_its_age_and_both_steps_are_told() -> None:
    floor = Floor(policy(Overflow("closed", "queue", queue="second"), hours="shut"))
    floor.agent("ann", "second")
    since = moment(floor.store.now_ms - 90_000)
    floor.ask(1, since=since)
    assert floor.holder(1) == ("offered", "ann")
    assert (floor.work(1).queue, floor.work(1).waiting_since_ms) == ("second", floor.store.now_ms - 90_000)
    first, second = (each.decision for each in floor.events(DecisionMade))
    assert (first.overflow, first.queue, first.outcome, first.reason) == (
        "closed:queue:second", "first", "waiting", "queue_closed",
    )  # fmt: skip
    assert (second.trigger, second.queue, second.agent, second.overflow) == ("overflow", "second", "ann", None)
    assert taken(floor) == [("first", "closed", "queue", "second")]


def test_full_is_counted_exactly_and_only_when_it_would_wait() -> None:
    floor = Floor(policy(Overflow("full", "queue", 2, "second")))
    floor.agent("ann", "first", capacity=20)
    for number in range(5):
        floor.ask(number)
    assert [floor.work(number).queue for number in range(5)] == ["first"] * 3 + ["second"] * 2
    floor.release(1)
    floor.ask(5)
    assert floor.work(5).queue == "first", "one place is free again, and known at once"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["ask", "ask", "ask", "release", "wait"]), max_size=25), st.integers(1, 4))
def test_a_full_queue_never_has_more_and_nothing_is_lost(steps: list[str], most: int) -> None:
    """Each queue passes on what is beyond its number; the last one keeps everything."""
    queues = (
        Queue("first", overflow=(Overflow("full", "queue", most, "second"),)),
        Queue("second", overflow=(Overflow("full", "queue", most, "third"), Overflow("waited", "queue", 50, "first"))),
        Queue("third", overflow=(Overflow("waited", "queue", 90, "first"),)),
    )
    floor, asked = Floor(Policy(queues=queues, default_queue="first")), set()
    for number, step in enumerate(steps):
        if step == "ask":
            floor.ask(number)
            asked.add(cv(number))
        elif step == "release" and asked:
            oldest = min(asked)
            asked.remove(oldest)
            floor.release(oldest.removeprefix("cv_01_"))
        else:
            floor.wait(30)
        rows = floor.store.rows(WORK)
        assert set(rows) == asked, "no work is lost between queues, and none is there twice"
        for name in ("first", "second"):
            assert sum(one.queue == name and not one.passed for one in rows.values()) <= most
        assert all(len(set(one.passed)) == len(one.passed) and one.queue not in one.passed for one in rows.values())


def test_loops_are_bounded_each_queue_once() -> None:
    ring = tuple(
        Queue(name, hours="shut", overflow=(Overflow("closed", "queue", queue=to),))
        for name, to in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    floor = Floor(Policy(queues=ring, default_queue="a", calendars={"shut": SHUT}))
    floor.ask(1)
    assert floor.work(1).queue == "c" and floor.work(1).passed == ("a", "b")
    floor.ask(1, queue="b", trigger="transferred")
    assert floor.work(1).queue == "a" and floor.work(1).passed == ("b", "c"), "a transfer begins anew"


def test_unstaffed_when_nobody_is_signed_in() -> None:
    floor = Floor(policy(Overflow("unstaffed", "queue", queue="second")))
    floor.agent("ann", "first", capacity=20)
    floor.declare("ann", "busy")
    floor.ask(1)
    floor.declare("ann", "offline")
    floor.ask(2)
    assert (floor.work(1).queue, floor.work(2).queue) == ("first", "second")


def test_waited_is_timed_from_when_the_customer_began_to_wait() -> None:
    floor = Floor(policy(Overflow("waited", "queue", 60, "second"), Overflow("waited", "message", 20)))
    floor.ask(1, since=moment(floor.store.now_ms - 15_000))
    floor.wait(4.999)
    assert taken(floor) == []
    floor.wait(0.001)
    assert taken(floor) == [("first", "waited", "message", "first")]
    assert [(each.text, each.values) for each in floor.told(NotifyCustomer)] == [("late", {"position": "1"})]
    floor.wait(40)
    assert floor.work(1).queue == "second" and floor.decision().trigger == "overflow"
    assert [key for key in floor.store[DISPATCH].timers if key.startswith("overflow:")] == []


def test_messages_are_told_once_whatever_comes_and_goes() -> None:
    floor = Floor(policy(Overflow("closed", "message", text="closed"), hours="shut"))
    floor.ask(1)
    floor.ask(1, tags=("vip",), priority=4)
    floor.agent("ann", "first")
    floor.claim(1, "ann")
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("waiting", None)
    assert [each.text for each in floor.told(NotifyCustomer)] == ["closed"]
    assert floor.events(DecisionMade)[0].decision.overflow == "closed:message"


@pytest.mark.parametrize("do", ["voicemail", "mail"])
def test_who_leaves_word_is_no_live_customer_any_more(do: Any) -> None:
    floor = Floor(
        policy(Overflow("closed", do, queue="second", text="mail"), Overflow("waited", "message", 5), hours="shut")
    )
    floor.ask(1)
    (told,) = floor.told(WorkDiverted)
    assert (told.to, told.queue, told.text) == (do, "second", "mail")
    assert (floor.work(1).queue, floor.work(1).diverted) == ("second", do)
    floor.wait(60)
    assert floor.told(NotifyCustomer) == []
    floor.agent("ann", "second")
    assert floor.holder(1) == ("offered", "ann")


def test_resolve_ends_it_with_a_word() -> None:
    floor = Floor(policy(Overflow("closed", "resolve", text="closed"), hours="shut"))
    floor.ask(1)
    (told,) = floor.told(WorkDiverted)
    assert (told.to, told.text) == ("resolve", "closed")
    assert floor.store.rows(WORK) == {}
    assert floor.decision().overflow == "closed:resolve" and taken(floor) == [("first", "closed", "resolve", None)]
    assert floor.release(1) is None


def test_a_call_back_is_offered_keeps_its_place_and_is_not_ended_or_bothered() -> None:
    floor = Floor(
        policy(
            Overflow("waited", "callback", 10),
            Overflow("waited", "message", 20),
            Overflow("waited", "resolve", 30, text="late"),
            Overflow("waited", "queue", 40, "second"),
        )
    )
    floor.ask(1)
    floor.ask(2)
    floor.wait(10)
    assert [(each.conversation, each.to) for each in floor.told(WorkDiverted)] == [
        (cv(1), "callback"),
        (cv(2), "callback"),
    ]
    floor.ask(1, since=moment(floor.store.now_ms), tags=("callback",), trigger="callback")
    floor.wait(25)
    assert set(floor.store.rows(WORK)) == {cv(1)}, "the other one was told and ended"
    assert {each.conversation for each in floor.told(NotifyCustomer)} == {cv(2)}
    floor.wait(5)
    assert floor.work(1).queue == "second" and floor.work(1).waiting_since_ms == floor.store.now_ms - 40_000
    floor.agent("ann", "second")
    assert floor.holder(1) == ("offered", "ann")


def test_by_channel_class() -> None:
    floor = Floor(policy(Overflow("closed", "queue", queue="second", classes=("chat",)), hours="shut"))
    floor.ask(1)
    floor.ask(2, channel_class="email")
    assert (floor.work(1).queue, floor.work(2).queue) == ("second", "first")


def test_the_first_that_applies() -> None:
    floor = Floor(
        policy(Overflow("full", "queue", 1, "third"), Overflow("closed", "queue", queue="second"), hours="shut")
    )
    floor.ask(1)
    assert floor.work(1).queue == "second"
    floor = Floor(policy(Overflow("full", "queue", 1, "third"), hours="short"))
    floor.ask(1)
    floor.ask(2)
    assert (floor.work(1).queue, floor.work(2).queue) == ("first", "third"), "waiting for the opening fills it too"


def test_predicted_wait_sends_the_next_one_elsewhere() -> None:
    floor = Floor(policy(Overflow("predicted", "queue", 100, "second")))
    floor.agent("ann", "first", capacity=20)
    for number in range(8):
        floor.ask(number)
    for number in range(4):
        floor.wait(30)
        floor.accept(number, "ann")
        floor.release(number)
    assert floor.work(7).queue == "first"
    floor.ask(8)
    decision = floor.events(DecisionMade)[-2].decision
    assert (floor.work(8).queue, decision.overflow, decision.estimate_s) == ("second", "predicted:queue:second", 120)
    floor.release(7)
    floor.ask(9)
    assert floor.work(9).queue == "first", "90 s"


def test_declined_work_that_was_admitted_is_not_sent_away() -> None:
    floor = Floor(policy(Overflow("full", "queue", 1, "second")))
    floor.agent("ann", "first", capacity=20)
    floor.agent("bob", "first", capacity=20)
    for number in range(3):
        floor.ask(number)
    floor.release(0)
    assert floor.holder(2) == ("offered", floor.work(2).agent)
    floor.ask(3)
    floor.decline(2, floor.work(2).agent or "")
    assert floor.work(2).queue == "first"


def test_the_clock_of_these_tests() -> None:
    assert moment(Floor().store.now_ms) == datetime(2027, 1, 15, 8, tzinfo=UTC)


def test_who_was_answered_and_passed_on_has_not_waited_yet() -> None:
    floor = Floor(policy(Overflow("waited", "queue", 30, "second")))
    floor.agent("ann", "first")
    floor.ask(1)
    floor.accept(1, "ann")
    floor.wait(100)
    floor.declare("ann", "away")
    floor.ask(1, trigger="transferred")
    assert floor.work(1).queue == "first" and not taken(floor)
    floor.wait(29)
    assert not taken(floor)
    floor.wait(1)
    assert taken(floor) == [("first", "waited", "queue", "second")]
    assert floor.decision().waited_s == 30
