"""Who is chosen, and what the decision says about it."""

from __future__ import annotations

from contracts.commands import WorkAssigned, WorkOffered, WorkReturned
from contracts.decision import Considered
from contracts.policy import Policy, Queue
from router.domain.dispatch.tables import DECISIONS
from tests.router.domain.dispatch.floor import Floor, auto, cv


def three(floor: Floor) -> None:
    for name in ("cy", "bob", "ann"):
        floor.agent(name)
        floor.wait(1)


def given(floor: Floor, *numbers: int) -> list[str | None]:
    for number in numbers:
        floor.ask(number)
        floor.wait(1)
    return [floor.holder(number)[1] for number in numbers]


def test_longest_idle_goes_round() -> None:
    floor = Floor(auto())
    three(floor)
    assert given(floor, 1, 2, 3, 4) == ["cy", "bob", "ann", "cy"]


def test_who_finished_last_comes_last() -> None:
    floor = Floor(auto())
    three(floor)
    given(floor, 1, 2, 3)
    floor.release(1)
    floor.wait(1)
    assert given(floor, 4) == ["bob"]


def test_most_spare() -> None:
    floor = Floor(Policy(queues=(Queue("default", order="most_spare", auto_accept=True),)))
    floor.agent("ann", capacity=60)
    floor.agent("bob", capacity=100)
    floor.agent("cy", capacity=80)
    assert given(floor, 1, 2, 3, 4) == ["bob", "cy", "bob", "ann"]
    assert floor.decision().reason == "most_spare"


def test_ties_are_shared_out() -> None:
    floor = Floor(Policy(queues=(Queue("default", order="most_spare", auto_accept=True),)))
    for name in ("ann", "bob"):
        floor.agent(name)
    assert given(floor, 1) == ["ann"]
    floor.release(1)
    assert given(floor, 2) == ["bob"]


def test_the_previous_agent_first_if_there_and_free() -> None:
    floor = Floor(auto())
    three(floor)
    floor.ask(1, previous_agent="ann")
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.decision().reason == "previous_agent"
    assert floor.decision().considered[0].agent == "ann"
    floor.declare("ann", "away")
    floor.ask(2, previous_agent="ann")
    assert floor.holder(2) == ("assigned", "cy")
    floor.ask(3, previous_agent="gone since")
    assert floor.holder(3) == ("assigned", "bob")


def test_a_queue_may_prefer_nobody() -> None:
    floor = Floor(Policy(queues=(Queue("default", prefer_previous=False, auto_accept=True),)))
    three(floor)
    floor.ask(1, previous_agent="ann")
    assert floor.holder(1) == ("assigned", "cy")


def test_transferred_to_an_agent() -> None:
    floor = Floor(auto())
    three(floor)
    floor.ask(1)
    floor.told(WorkAssigned)
    floor.ask(1, agent="ann", trigger="transferred")
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.decision().reason == "requested_agent"
    told = [command for _, command in floor.store.undelivered]
    assert told[0] == WorkReturned(conversation=cv(1), agent="cy", reason="transferred")
    assert isinstance(told[1], WorkAssigned) and told[1].agent == "ann"
    assert floor.state("cy").used == 0


def test_transferred_to_an_agent_who_is_away_goes_to_the_line_and_says_so() -> None:
    floor = Floor(auto())
    three(floor)
    floor.declare("ann", "away")
    floor.ask(1)
    floor.ask(1, agent="ann", trigger="transferred")
    assert floor.holder(1) == ("assigned", "bob")
    decision = floor.decision()
    assert decision.notes == ("requested_agent:ann:away",)
    assert decision.considered[0].agent == "ann" and decision.considered[0].ruled_out == "away"
    assert [c.agent for c in decision.considered if c.ruled_out == "excluded"] == ["cy"]
    floor.ask(1, agent="nobody", trigger="transferred")
    assert floor.decision().notes == ("unknown_agent:nobody",)


def test_transferred_to_an_agent_outside_the_queue() -> None:
    floor = Floor(auto())
    floor.agent("ann", "elsewhere")
    floor.ask(1)
    assert floor.holder(1) == ("waiting", None)
    floor.ask(1, agent="ann", trigger="transferred")
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.decision().considered[0].agent == "ann"


def test_transferred_to_a_queue_keeps_its_age() -> None:
    floor = Floor(auto("default", "billing"))
    floor.agent("ann")
    floor.ask(1)
    since = floor.work(1).waiting_since_ms
    floor.wait(60)
    floor.ask(2, queue="billing")
    floor.ask(1, queue="billing", trigger="transferred")
    work = floor.work(1)
    assert (work.queue, work.state, work.waiting_since_ms) == ("billing", "waiting", since)
    assert floor.decision().position == 1
    floor.agent("bob", "billing", capacity=20)
    assert floor.holder(1) == ("assigned", "bob")


def test_an_unknown_queue_falls_to_the_default_and_says_so() -> None:
    floor = Floor(auto("default", "billing"))
    floor.ask(1, queue="biling")
    assert floor.work(1).queue == "default"
    assert floor.decision().notes == ("unknown_queue:biling",)


def test_the_giver_does_not_get_it_back_while_somebody_else_is_there() -> None:
    floor = Floor(auto("default", "billing", forget_decline_s=100))
    floor.agent("ann", "default", "billing")
    floor.agent("bob", "billing")
    floor.declare("bob", "busy")
    floor.ask(1)
    floor.ask(1, queue="billing", trigger="transferred", exclude=("ann",))
    assert floor.holder(1) == ("waiting", None)
    assert floor.decision().counts == {"busy": 1, "excluded": 1}
    floor.wait(99)
    assert floor.holder(1) == ("waiting", None)
    floor.wait(1)
    assert floor.holder(1) == ("assigned", "ann")


def test_the_giver_gets_it_back_when_there_is_nobody_else() -> None:
    floor = Floor(auto("default", "billing"))
    floor.agent("ann", "default", "billing")
    floor.agent("bob", "billing", here=False)
    floor.ask(1)
    floor.ask(1, queue="billing", trigger="transferred", exclude=("ann",))
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.work(1).queue == "billing"


def test_the_giver_may_take_it_back_by_hand() -> None:
    floor = Floor(auto("default", "billing"))
    floor.agent("ann", "default", "billing")
    floor.agent("bob", "billing", capacity=0)
    floor.ask(1)
    floor.ask(1, queue="billing", trigger="transferred")
    assert floor.decision().counts == {"excluded": 1, "no_capacity": 1}
    assert floor.claim(1, "ann") is None


def test_a_small_queue_is_listed_whole() -> None:
    floor = Floor(auto())
    for number in range(30):
        floor.agent(f"a{number:02}")
    for number in range(5):
        floor.declare(f"a{number:02}", "busy")
    floor.agent("off", here=False)
    floor.agent("other", "elsewhere")
    floor.ask(1)
    decision = floor.decision()
    assert [c.agent for c in decision.considered[:25]] == [f"a{number:02}" for number in range(5, 30)]
    assert len(decision.considered) == 31 and not decision.truncated
    assert decision.counts == {"eligible": 25, "busy": 5, "offline": 1, "not_in_queue": 1}


def test_a_large_queue_is_cut_but_counted_whole() -> None:
    floor = Floor(auto())
    for number in range(70):
        floor.agent(f"a{number:02}")
    for number in range(50):
        floor.declare(f"a{number:02}", "busy")
    floor.ask(1)
    decision = floor.decision()
    assert decision.truncated
    assert len(decision.considered) == 10
    assert [c.agent for c in decision.considered[:5]] == [f"a{number}" for number in range(50, 55)]
    assert all(c.ruled_out == "busy" for c in decision.considered[5:])
    assert decision.counts == {"busy": 50, "eligible": 20}
    told = floor.told(WorkAssigned)[0].decision
    assert told == decision


def test_conversations_are_told_the_first_ten() -> None:
    floor = Floor(auto())
    for number in range(30):
        floor.agent(f"a{number:02}")
    floor.ask(1)
    told, decision = floor.told(WorkAssigned)[0].decision, floor.decision()
    assert told is not None and (told.id, told.truncated, told.counts) == (decision.id, True, decision.counts)
    assert len(decision.considered) == 30 and told.considered == decision.considered[:10]


def test_the_decision_is_kept_and_named_and_sent() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.wait(7)
    floor.ask(1)
    decision = floor.decision()
    assert floor.store["d:main"].lists["why", cv(1)] == [decision.id]
    assert floor.store["d:main"].get(DECISIONS, decision.id) == decision
    assert floor.told(WorkOffered)[0].decision == decision
    assert decision.considered == (Considered("ann", None, 100, 7),)
    assert (decision.weight, decision.trigger, decision.outcome) == (20, "work_arrived", "offered")
