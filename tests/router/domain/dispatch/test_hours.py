"""Queue hours: closed queues hand out nothing, opening drains at once, and rules see the moment."""

from __future__ import annotations

from contracts.codec import moment
from contracts.events import DecisionMade
from contracts.policy import Calendar, Match, Overflow, Policy, Queue, Rule
from contracts.streams import DISPATCH
from router.domain.dispatch.queries import summaries
from router.domain.dispatch.tables import AGENTS, HOURS, PACES, WORK
from tests.router.domain.dispatch.floor import Floor, cv
from tests.router.domain.memory import START_MS

# The floor's clock begins on Friday, 2027-01-15 at 08:00 UTC, which is 17:00 in Tokyo.
DAY = Calendar(zone="Asia/Tokyo", week={"fri": ("09:00-17:00", "17:30-18:00"), "sat": ("09:00-12:00",)}, holidays="JP")
HALF_HOUR_S = 1800


def policy(**queue: object) -> Policy:
    desk = Queue("desk", auto_accept=True, hours="day", **queue)  # type: ignore[arg-type]
    night = Queue("night", auto_accept=True)
    return Policy(queues=(desk, night), default_queue="desk", calendars={"day": DAY}, presence_grace_s=10**6)


def test_closed_work_waits_and_says_why() -> None:
    floor = Floor(policy())
    floor.agent("ann", "desk")
    floor.ask(1)
    assert floor.holder(1) == ("waiting", None)
    decision = floor.decision()
    assert (decision.reason, decision.counts, decision.estimate_s) == ("queue_closed", {"eligible": 1}, None)


def test_opening_hands_out_everything_that_waits_in_order_at_once() -> None:
    floor = Floor(policy())
    for name in ("ann", "bob"):
        floor.agent(name, "desk", capacity=40)
    for number in range(6):
        floor.ask(number)
        floor.wait(1)
    floor.wait(HALF_HOUR_S - 6 - 0.001)
    assert {floor.work(number).state for number in range(6)} == {"waiting"}
    floor.wait(0.001)
    assert [floor.work(number).state for number in range(6)] == ["assigned"] * 4 + ["waiting"] * 2
    assert floor.decision().trigger == "hours"
    opened = [each.at for each in floor.events(DecisionMade) if each.decision.trigger == "hours"]
    assert opened == [moment(START_MS + HALF_HOUR_S * 1000)] * 4


def test_nobody_helps_themselves_by_accident_while_it_is_closed() -> None:
    """Neither a freed nor a new agent, nor a decline that is forgotten; by hand, and by name, it goes."""
    floor = Floor(policy())
    floor.ask(1)
    floor.ask(2)
    floor.agent("ann", "desk", "night", capacity=20)
    floor.ask(3, queue="night")
    floor.release(3)
    assert floor.holder(1) == ("waiting", None)
    assert floor.claim(1, "ann") is None
    floor.release(1)
    floor.ask(2, agent="ann", trigger="transferred")
    assert floor.holder(2) == ("assigned", "ann")


def test_one_timer_for_a_calendar_however_many_wait() -> None:
    floor = Floor(policy())
    for number in range(50):
        floor.ask(number)
    assert floor.store[DISPATCH].timers == {"hours:day": START_MS + HALF_HOUR_S * 1000}


def test_closing_leaves_what_waits_and_new_work_is_refused_to_agents() -> None:
    floor = Floor(policy())
    floor.wait(HALF_HOUR_S + 10)
    floor.agent("ann", "desk", capacity=20)
    floor.ask(1)
    assert floor.holder(1) == ("assigned", "ann")
    floor.ask(2)
    floor.wait(HALF_HOUR_S)
    floor.release(1)
    assert floor.holder(2) == ("waiting", None)
    floor.wait(15 * 3600)
    assert floor.holder(2) == ("assigned", "ann"), "Saturday at nine in Tokyo"


def test_a_late_timer_means_the_queue_is_still_as_it_was() -> None:
    """What is decided never depends on the clock between the change and its timer."""
    floor = Floor(policy())
    floor.agent("ann", "desk")
    floor.store.now_ms += HALF_HOUR_S * 1000 + 1
    floor.ask(1)
    assert floor.holder(1) == ("waiting", None)
    floor.wait(0)
    assert floor.holder(1) == ("assigned", "ann")


def test_a_round_the_clock_queue_and_one_without_hours_need_no_timer() -> None:
    always = Policy(queues=(Queue("default", auto_accept=True, hours="always"),), calendars={"always": Calendar()})
    floor = Floor(always)
    floor.agent("ann")
    floor.ask(1)
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.store.rows(HOURS)["always"].open and "hours:always" not in floor.store[DISPATCH].timers


def test_another_policy_opens_and_closes_at_once_and_forgets_calendars_it_lacks() -> None:
    floor = Floor(policy())
    floor.agent("ann", "desk", "night")
    floor.ask(1)
    open_now = Policy(queues=(Queue("desk", auto_accept=True),), default_queue="desk")
    assert floor.publish(open_now) is None
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.store.rows(HOURS) == {} and floor.store[DISPATCH].timers.keys() <= {"session:s-ann"}


def test_rules_see_the_moment() -> None:
    rules = (Rule("evening", Match(closed=("day",)), queue="night"), Rule("day", Match(open=("day",)), queue="desk"))
    plain = policy()
    floor = Floor(Policy(queues=plain.queues, rules=rules, default_queue="desk", calendars=plain.calendars))
    floor.ask(1)
    floor.wait(HALF_HOUR_S)
    floor.ask(2)
    assert (floor.work(1).queue, floor.work(2).queue) == ("night", "desk")


def test_the_list_of_queues_tells_hours_shifts_and_the_wait() -> None:
    floor = Floor(policy(overflow=(Overflow("closed", "message"),)))
    floor.agent("ann", "desk", shift="day")
    floor.agent("bob", "desk", "night")
    floor.ask(1)
    store = floor.store
    rows = (store.rows(AGENTS).values(), store.rows(WORK).values(), store.rows(HOURS), store.rows(PACES))
    desk, night = summaries(policy(), *rows, store.now_ms)
    assert (desk.open, desk.changes_at) == (False, moment(START_MS + HALF_HOUR_S * 1000))
    assert (desk.agents, desk.on_shift, desk.available, desk.estimate_s) == (2, 1, 1, None)
    assert (night.open, night.changes_at, night.on_shift) == (True, None, 1)


def test_a_new_owner_knows_what_is_closed() -> None:
    floor = Floor(policy())
    floor.agent("ann", "desk")
    floor.store.restart(DISPATCH)
    floor.ask(1)
    assert floor.holder(1) == ("waiting", None)
    floor.wait(HALF_HOUR_S)
    assert floor.work(1).agent == "ann" and floor.work(1).conversation == cv(1)
