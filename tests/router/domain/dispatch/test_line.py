"""The waiting line: in order, and nothing that nobody can serve holds up what somebody can."""

from __future__ import annotations

from contracts.codec import moment
from contracts.commands import WorkOffered
from contracts.events import DecisionMade
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule
from router.domain.dispatch.queries import position, summaries, waiting
from router.domain.dispatch.tables import AGENTS, WORK
from tests.router.domain.dispatch.floor import Floor, auto, cv


def test_oldest_first_whoever_asked_first() -> None:
    floor = Floor(auto())
    now = floor.store.now_ms
    for number, age in ((1, 5), (2, 50), (3, 20)):
        floor.ask(number, since=moment(now - age * 1000))
    floor.agent("ann", capacity=20)
    order = []
    for _ in range(3):
        held = floor.state("ann").work[0]
        order.append(held)
        floor.release(held.removeprefix("cv_01_"))
    assert order == [cv(2), cv(3), cv(1)]


def test_priority_before_age() -> None:
    floor = Floor(auto())
    floor.ask(1)
    floor.ask(2, priority=10)
    assert floor.decision().position == 1
    floor.agent("ann", capacity=20)
    assert floor.holder(2) == ("assigned", "ann")


def test_an_unservable_head_holds_up_nobody() -> None:
    floor = Floor(auto())
    floor.agent("ann", capacity=50)
    floor.ask(1, channel_class="voice")
    floor.ask(2, channel_class="chat")
    assert floor.holder(2) == ("assigned", "ann")
    floor.ask(3, channel_class="chat")
    floor.ask(4, channel_class="email")
    assert floor.holder(4) == ("assigned", "ann")


def test_work_one_agent_declined_does_not_hold_up_what_is_behind_it() -> None:
    floor = Floor()
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.decline(1, "ann")
    floor.ask(2)
    assert floor.holder(2) == ("offered", "ann")
    floor.decline(2, "ann")
    floor.ask(3)
    assert floor.holder(3) == ("offered", "ann")


def test_the_oldest_over_all_queues_of_the_agent() -> None:
    floor = Floor(auto("a", "b", default_queue="a"))
    floor.ask(1, queue="b")
    floor.wait(1)
    floor.ask(2, queue="a")
    floor.agent("ann", "a", "b", capacity=20)
    assert floor.holder(1) == ("assigned", "ann")


def test_waiting_conversations_are_told_their_position() -> None:
    floor = Floor(auto("a", "b", default_queue="a"))
    for number in (1, 2, 3):
        floor.ask(number)
    floor.ask(4, queue="b")
    told = floor.told(WorkOffered)
    assert [(command.agent, command.queue, command.decision.position) for command in told] == [
        (None, "a", 1),
        (None, "a", 2),
        (None, "a", 3),
        (None, "b", 1),
    ]


def test_news_may_move_it() -> None:
    policy = Policy(
        queues=(Queue("default"), Queue("billing")),
        rules=(Rule("money", Match(words=("invoice",)), queue="billing"),),
    )
    floor = Floor(policy)
    floor.ask(1)
    before = floor.work(1)
    floor.told(WorkOffered)
    floor.wait(5)
    floor.ask(1)
    assert floor.told(WorkOffered) == []
    floor.ask(1, text="my invoice")
    work = floor.work(1)
    assert (work.queue, work.line_key) == ("billing", before.line_key)
    assert [command.queue for command in floor.told(WorkOffered)] == ["billing"]


def test_a_new_policy_moves_what_waits() -> None:
    floor = Floor(auto("default", "night"))
    floor.ask(1, queue="night")
    floor.ask(2)
    floor.agent("ann", "default", here=False)
    floor.told(WorkOffered)
    rules = (Rule("all", queue="day"),)
    floor.publish(Policy(version="2", queues=(Queue("day"), Queue("default")), rules=rules))
    assert floor.work(1).queue == "default"
    assert floor.work(2).queue == "day"
    told = floor.told(WorkOffered)
    assert [(command.conversation, command.queue, command.decision.notes) for command in told] == [
        (cv(1), "default", ("unknown_queue:night",)),
        (cv(2), "day", ()),
    ]
    assert {command.decision.policy for command in told} == {"2"}


def test_an_offer_out_of_a_queue_that_is_gone_comes_back_to_the_default() -> None:
    floor = Floor(Policy(queues=(Queue("default"), Queue("night"))))
    floor.agent("ann", "night")
    floor.ask(1, queue="night")
    floor.publish(Policy(version="2"))
    assert floor.holder(1) == ("offered", "ann")
    floor.decline(1, "ann")
    assert floor.work(1).queue == "default"


def test_a_wrong_policy_is_refused_and_changes_nothing() -> None:
    floor = Floor(auto())
    problem = floor.publish(Policy(queues=(Queue("sales"),), default_queue="sale"))
    assert problem is not None and problem.kind == "invalid"
    assert "policy.default_queue" in problem.sentence and "'sales'" in problem.sentence


def test_queries_over_rows() -> None:
    floor = Floor(auto("a", "b", default_queue="a"))
    floor.agent("ann", "a", capacity=20)
    floor.agent("bob", "a", "b", here=False)
    since = moment(floor.store.now_ms)
    for number in (1, 2, 3):
        floor.ask(number)
        floor.wait(1)
    work = floor.store.rows(WORK).values()
    first, second = summaries(auto("a", "b", default_queue="a"), floor.store.rows(AGENTS).values(), work)
    assert (first.queue, first.waiting, first.assigned, first.agents, first.available) == ("a", 2, 1, 2, 1)
    assert first.oldest is not None and (first.oldest - since).total_seconds() == 1
    assert (second.queue, second.waiting, second.agents, second.available, second.oldest) == ("b", 0, 1, 0, None)
    assert [item.conversation for item in waiting(work, "a")] == [cv(2), cv(3)]
    assert position(work, cv(3)) == 2
    assert position(work, cv(1)) is None
    assert position(work, cv(99)) is None


def test_a_new_policy_gives_out_what_fits_now_oldest_first() -> None:
    floor = Floor(auto("a", "b", default_queue="a"))
    floor.agent("ann", "a", "b", capacity=20)
    for number, queue in ((1, "a"), (2, "b"), (3, "a"), (4, "b")):
        floor.ask(number, queue=queue)
        floor.wait(1)
    assert floor.holder(2) == ("waiting", None)
    floor.release(1)
    floor.publish(auto("a", "b", default_queue="a", version="2", classes={"chat": ChannelClass(0)}))
    assert [floor.holder(number)[1] for number in (2, 3, 4)] == ["ann", "ann", "ann"]
    decisions = [event.decision for event in floor.events(DecisionMade)][-2:]
    assert [(decision.conversation, decision.trigger) for decision in decisions] == [
        (cv(3), "policy_changed"),
        (cv(4), "policy_changed"),
    ]
