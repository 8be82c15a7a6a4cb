"""What holds units and until when: wrap-up, silent customers, exclusive and interruptible work, force and take-over."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.commands import WorkAssigned, WorkReturned
from contracts.events import DecisionMade, OfferWithdrawn, WrapUpEnded, WrapUpStarted
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule
from contracts.streams import DISPATCH
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS
from tests.router.domain.dispatch.floor import Floor, auto, cv

# -- wrap-up -------------------------------------------------------------------------------------------------------


def wrapping(seconds: int | None = None, of_class: int = 0) -> Floor:
    floor = Floor(
        Policy(
            queues=(Queue("default", auto_accept=True, wrap_up_s=seconds),),
            classes={"chat": ChannelClass(20, wrap_up_s=of_class)},
        )
    )
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.ask(2)
    return floor


@pytest.mark.parametrize(("queue", "of_class", "held"), [(30, 5, 30), (None, 5, 5), (0, 5, 0), (None, 0, 0)])
def test_wrap_up_holds_the_units_for_so_long(queue: int | None, of_class: int, held: int) -> None:
    floor = wrapping(queue, of_class)
    floor.release(1)
    if held:
        assert floor.state("ann").wrap_up == (cv(1),) and floor.state("ann").used == 20
        assert floor.holder(2) == ("waiting", None)
        assert [(event.until - event.at).total_seconds() for event in floor.events(WrapUpStarted)] == [held]
        floor.wait(held - 1)
        assert floor.holder(2) == ("waiting", None)
        floor.wait(1)
        assert [event.conversation for event in floor.events(WrapUpEnded)] == [cv(1)]
    assert floor.holder(2) == ("assigned", "ann")
    assert (floor.state("ann").wrap_up, floor.state("ann").work) == ((), (cv(2),))


def test_the_agent_may_finish_earlier_and_nobody_else_for_them() -> None:
    floor = wrapping(30)
    assert (problem := floor.finish(1, "ann")) is not None and problem.kind == "conflict"
    floor.release(1)
    assert floor.release(1) is None
    assert (problem := floor.finish(1, "bob")) is not None and problem.kind == "conflict"
    assert floor.finish(1, "ann") is None
    assert floor.holder(2) == ("assigned", "ann")
    assert floor.finish(1, "ann") is None
    floor.wait(60)
    assert len(floor.events(WrapUpEnded)) == 1


def test_who_leaves_has_finished_up() -> None:
    floor = wrapping(30)
    floor.release(1)
    floor.declare("ann", "offline")
    assert floor.state("ann").used == 0
    assert f"wrap_up:{cv(1)}" not in floor.store[DISPATCH].timers


def test_a_conversation_that_is_reopened_during_wrap_up_takes_nobodys_turn() -> None:
    floor = wrapping(30)
    floor.release(1)
    floor.wait(5)
    floor.ask(1, previous_agent="ann")
    assert floor.holder(2) == ("assigned", "ann")
    assert floor.holder(1) == ("waiting", None)


# -- silent customers ----------------------------------------------------------------------------------------------


def silent(**queue: int) -> Floor:
    """Ann keeps 1, whose customer is silent, and has 2; she has room for no more."""
    floor = Floor(Policy(queues=(Queue("default", auto_accept=True, **queue),)))
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.ask(2)
    floor.pause(1)
    floor.told(WorkAssigned)
    return floor


def test_a_silent_customer_holds_no_units() -> None:
    floor = silent()
    assert (floor.state("ann").work, floor.state("ann").idle, floor.state("ann").used) == ((cv(2),), (cv(1),), 20)
    assert floor.holder(1) == ("idle", "ann")
    assert floor.pause(1) is None


def test_who_wakes_is_back_at_once_if_it_fits() -> None:
    floor = silent()
    floor.release(2)
    floor.declare("ann", "busy")
    floor.wake(1)
    assert (floor.holder(1), floor.state("ann").used) == (("assigned", "ann"), 20)
    assert (floor.decision().trigger, floor.decision().reason) == ("woken", "previous_agent")
    assert floor.told(WorkReturned) == []
    assert floor.wake(1) is None


def test_who_wakes_waits_for_their_agent_first_and_then_for_anybody() -> None:
    floor = silent(prefer_wait_s=10)
    floor.agent("bob", capacity=20)
    floor.wake(1)
    assert (floor.holder(1), floor.decision().reason) == (("waiting", None), "waits_for_agent")
    assert [(told.agent, told.reason) for told in floor.told(WorkReturned)] == [("ann", "woken")]
    floor.wait(9)
    floor.release(2)
    assert floor.holder(1) == ("assigned", "ann")
    floor.ask(3, previous_agent="ann")
    floor.pause(1)
    assert floor.holder(3) == ("assigned", "ann")
    floor.wake(1)
    floor.wait(9)
    assert floor.holder(1) == ("waiting", None)
    floor.wait(1)
    assert floor.holder(1) == ("assigned", "bob")


def test_without_a_wait_others_get_who_wakes() -> None:
    floor = silent()
    floor.agent("bob")
    floor.wake(1)
    assert floor.holder(1) == ("assigned", "bob")


def test_idle_work_stays_with_who_goes_home_and_leaves_who_is_removed() -> None:
    floor = silent()
    floor.declare("ann", "offline")
    assert (floor.holder(1), floor.holder(2)) == (("idle", "ann"), ("waiting", None))
    floor.agent("bob", capacity=20)
    assert floor.holder(2) == ("assigned", "bob")
    floor.remove("ann")
    assert floor.holder(1) == ("waiting", None)
    floor.release(1)
    floor.release(2)
    assert floor.state("bob").used == 0


# -- exclusive, interruptible, weights of rules --------------------------------------------------------------------


def test_exclusive_work_is_alone_with_its_agent() -> None:
    floor = Floor(
        auto(classes={"voice": ChannelClass(30, exclusive=True), "email": ChannelClass(10, interruptible=True)})
    )
    floor.agent("ann")
    floor.ask(1, channel_class="chat")
    floor.ask(2, channel_class="voice")
    assert (floor.holder(2), floor.decision().counts) == (("waiting", None), {"exclusive": 1})
    floor.ask(3, channel_class="email")
    floor.release(1)
    assert (floor.holder(2), floor.holder(3)) == (("assigned", "ann"), ("assigned", "ann"))
    for number, kind in ((4, "chat"), (5, "voice"), (6, "email")):
        floor.ask(number, channel_class=kind)
        assert (floor.holder(number), floor.decision().counts) == (("waiting", None), {"exclusive": 1})
    floor.release(2)
    assert [floor.holder(number)[0] for number in (4, 5, 6)] == ["assigned", "waiting", "assigned"]


def test_one_call_at_a_time_whatever_the_capacity() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=1000)
    floor.ask(1, channel_class="voice")
    floor.ask(2, channel_class="voice")
    assert floor.holder(2) == ("waiting", None)


def test_a_rule_may_say_what_its_work_weighs() -> None:
    policy = Policy(
        queues=(Queue("default", auto_accept=True),),
        rules=(
            Rule("heavy", Match(accounts=("heavy",)), "default", weight=70),
            Rule("zero", Match(tags=("free",)), weight=0),
        ),
    )
    floor = Floor(policy)
    floor.agent("ann")
    floor.ask(1, account="heavy")
    floor.ask(2)
    floor.ask(3)
    floor.ask(4, tags=("free",))
    assert [floor.holder(number)[0] for number in (1, 2, 3, 4)] == ["assigned", "assigned", "waiting", "assigned"]
    assert floor.state("ann").used == 90


def test_limits_count_what_is_wrapped_up_and_not_what_is_idle() -> None:
    policy = Policy(
        queues=(Queue("default", auto_accept=True, wrap_up_s=10),), classes={"chat": ChannelClass(20, limit=1)}
    )
    floor = Floor(policy)
    floor.agent("ann")
    floor.ask(1)
    floor.ask(2)
    floor.pause(1)
    assert floor.holder(2) == ("assigned", "ann")
    floor.release(2)
    floor.ask(3)
    assert floor.decision().counts == {"class_limit": 1}
    floor.wait(10)
    assert floor.holder(3) == ("assigned", "ann")


# -- by force ------------------------------------------------------------------------------------------------------


def test_a_supervisor_takes_over_whoever_has_it_and_whatever_they_hold() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=20)
    floor.agent("sue", "elsewhere", capacity=0)
    floor.ask(1)
    floor.ask(2)
    assert floor.take_over(1, "sue") is None
    assert (floor.holder(1), floor.holder(2)) == (("assigned", "sue"), ("assigned", "ann"))
    assert [(told.conversation, told.reason) for told in floor.told(WorkReturned)] == [(cv(1), "taken_over")]
    assert floor.state("sue").used == 20
    assert floor.take_over(1, "sue") is None
    floor.ask(3)
    assert floor.take_over(3, "sue") is None
    decisions = [event.decision.reason for event in floor.events(DecisionMade) if event.decision.agent == "sue"]
    assert decisions == ["taken_over", "taken_over"]


def test_what_is_on_offer_is_withdrawn_when_it_is_taken_over() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("sue", "elsewhere")
    floor.ask(1)
    floor.take_over(1, "sue")
    assert [(event.agent, event.reason) for event in floor.events(OfferWithdrawn)] == [("ann", "taken_over")]
    assert floor.holder(1) == ("assigned", "sue")


def test_nobody_can_be_made_to_take_over_who_is_not_there() -> None:
    floor = wrapping(30)
    floor.agent("sue", here=False)
    for number, agent, kind in ((2, "sue", "conflict"), (2, "who", "not_found"), (9, "ann", "not_found")):
        problem = floor.take_over(number, agent)
        assert problem is not None and problem.kind == kind
    floor.release(1)
    assert (problem := floor.take_over(1, "ann")) is not None and problem.kind == "conflict"


def test_a_transfer_by_force_ignores_capacity_and_never_presence() -> None:
    floor = Floor(auto())
    floor.agent("ann")
    floor.agent("bob", "elsewhere", capacity=0)
    floor.ask(1)
    floor.ask(1, trigger="transferred", agent="bob", force=True)
    assert floor.holder(1) == ("assigned", "bob")
    floor.declare("bob", "away")
    floor.ask(2)
    floor.ask(2, trigger="transferred", agent="bob", force=True)
    assert floor.holder(2) == ("assigned", "ann")
    assert floor.decision().notes == ("requested_agent:bob:away",)


# -- after a crash -------------------------------------------------------------------------------------------------


def test_what_is_in_use_is_what_the_work_says_not_what_the_agents_row_says() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=40)
    floor.ask(1)
    floor.ask(2)
    rows = floor.store.rows(AGENTS)
    rows["ann"] = replace(rows["ann"], used=0, work=(cv(2), cv("never heard of")))
    handler = DispatchHandler()
    handler.load(DISPATCH, 16, {"agents": rows, "work": {cv(1): floor.work(1), cv(2): floor.work(2)}})
    seat = handler.desk.seats["ann"]
    assert (seat.used, tuple(seat.work)) == (40, (cv(2), cv(1)))
    handler.load(DISPATCH, 16, {"agents": {}, "work": {cv(1): floor.work(1)}})
    assert handler.desk.work[cv(1)].state == "waiting"
