"""The orders of choice, fair ties, priority that ages, and agents who come first whatever the order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec import moment
from contracts.events import DecisionMade
from contracts.policy import Order, Policy, Queue
from tests.router.domain.dispatch.floor import Floor, cv

ORDERS: tuple[Order, ...] = ("longest_idle", "most_spare", "round_robin", "least_today")


def line(order: Order = "longest_idle", aging_s: int = 60, **queue: Any) -> Floor:
    return Floor(Policy(queues=(Queue("default", auto_accept=True, order=order, **queue),), aging_s=aging_s))


def test_round_robin_goes_on_where_it_was_whoever_finished_meanwhile() -> None:
    floor = line("round_robin")
    for name in ("ann", "bob", "cy"):
        floor.agent(name)
    for number in (1, 2):
        floor.ask(number)
        floor.release(number)
    floor.ask(3)
    assert floor.holder(3) == ("assigned", "cy")
    assert floor.decision().reason == "round_robin"


def test_round_robin_is_per_queue() -> None:
    queues = (Queue("a", order="round_robin", auto_accept=True), Queue("b", order="round_robin", auto_accept=True))
    floor = Floor(Policy(queues=queues, default_queue="a"))
    for name in ("ann", "bob"):
        floor.agent(name, "a", "b")
    for number, queue in enumerate(("a", "b", "b", "a")):
        floor.ask(number, queue=queue)
    assert [floor.holder(number)[1] for number in range(4)] == ["ann", "bob", "ann", "bob"]
    """In b nobody had a turn yet, and bob was given work less recently."""


def test_least_today_counts_what_was_given_and_begins_anew_each_day() -> None:
    floor = line("least_today")
    floor.agent("ann")
    floor.agent("bob", capacity=0)
    for number in range(4):
        floor.ask(number)
        floor.release(number)
    floor.agent("bob", here=False, capacity=100)
    for number in range(10, 14):
        floor.ask(number)
    assert {floor.holder(number)[1] for number in range(10, 14)} == {"bob"}
    assert (floor.state("ann").taken_today, floor.state("bob").taken_today) == (4, 4)
    floor.ask(20)
    assert floor.holder(20) == ("assigned", "ann")
    floor.wait(16 * 3600)
    for name in ("ann", "bob"):
        floor.connect(name)
    floor.ask(21)
    assert (floor.state(floor.holder(21)[1] or "").day, floor.state(floor.holder(21)[1] or "").taken_today) == (
        "2027-01-16",
        1,
    )


@given(order=st.sampled_from(ORDERS), agents=st.integers(2, 7), rounds=st.integers(1, 4), release=st.booleans())
@settings(max_examples=40, deadline=None)
def test_agents_who_are_alike_are_given_alike(order: Order, agents: int, rounds: int, release: bool) -> None:
    """All at the same millisecond: nobody is given more than one more than another, at any moment."""
    floor = line(order)
    for place in range(agents):
        floor.agent(f"a{place}", capacity=20 * rounds)
    taken: Counter[str] = Counter({f"a{place}": 0 for place in range(agents)})
    for number in range(agents * rounds):
        floor.ask(number)
        taken[floor.holder(number)[1] or ""] += 1
        if release:
            floor.release(number)
        assert max(taken.values()) - min(taken.values()) <= 1, taken


@given(
    jobs=st.lists(st.tuples(st.integers(0, 300), st.integers(-10, 10)), min_size=2, max_size=12),
    aging_s=st.sampled_from([0, 1, 10, 60]),
)
@settings(max_examples=60, deadline=None)
def test_overtaking_is_bounded(jobs: list[tuple[int, int]], aging_s: int) -> None:
    """``jobs``: how long each waits by now, in seconds, and its priority. Served one after another, one goes before an
    older one only if it came no more than ``aging_s`` times the difference of their priorities after it."""
    floor = line(aging_s=aging_s)
    now = floor.store.now_ms
    for number, (waited, priority) in enumerate(jobs):
        floor.ask(number, since=moment(now - waited * 1000), priority=priority)
    floor.agent("ann", capacity=20)
    served = []
    for _ in jobs:
        served.append(int(floor.state("ann").work[0].removeprefix(cv(""))))
        floor.release(served[-1])
    for place, first in enumerate(served):
        for later in served[place + 1 :]:
            (waited, priority), (longer, lower) = jobs[first], jobs[later]
            if longer > waited:
                assert priority > lower
                assert aging_s == 0 or longer - waited <= aging_s * (priority - lower)


def test_priority_is_worth_so_much_waiting() -> None:
    floor = line(aging_s=10)
    now = floor.store.now_ms
    floor.ask(1, since=moment(now - 49_000))
    floor.ask(2, priority=5)
    floor.ask(3, since=moment(now - 51_000))
    floor.agent("ann", capacity=20)
    assert floor.holder(3) == ("assigned", "ann")
    floor.release(3)
    assert floor.holder(2) == ("assigned", "ann")


def test_a_promise_at_risk_and_the_queue_add_to_the_priority() -> None:
    queues = (Queue("a", auto_accept=True, priority=3), Queue("b", auto_accept=True))
    floor = Floor(Policy(queues=queues, default_queue="a"))
    floor.ask(1, priority=4, raised=2)
    assert floor.work(1).priority == floor.decision().priority == 9
    floor.ask(1, priority=4, raised=0)
    assert floor.work(1).priority == 7


# -- who comes first whatever the order ----------------------------------------------------------------------------


def test_preferred_agents_in_their_order_and_then_the_previous() -> None:
    floor = line()
    for name in ("ann", "bob", "cy", "dee"):
        floor.agent(name, capacity=20)
    for number, expected in enumerate(("cy", "bob", "dee", "ann")):
        floor.ask(number, preferred=("cy", "bob"), previous_agent="dee")
        assert floor.holder(number)[1] == expected
    reasons = [event.decision.reason for event in floor.events(DecisionMade)]
    assert reasons == ["preferred_agent", "preferred_agent", "previous_agent", "longest_idle"]


@pytest.mark.parametrize("how", ["preferred", "previous_agent"])
def test_it_waits_for_an_agent_who_only_lacks_room_and_then_for_nobody(how: str) -> None:
    floor = line(prefer_wait_s=20)
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.agent("bob")
    wish: dict[str, Any] = {how: "ann" if how == "previous_agent" else ("ann",)}
    floor.ask(2, **wish)
    assert (floor.holder(2), floor.decision().reason) == (("waiting", None), "waits_for_agent")
    assert floor.decision().counts == {"no_capacity": 1, "not_preferred": 1}
    floor.ask(3, **wish)
    floor.release(1)
    assert floor.holder(2) == ("assigned", "ann")
    floor.wait(20)
    assert (floor.holder(3), floor.decision().trigger) == (("assigned", "bob"), "preferred_over")


@pytest.mark.parametrize("status", ["away", "busy", "offline"])
def test_it_waits_for_nobody_who_is_not_there(status: Any) -> None:
    floor = line(prefer_wait_s=20)
    floor.agent("ann", capacity=20)
    floor.agent("bob")
    floor.ask(1, preferred=("ann",))
    floor.ask(2, preferred=("ann",))
    assert floor.decision().reason == "waits_for_agent"
    floor.declare("ann", status)
    assert floor.holder(2) == ("assigned", "bob")
    floor.ask(3, preferred=("ann",))
    assert floor.holder(3) == ("assigned", "bob")


def test_what_waits_for_one_agent_holds_up_nobody_else() -> None:
    floor = line(prefer_wait_s=20)
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.ask(2, preferred=("ann",))
    floor.ask(3)
    floor.agent("bob")
    assert floor.holder(2) == ("waiting", None)
    assert floor.holder(3) == ("assigned", "bob")
    assert floor.claim(2, "bob") is None


def test_a_preferred_agent_needs_the_skills_and_the_queue_all_the_same() -> None:
    floor = Floor(Policy(queues=(Queue("default", auto_accept=True), Queue("other", auto_accept=True))))
    floor.agent("ann", "other")
    floor.agent("bob")
    floor.ask(1, preferred=("ann",))
    assert floor.holder(1) == ("assigned", "bob")
