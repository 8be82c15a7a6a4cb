"""Offers: one winner, declines remembered, the original place kept."""

from __future__ import annotations

from contracts.codec import moment
from contracts.commands import AcceptOffer, TimerDue, WorkAssigned, WorkOffered, WorkReturned
from contracts.events import OfferAccepted, OfferDeclined, OfferExpired, OfferMade, OfferWithdrawn, WorkEscalated
from contracts.policy import Policy, Queue
from tests.router.domain.dispatch.floor import Floor, auto, cv
from tests.router.domain.memory import MemoryTurn


def test_work_is_offered_and_accepted() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    offered = floor.told(WorkOffered)[0]
    assert (offered.agent, offered.queue, offered.conversation) == ("ann", "default", cv(1))
    assert floor.state("ann").used == 20
    assert floor.accept(1, "ann") is None
    assert floor.told(WorkAssigned) == [WorkAssigned(conversation=cv(1), agent="ann", queue="default")]
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.state("ann").used == 20
    assert floor.state("ann").work == (cv(1),)
    assert [event.agent for event in floor.events(OfferMade)] == ["ann"]
    assert [(event.agent, event.conversation, event.contact) for event in floor.events(OfferAccepted)] == [
        ("ann", cv(1), "ct_01_1")
    ]


def test_only_the_one_it_is_offered_to_can_accept_and_only_once() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    floor.agent("bob")
    for agent, number in (("bob", 1), ("nobody", 1), ("ann", 2)):
        problem = floor.accept(number, agent)
        assert problem is not None and problem.kind == "conflict"
    assert floor.accept(1, "ann") is None
    for agent in ("ann", "bob"):
        problem = floor.accept(1, agent)
        assert problem is not None and problem.kind == "conflict"
    assert floor.holder(1) == ("assigned", "ann")


def test_an_expired_offer_cannot_be_accepted_even_before_its_timer_was_handled() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    floor.store.now_ms += 30_000
    problem = floor.accept(1, "ann")
    assert problem is not None and "expired" in problem.sentence


def test_a_declined_offer_goes_to_the_next_and_comes_back_when_forgotten() -> None:
    floor = Floor(Policy(forget_decline_s=100))
    floor.agent("ann")
    floor.agent("bob")
    floor.ask(1)
    floor.decline(1, "ann")
    assert floor.holder(1) == ("offered", "bob")
    floor.decline(1, "bob")
    assert floor.holder(1) == ("waiting", None)
    assert floor.decision().counts == {"declined": 2}
    assert floor.state("ann").used == floor.state("bob").used == 0
    floor.wait(99)
    assert floor.holder(1) == ("waiting", None)
    floor.wait(1)
    assert floor.holder(1) == ("offered", "ann")
    assert floor.decision().trigger == "decline_forgotten"
    assert len(floor.events(OfferDeclined)) == 2


def test_an_offer_times_out() -> None:
    floor = Floor(Policy(queues=(Queue("default", offer_timeout_s=5),)))
    floor.agent("ann")
    floor.agent("bob")
    floor.ask(1)
    floor.wait(5)
    assert floor.holder(1) == ("offered", "bob")
    assert floor.decision().trigger == "timed_out"
    assert [event.agent for event in floor.events(OfferExpired)] == ["ann"]
    floor.wait(5)
    assert floor.holder(1) == ("waiting", None)


def test_declined_work_keeps_its_place() -> None:
    floor = Floor()
    floor.agent("ann", capacity=20)
    for number in (1, 2, 3):
        floor.ask(number)
        floor.wait(1)
    before = floor.work(1)
    floor.decline(1, "ann")
    assert floor.holder(2) == ("offered", "ann")
    assert floor.work(1).line_key == before.line_key
    assert floor.decision().conversation == cv(2)
    floor.agent("bob", capacity=20)
    assert floor.holder(1) == ("offered", "bob")


def test_auto_accept_assigns_at_once() -> None:
    floor = Floor(auto())
    floor.agent("ann")
    floor.ask(1)
    assigned = floor.told(WorkAssigned)[0]
    assert assigned.agent == "ann" and assigned.decision is not None
    assert floor.events(OfferMade) == []


def test_an_agent_takes_work_by_hand() -> None:
    floor = Floor()
    floor.agent("ann", capacity=40)
    floor.declare("ann", "busy")
    for number in (1, 2, 3):
        floor.ask(number)
    assert floor.claim(2, "ann") is None
    assert floor.claim(3, "ann") is None
    assert floor.holder(2) == ("assigned", "ann")
    assert floor.decision().reason == "claimed"
    for number, agent, kind in ((1, "ann", "conflict"), (2, "ann", "conflict"), (1, "who", "not_found")):
        problem = floor.claim(number, agent)
        assert problem is not None and problem.kind == kind
    assert floor.state("ann").used == 40


def test_releasing_an_offer_withdraws_it_and_gives_the_place_to_the_next() -> None:
    floor = Floor()
    floor.agent("ann", capacity=20)
    floor.ask(1)
    floor.ask(2)
    floor.release(1)
    assert [event.conversation for event in floor.events(OfferWithdrawn)] == [cv(1)]
    assert floor.holder(2) == ("offered", "ann")
    floor.wait(29)
    assert floor.holder(2) == ("offered", "ann")


def test_releasing_is_repeatable() -> None:
    floor = Floor()
    floor.ask(1)
    assert floor.release(1) is None
    assert floor.release(1) is None


def test_a_thousand_races_have_one_winner_each() -> None:
    """Everybody clicks accept at the same moment, twice, while the offer is on its way to somebody."""
    floor = Floor()
    names = ("ann", "bob", "cy")
    for name in names:
        floor.agent(name, capacity=20)
    clicks = {name: AcceptOffer(conversation=cv(1), agent=name) for name in names}
    for round in range(1000):
        floor.ask(1)
        if round % 3 == 0:
            floor.decline(1, floor.work(1).agent or "")
        order = names[round % 3 :] + names[: round % 3]
        outcomes = [floor.do(clicks[name]) for name in (*order, *order)]
        assert sum(outcome is None for outcome in outcomes) == 1
        assert all(outcome is None or outcome.kind == "conflict" for outcome in outcomes)
        assert sum(floor.state(name).used for name in names) == 20
        floor.release(1)


def test_an_agent_who_is_cut_off_cannot_take_work() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    floor.declare("ann", "busy")
    floor.connect("ann", connected=False)
    floor.wait(30)
    problem = floor.claim(1, "ann")
    assert problem is not None and problem.kind == "conflict"


def test_a_stale_timer_expires_nothing() -> None:
    """The engine drops timers that were moved; a rule that is called all the same must not expire a newer offer."""
    floor = Floor()
    floor.agent("ann")
    floor.ask(1)
    handler = floor.store["d:main"].handler
    turn = MemoryTurn(floor.store["d:main"], floor.store["d:main"].log[-1])
    handler.handle(turn, TimerDue(timer=f"offer:{cv(1)}", due=floor.store.now_ms + 29_999))
    assert turn.events == [] and turn.writes == {}
    handler.handle(turn, TimerDue(timer=f"offer:{cv('unknown')}", due=floor.store.now_ms + 30_000))
    handler.handle(turn, TimerDue(timer="grace:ann", due=floor.store.now_ms + 30_000))
    handler.handle(turn, TimerDue(timer="session:s-ann", due=floor.store.now_ms + 149_999))
    handler.handle(turn, TimerDue(timer="of no kind", due=floor.store.now_ms))
    assert turn.events == []


def test_what_too_many_declined_goes_to_the_queue_for_such_cases_with_its_age() -> None:
    queues = (Queue("default", declines=2, escalate="leads"), Queue("leads", auto_accept=True))
    floor = Floor(Policy(queues=queues))
    for name in ("ann", "bob", "cy"):
        floor.agent(name)
    floor.agent("lea", "leads")
    floor.ask(1)
    since = floor.work(1).waiting_since_ms
    floor.wait(3)
    floor.decline(1, "ann")
    floor.decline(1, "bob")
    assert floor.holder(1) == ("assigned", "lea")
    assert (floor.work(1).queue, floor.work(1).waiting_since_ms) == ("leads", since)
    assert [(event.queue, event.reason) for event in floor.events(WorkEscalated)] == [("leads", "declined")]
    assert floor.decision().trigger == "escalated"


def test_where_there_is_no_such_queue_it_moves_to_the_front_once() -> None:
    floor = Floor(Policy(queues=(Queue("default", declines=1, escalate_priority=20),)))
    floor.agent("ann")
    floor.agent("bob")
    floor.ask(1, priority=3)
    floor.decline(1, "ann")
    floor.decline(1, "bob")
    assert (floor.holder(1), floor.work(1).priority) == (("waiting", None), 23)
    assert len(floor.events(WorkEscalated)) == 1


def test_zero_declines_never_escalate() -> None:
    floor = Floor(Policy(queues=(Queue("default", declines=0),)))
    floor.agent("ann")
    floor.ask(1)
    floor.decline(1, "ann")
    assert floor.events(WorkEscalated) == []


def test_a_transfer_forgets_the_declines_and_the_count_of_them() -> None:
    floor = Floor(Policy(queues=(Queue("default", declines=2), Queue("other"))))
    floor.agent("ann", "default", "other")
    floor.ask(1)
    floor.decline(1, "ann")
    floor.ask(1, trigger="transferred", queue="other")
    assert floor.holder(1) == ("offered", "ann")
    floor.decline(1, "ann")
    assert floor.events(WorkEscalated) == []


def test_who_misses_an_offer_is_set_away_and_loses_the_others() -> None:
    floor = Floor(Policy(queues=(Queue("default", offer_timeout_s=5, missed_sets_away=True),)))
    floor.agent("ann")
    floor.ask(1)
    floor.wait(1)
    floor.ask(2)
    floor.agent("bob", capacity=20)
    floor.wait(4)
    assert floor.state("ann").presence.declared == "away"
    assert (floor.holder(1), floor.holder(2)) == (("offered", "bob"), ("waiting", None))
    assert floor.state("ann").offers == ()
    floor.declare("ann", "online")
    assert floor.holder(2) == ("offered", "ann")


def test_who_gives_work_away_gets_no_turn_before_those_who_wait_longer() -> None:
    floor = Floor(auto("default", "other"))
    floor.agent("ann", "default", "other", capacity=20)
    floor.ask(1)
    floor.wait(5)
    floor.ask(2, since=moment(floor.store.now_ms - 60_000))
    floor.ask(1, trigger="transferred", queue="other")
    assert (floor.holder(2), floor.holder(1)) == (("assigned", "ann"), ("waiting", None))


def test_unanswered_work_goes_to_somebody_else_or_to_the_line() -> None:
    floor = Floor(auto())
    floor.agent("ann")
    floor.agent("bob")
    floor.ask(1)
    floor.ask(1, trigger="unanswered", exclude=("ann",))
    assert floor.holder(1) == ("assigned", "bob")
    assert [told.reason for told in floor.told(WorkReturned)] == ["unanswered"]
    floor.declare("ann", "away")
    floor.ask(1, trigger="unanswered")
    assert floor.holder(1) == ("assigned", "bob")
