"""Declared status and connections: three kinds of absence, and what becomes of the work."""

from __future__ import annotations

import pytest

from contracts.codec import moment
from contracts.commands import WorkReturned
from contracts.events import AgentChanged, AgentPresenceChanged, OfferWithdrawn
from router.domain.dispatch.tables import SESSIONS
from tests.router.domain.dispatch.floor import Floor, auto, cv


def with_work() -> Floor:
    """Ann has accepted 1 and is offered 2."""
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    floor.accept(1, "ann")
    floor.ask(2)
    return floor


def test_online_without_a_connection_is_not_available() -> None:
    floor = Floor()
    floor.agent("ann", here=False)
    floor.declare("ann", "online")
    floor.ask(1)
    assert floor.decision().counts == {"disconnected": 1}
    floor.connect("ann")
    assert floor.holder(1) == ("offered", "ann")
    assert floor.decision().trigger == "agent_available"


@pytest.mark.parametrize("status", ["away", "busy"])
def test_away_and_busy_keep_work_and_lose_offers(status: str) -> None:
    floor = with_work()
    floor.declare("ann", status)
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.holder(2) == ("waiting", None)
    assert [event.conversation for event in floor.events(OfferWithdrawn)] == [cv(2)]
    assert floor.told(WorkReturned) == []
    event = floor.events(AgentPresenceChanged)[-1]
    assert (event.available, event.presence.declared) == (False, status)


def test_offline_gives_everything_to_others_at_once() -> None:
    floor = with_work()
    floor.agent("bob")
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("offered", "bob")
    assert floor.holder(2) == ("offered", "bob")
    assert floor.told(WorkReturned) == [WorkReturned(conversation=cv(1), agent="ann", reason="agent_left")]
    assert floor.state("ann").used == 0


def test_a_short_cut_changes_nothing() -> None:
    floor = with_work()
    floor.connect("ann", connected=False)
    floor.wait(29)
    floor.ask(3)
    assert floor.holder(3) == ("offered", "ann")
    floor.connect("ann", session="another")
    floor.wait(1000 / 1000)
    assert floor.holder(1) == ("assigned", "ann")
    assert "grace:ann" not in floor.store["d:main"].timers


def test_a_long_cut_takes_the_work_back() -> None:
    floor = with_work()
    floor.agent("bob", capacity=40)
    floor.connect("ann", connected=False)
    floor.wait(30)
    assert floor.holder(1) == ("offered", "bob")
    assert floor.holder(2) == ("offered", "bob")
    assert floor.events(AgentPresenceChanged)[-1].available is False
    floor.connect("ann")
    assert floor.events(AgentPresenceChanged)[-1].available is True


def test_the_last_of_several_connections_counts() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.connect("ann", session="phone")
    floor.connect("ann", session="phone")
    floor.connect("ann", session="s-ann", connected=False)
    floor.connect("ann", session="s-ann", connected=False)
    assert floor.state("ann").presence.connected
    floor.connect("ann", session="phone", connected=False)
    assert not floor.state("ann").presence.connected
    assert floor.store.rows(SESSIONS) == {}


def test_a_session_that_is_not_announced_again_is_dropped() -> None:
    floor = Floor()
    floor.agent("ann")
    for _ in range(5):
        floor.wait(60)
        floor.connect("ann")
    assert floor.state("ann").presence.connected
    floor.wait(149)
    assert floor.state("ann").presence.connected
    floor.wait(1)
    assert not floor.state("ann").presence.connected
    floor.wait(30)
    floor.ask(1)
    assert floor.decision().counts == {"disconnected": 1}


def test_a_removed_agent_leaves_nothing_behind() -> None:
    floor = with_work()
    floor.agent("bob")
    assert floor.remove("ann") is None
    assert floor.holder(1) == ("offered", "bob")
    assert floor.events(AgentChanged)[-1].state is None
    assert set(floor.store.rows(SESSIONS)) == {"s-bob"}
    problem = floor.remove("ann")
    assert problem is not None and problem.kind == "not_found"
    assert not any(key.endswith("ann") for key in floor.store["d:main"].timers)


def test_a_disabled_agent_gives_everything_back() -> None:
    floor = with_work()
    floor.agent("ann", here=False, enabled=False)
    assert floor.holder(1) == ("waiting", None)
    assert floor.state("ann").used == 0
    problem = floor.claim(1, "ann")
    assert problem is not None and problem.kind == "conflict"


def test_returned_work_keeps_its_age_and_goes_out_oldest_first() -> None:
    floor = Floor(auto())
    floor.agent("ann")
    for number in (1, 2, 3):
        floor.ask(number)
        floor.wait(1)
    floor.agent("bob", capacity=40)
    floor.ask(4, previous_agent="bob")
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("assigned", "bob")
    assert floor.holder(2) == ("waiting", None)
    floor.ask(5)
    floor.release(4)
    assert floor.holder(2) == ("assigned", "bob")


@pytest.mark.parametrize("command", ["declare", "connect"])
def test_unknown_agents_are_refused(command: str) -> None:
    floor = Floor()
    problem = floor.declare("who", "online") if command == "declare" else floor.connect("who")
    assert problem is not None and problem.kind == "not_found"


def test_returned_work_is_placed_in_the_order_of_the_line_not_of_the_hands_it_was_in() -> None:
    floor = Floor(auto())
    floor.agent("bob", "elsewhere", capacity=20)
    floor.agent("ann", capacity=40)
    floor.ask(2)
    floor.ask(1, since=moment(floor.store.now_ms - 60_000))
    floor.agent("bob", "default", here=False, capacity=20)
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("assigned", "bob")
    assert floor.holder(2) == ("waiting", None)
