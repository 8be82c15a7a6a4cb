"""What waiting customers are told: on change, for the better, in time, and never a flood."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec import moment
from contracts.commands import NotifyCustomer, WorkAssigned
from contracts.policy import Announce, Calendar, Overflow, Policy, Queue
from contracts.streams import DISPATCH
from router.domain.dispatch.announce import AT_ONCE
from router.domain.dispatch.news import News, minutes_of, moved, word
from router.domain.dispatch.tables import NEWS
from tests.router.domain.dispatch.floor import Floor, cv
from tests.router.domain.memory import START_MS

USUAL = Announce()


def policy(announce: Announce | None = USUAL, **queue: Any) -> Policy:
    desk = Queue("desk", auto_accept=True, announce=announce, **queue)
    other = Queue("other", auto_accept=True, announce=Announce(first_after_s=5, every_s=20))
    return Policy(
        queues=(desk, other, Queue("plain")),
        default_queue="desk",
        calendars={"day": Calendar(week={"fri": ("08:10-09:00",)})},
        presence_grace_s=10**6,
    )


def told(floor: Floor, number: int | None = None) -> list[tuple[str, dict[str, str]]]:
    found = floor.told(NotifyCustomer)
    return [(each.text, each.values) for each in found if number is None or each.conversation == cv(number)]


# -- what there is to say --------------------------------------------------------------------------------------------

TOLD = News("desk", 0, position=5, minutes=8, told_ms=1)


@pytest.mark.parametrize(
    ("news", "position", "estimate_s", "text", "values"),
    [
        (News("desk", 0), 3, None, "position", {"position": "3"}),
        (News("desk", 0), 3, 61, "position", {"position": "3", "minutes": "2"}),
        (TOLD, 5, 480, None, {}),
        (TOLD, 4, 480, "position", {"position": "4", "minutes": "8"}),
        (TOLD, 5, 300, "position", {"position": "5", "minutes": "5"}),
        (TOLD, 4, 900, "position", {"position": "4"}),
        (TOLD, 6, 300, "position", {"minutes": "5"}),
        (TOLD, 6, 900, None, {}),
        (TOLD, 4, None, "position", {"position": "4"}),
        (moved(TOLD, "other", 0), 9, 1200, "moved", {"position": "9", "minutes": "20"}),
        (moved(News("desk", 0), "other", 0), 9, 1200, "position", {"position": "9", "minutes": "20"}),
        (News("desk", 0), 40, 3600, "alternative", {"minutes": "60"}),
        (TOLD, 5, 3600, "alternative", {}),
        (News("desk", 0, alternative=True), 40, 3600, "position", {"position": "40", "minutes": "60"}),
    ],
)
def test_what_is_said(
    news: News, position: int, estimate_s: int | None, text: str | None, values: dict[str, str]
) -> None:
    found = word(news, Announce(long_s=1800), position, estimate_s)
    assert (found.text if found else None) == text
    assert found is None or found.values == values


def test_only_what_is_asked_for() -> None:
    assert word(News("desk", 0), Announce(position=False), 3, None) is None
    only = word(News("desk", 0), Announce(position=False), 3, 30)
    assert only is not None and only.values == {"minutes": "1"}
    only = word(News("desk", 0), Announce(estimate=False), 3, 30)
    assert only is not None and only.values == {"position": "3"}


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 1), (59, 1), (60, 1), (61, 2), (600, 10), (601, 15), (900, 15), (901, 20)]
)
def test_minutes(seconds: int, minutes: int) -> None:
    assert minutes_of(seconds) == minutes


# -- when it is said -------------------------------------------------------------------------------------------------


def test_first_after_a_while_then_on_change_and_not_too_often() -> None:
    floor = Floor(policy())
    floor.ask(1)
    floor.ask(2)
    floor.wait(9)
    assert told(floor) == []
    floor.wait(2)
    assert told(floor) == [("position", {"position": "1"}), ("position", {"position": "2"})]
    floor.wait(200)
    assert told(floor) == [], "nothing changed"
    floor.release(1)
    floor.wait(61)
    assert told(floor) == [("position", {"position": "1"})]
    floor.agent("ann", "desk")
    floor.wait(200)
    assert floor.holder(2) == ("assigned", "ann") and told(floor) == []
    assert floor.store.rows(NEWS) == {} and not any(key.startswith("announce") for key in floor.store[DISPATCH].timers)


def test_never_more_often_than_declared() -> None:
    floor = Floor(policy(Announce(first_after_s=5, every_s=30)))
    for number in range(9):
        floor.ask(number)
    times = []
    for number in range(8):
        floor.wait(10)
        floor.release(number)
        times += [floor.store.now_ms // 1000 for _ in told(floor, 8)]
    assert len(times) >= 2 and all(later - sooner >= 20 for sooner, later in pairwise(times))


def test_an_agent_who_lets_the_offer_go_does_not_set_anybody_back() -> None:
    offering = Queue("default", announce=Announce(first_after_s=1, every_s=5))
    floor = Floor(Policy(queues=(offering,), presence_grace_s=999))
    floor.ask(1)
    floor.wait(3)
    assert told(floor) == [("position", {"position": "1"})]
    floor.ask(2, priority=50)
    floor.agent("ann", capacity=40)
    floor.decline(1, "ann")
    floor.decline(2, "ann")
    floor.wait(30)
    assert told(floor, 1) == [], "second now, and not told so"


def test_another_queue_is_a_cause_and_said() -> None:
    floor = Floor(policy(Announce(first_after_s=1, every_s=10), overflow=(Overflow("waited", "queue", 30, "other"),)))
    for number in range(3):
        floor.ask(number, queue="other")
    floor.ask(4)
    floor.wait(3)
    assert ("position", {"position": "1"}) in told(floor, 4)
    floor.wait(40)
    assert told(floor, 4) == [("moved", {"position": "4"})]
    floor.ask(4, queue="other", trigger="transferred")
    floor.wait(40)
    assert told(floor, 4) == [("moved", {"position": "4"})]


def test_through_a_queue_that_says_nothing_it_is_still_a_move() -> None:
    floor = Floor(policy(Announce(first_after_s=1, every_s=10)))
    floor.ask(1)
    floor.wait(3)
    told(floor)
    floor.ask(1, queue="plain", trigger="transferred")
    floor.wait(100)
    assert told(floor) == []
    floor.ask(2, queue="other")
    floor.wait(1)
    floor.ask(1, queue="other", trigger="transferred")
    floor.wait(30)
    assert told(floor, 1) == [("moved", {"position": "1"})]


def test_a_transfer_by_an_agent_is_said() -> None:
    floor = Floor(policy())
    floor.agent("ann", "desk")
    floor.ask(1)
    floor.ask(1, queue="other", trigger="transferred")
    floor.wait(10)
    assert told(floor, 1) == [("moved", {"position": "1"})]


def test_whoever_is_called_back_or_writes_mails_is_left_in_peace() -> None:
    floor = Floor(policy())
    floor.ask(1)
    floor.ask(2, channel_class="email")
    floor.ask(3, tags=("callback",))
    floor.wait(1)
    floor.ask(1, tags=("callback",), trigger="callback")
    floor.wait(300)
    assert told(floor) == [] and floor.store.rows(NEWS) == {}


def test_nothing_while_it_is_closed_and_again_when_it_opens() -> None:
    floor = Floor(policy(hours="day"))
    floor.ask(1)
    floor.wait(595)
    assert told(floor) == []
    floor.wait(10)
    assert told(floor) == [("position", {"position": "1"})]


def test_the_wait_is_told_and_other_ways_once() -> None:
    floor = Floor(policy(Announce(first_after_s=0, every_s=10, long_s=150)))
    floor.agent("ann", "desk", capacity=20)
    for number in range(12):
        floor.ask(number)
    for number in range(4):
        floor.wait(30)
        floor.release(number)
    told(floor)
    floor.ask(20)
    floor.wait(2)
    assert told(floor, 20) == [("alternative", {"minutes": "4"})]
    floor.wait(11)
    assert told(floor, 20) == [("position", {"position": "8", "minutes": "4"})]


def test_a_new_owner_goes_on_where_the_old_one_was() -> None:
    floor = Floor(policy())
    floor.ask(1)
    floor.ask(2)
    floor.wait(11)
    assert len(told(floor)) == 2
    floor.store.restart(DISPATCH)
    floor.wait(200)
    assert told(floor) == []
    floor.release(1)
    floor.wait(61)
    assert told(floor) == [("position", {"position": "1"})]


def test_a_move_waits_its_time_too() -> None:
    floor = Floor(policy(Announce(first_after_s=1)))
    floor.ask(1)
    floor.wait(2)
    assert len(told(floor)) == 1
    floor.ask(1, queue="other", trigger="transferred")
    floor.wait(17)
    assert told(floor) == [], "20 s after the last word"
    floor.wait(4)
    assert told(floor) == [("moved", {"position": "1"})]


def test_nothing_more_once_it_has_closed() -> None:
    floor = Floor(policy(Announce(first_after_s=1, every_s=5), hours="day"))
    floor.wait(3600 - 10)
    floor.ask(1)
    floor.ask(2)
    floor.wait(4)
    assert len(told(floor)) == 2
    floor.wait(4)
    floor.release(1)
    floor.store.now_ms += 2_000
    floor.store.advance(seconds=60)
    assert told(floor) == []


def test_a_policy_that_begins_and_ends_announcements() -> None:
    floor = Floor(policy(None))
    floor.ask(1)
    floor.wait(60)
    assert told(floor) == []
    floor.publish(policy(Announce(first_after_s=5)))
    floor.wait(7)
    assert told(floor) == [("position", {"position": "1"})]
    floor.ask(2)
    floor.publish(policy(None))
    floor.wait(200)
    assert told(floor) == []
    floor.publish(policy(Announce(first_after_s=50)))
    floor.release(1)
    floor.wait(100)
    assert told(floor) == [("position", {"position": "1"})]
    floor.publish(policy(None))
    floor.wait(200)
    floor.ask(0, since=moment(START_MS - 1000))
    floor.publish(policy(Announce(first_after_s=5)))
    floor.release(0)
    floor.wait(100)
    assert told(floor, 2) == [], "it is first again, and knows that"
    floor.publish(policy(None))
    floor.wait(100)
    floor.ask(3)
    floor.publish(policy(Announce(first_after_s=5)))
    floor.release(2)
    floor.wait(100)
    assert told(floor) == [("position", {"position": "1"})]


# -- and never a flood -----------------------------------------------------------------------------------------------


def test_many_who_wait_are_told_little_by_little() -> None:
    floor = Floor(policy(Announce(first_after_s=1, every_s=2)))
    for number in range(AT_ONCE * 3 + 10):
        floor.ask(number)
    floor.wait(0.9)
    heard = set()
    for _ in range(5):
        floor.wait(1)
        now = {each.conversation for each in floor.told(NotifyCustomer)}
        assert len(now) <= AT_ONCE
        heard |= now
    assert len(heard) == AT_ONCE * 3 + 10, "everybody has his turn"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("ask"), st.integers(0, 9), st.sampled_from([0, 0, 5, 90])),
            st.tuples(st.just("release"), st.integers(0, 9), st.none()),
            st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(["desk", "other"])),
            st.tuples(st.just("serve"), st.none(), st.none()),
            st.tuples(st.just("wait"), st.integers(1, 40), st.none()),
        ),
        max_size=50,
    )
)
def test_never_backward_without_a_cause(steps: list[tuple[str, Any, Any]]) -> None:
    """Whatever happens: within one queue and one wait, each number that is told is no worse than the one before."""
    floor = Floor(policy(Announce(first_after_s=0, every_s=3), overflow=(Overflow("full", "queue", 6, "other"),)))
    floor.agent("ann", "desk", "other", capacity=20)
    last: dict[str, dict[str, int]] = {}
    for what, number, more in steps:
        if what == "ask":
            floor.ask(number, priority=more)
        elif what == "release":
            floor.release(number)
        elif what == "move":
            floor.ask(number, queue=more, trigger="transferred")
        elif what == "serve":
            for held in floor.state("ann").work:
                floor.release(held.removeprefix("cv_01_"))
        else:
            floor.wait(number)
        for _, command in floor.store.undelivered:
            if isinstance(command, WorkAssigned):
                last.pop(command.conversation, None)
            if isinstance(command, NotifyCustomer):
                now = {name: int(value) for name, value in command.values.items()}
                before = {} if command.text == "moved" else last.get(command.conversation, {})
                assert all(value <= before.get(name, value) for name, value in now.items()), (before, now)
                last[command.conversation] = {**before, **now}
        floor.store.undelivered.clear()
        if what == "release":
            last.pop(cv(number), None)
