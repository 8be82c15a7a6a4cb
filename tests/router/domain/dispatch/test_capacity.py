"""Weighted units and limits per channel class: what fits, and what happens when less fits than before."""

from __future__ import annotations

import pytest

from contracts.agent import Agent
from contracts.commands import PutAgent
from contracts.policy import ChannelClass, Policy, Queue
from tests.router.domain.dispatch.floor import Floor, auto


@pytest.mark.parametrize(
    ("capacity", "limits", "classes", "kinds", "fit"),
    [
        (100, {}, {}, ["chat"] * 6, 5),
        (100, {}, {}, ["email"] * 11, 10),
        (100, {}, {}, ["voice", "chat", "email"], 1),
        (100, {}, {}, ["email", "voice"], 1),
        (100, {}, {}, ["chat", "social", "sms", "custom", "email", "email", "chat"], 6),
        (100, {}, {}, ["never heard of"] * 6, 5),
        (60, {"chat": 2}, {}, ["chat", "chat", "chat", "email"], 3),
        (100, {}, {"chat": ChannelClass(30)}, ["chat"] * 4, 3),
        (100, {}, {"chat": ChannelClass(10, limit=2)}, ["chat"] * 4, 2),
        (100, {"chat": 3}, {"chat": ChannelClass(10, limit=2)}, ["chat"] * 4, 3),
        (100, {"chat": 0}, {}, ["chat", "email"], 1),
        (100, {}, {"fax": ChannelClass(50)}, ["fax", "fax", "fax"], 2),
        (0, {}, {}, ["email"], 0),
    ],
)
def test_what_fits(
    capacity: int, limits: dict[str, int], classes: dict[str, ChannelClass], kinds: list[str], fit: int
) -> None:
    floor = Floor(auto(classes=classes))
    floor.agent("ann", capacity=capacity, limits=limits)
    for number, kind in enumerate(kinds):
        floor.ask(number, channel_class=kind)
    state = floor.state("ann")
    assert len(state.work) == fit
    assert state.used <= capacity


def test_the_reason_says_what_was_full() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=20)
    floor.agent("bob", limits={"chat": 0})
    floor.agent("cy", "elsewhere")
    floor.ask(1)
    floor.ask(2)
    decision = floor.decision()
    assert decision.counts == {"class_limit": 1, "no_capacity": 1, "not_in_queue": 1}
    assert {(c.agent, c.ruled_out, c.spare) for c in decision.considered} == {
        ("ann", "no_capacity", 0),
        ("bob", "class_limit", 100),
    }


def test_capacity_is_held_from_the_offer_on() -> None:
    floor = Floor()
    floor.agent("ann", capacity=40)
    for number in (1, 2, 3):
        floor.ask(number)
    assert floor.state("ann").used == 40
    assert floor.holder(3) == ("waiting", None)


def test_lowered_capacity_keeps_what_is_held_and_gives_nothing_new_until_it_fits() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=60)
    for number in (1, 2, 3, 4):
        floor.ask(number)
    floor.agent("ann", capacity=30, here=False)
    assert floor.state("ann").used == 60
    assert len(floor.state("ann").work) == 3
    floor.release(1)
    floor.release(2)
    assert floor.holder(4) == ("waiting", None)
    floor.release(3)
    assert floor.holder(4) == ("assigned", "ann")


def test_raised_capacity_takes_what_waits() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.ask(2)
    floor.agent("ann", capacity=40, here=False)
    assert floor.holder(2) == ("assigned", "ann")


def test_a_policy_changes_the_price_of_what_is_given_later() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=60)
    for number in (1, 2, 3, 4):
        floor.ask(number)
    floor.publish(auto(version="2", classes={"chat": ChannelClass(30)}))
    assert floor.state("ann").used == 60
    floor.release(1)
    assert floor.holder(4) == ("waiting", None)
    floor.release(2)
    assert floor.holder(4) == ("assigned", "ann")
    assert floor.state("ann").used == 50
    floor.release(3)
    floor.release(4)
    assert floor.state("ann").used == 0


def test_the_same_agent_again_changes_nothing() -> None:
    floor = Floor(Policy(queues=(Queue("default"),)))
    floor.agent("ann")
    before = len(floor.events())
    floor.do(PutAgent(agent=Agent(id="ann", name="Ann", queues=("default",))))
    assert len(floor.events()) == before + 1  # command.done
