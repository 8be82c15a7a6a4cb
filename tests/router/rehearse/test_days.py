"""Days made by hand: what comes of them can be said beforehand."""

from __future__ import annotations

from contracts.commands import RequestAgent
from contracts.policy import Announce, Calendar, ChannelClass, Match, Need, Overflow, Policy, Queue, Relax, Rule, Sla
from router.rehearse.compare import changes
from router.rehearse.day import News, Passing, Reaction, Silence
from router.rehearse.measure import figures
from tests.router.domain.dispatch.floor import auto
from tests.router.rehearse.hand import agent, at, case, day, life, rehearsed, s, waited

ONE_AT_A_TIME = {"classes": {"chat": ChannelClass(100)}}


def test_one_agent_serves_one_after_the_other() -> None:
    found = rehearsed(day(agent("ann"), case(1, 0), case(2, 10), case(3, 200)), auto(**ONE_AT_A_TIME))
    assert [waited(found, number) for number in (1, 2, 3)] == [0, 50, 0]
    assert [one.end for one in found.lives] == ["served"] * 3
    assert [one.ended_ms for one in found.lives] == [at(60), at(120), at(260)]
    (ann,) = found.agents
    assert (ann.given, ann.here_ms) == (3, s(3600))
    assert ann.occupancy == 180 / 3600


def test_offers_are_answered_as_the_day_says() -> None:
    reactions = (Reaction(s(3), "decline"), Reaction(0, "miss"), Reaction(s(4)))
    policy = Policy(queues=(Queue("default", offer_timeout_s=20),))
    found = rehearsed(day(agent("ann"), agent("bob"), agent("cyd"), case(1, 0, reactions=reactions)), policy)
    one = life(found, 1)
    assert waited(found, 1) == 3 + 20 + 4
    assert (one.offers, one.declines, one.missed, one.agents) == (3, 1, 1, ["cyd"])


def test_an_offer_accepted_too_late_has_timed_out() -> None:
    policy = Policy(queues=(Queue("default", offer_timeout_s=10),))
    found = rehearsed(day(agent("ann"), agent("bob"), case(1, 0, reactions=(Reaction(s(12)), Reaction(s(1))))), policy)
    assert (waited(found, 1), life(found, 1).missed) == (11, 1)


def test_who_runs_out_of_patience_gives_up() -> None:
    what = day(agent("ann"), case(1, 0), case(2, 1, patience=30), case(3, 2, patience=70))
    found = rehearsed(what, auto(**ONE_AT_A_TIME))
    assert (life(found, 2).end, life(found, 2).ended_ms, life(found, 2).agents) == ("abandoned", at(31), [])
    assert waited(found, 3) == 58
    assert figures(found, 60).all.abandoned == 1


def test_what_nobody_can_serve_is_told_as_never_served() -> None:
    policy = auto(rules=(Rule("gold", Match(tags=("gold",)), skills=(Need("gold"),), queue="default"),))
    told = figures(rehearsed(day(agent("ann"), case(1, 0), case(2, 600, tags=("gold",))), policy), 60)
    assert told.all.never == 1
    (one,) = told.stranded
    assert (one.conversation, one.queue, one.rule, one.waited_s) == ("cv_00_2", "default", "gold", 3000)


def test_an_agent_who_leaves_hands_over() -> None:
    what = day(agent("ann", until=30), agent("bob", since=20), case(1, 0, handle=60))
    found = rehearsed(what, auto())
    one = life(found, 1)
    assert (one.agents, one.handovers, one.ended_ms, one.end) == (["ann", "bob"], 1, at(60), "served")


def test_a_silent_customer_holds_nobody_up_if_the_policy_says_so() -> None:
    quiet = case(1, 0, handle=1000, silences=(Silence(s(100), s(800)),))
    what = day(agent("ann"), quiet, case(2, 50, handle=30))
    held = rehearsed(what, auto(**ONE_AT_A_TIME))
    freed = rehearsed(what, Policy(queues=(Queue("default", auto_accept=True, idle_after_s=60),), **ONE_AT_A_TIME))
    assert (waited(held, 2), waited(freed, 2)) == (950, 100 + 60 - 50)
    assert life(freed, 1).ended_ms == life(held, 1).ended_ms == at(1000)
    assert life(freed, 1).agents == ["ann"]


def test_passed_on_unless_it_is_there_already() -> None:
    wrong = case(1, 0, handle=100, text="invoice", passings=(Passing(s(20), queue="invoices"),))
    what = day(agent("ann", "default"), agent("bob", "invoices"), agent("cyd", "invoices"), wrong)
    plain = auto("default", "invoices")
    better = auto("default", "invoices", rules=(Rule("words", Match(words=("invoice",)), queue="invoices"),))
    assert life(rehearsed(what, plain), 1).agents == ["ann", "bob"]
    assert life(rehearsed(what, better), 1).agents == ["bob"]
    assert figures(rehearsed(what, plain), 60).handovers == 1


def test_wrap_up_holds_the_agent_until_they_say_so() -> None:
    policy = Policy(
        queues=(Queue("default", auto_accept=True, wrap_up_s=100),), classes={"chat": ChannelClass(100)}
    )  # fmt: skip
    runs_out = rehearsed(day(agent("ann"), case(1, 0), case(2, 10)), policy)
    finished = rehearsed(day(agent("ann"), case(1, 0, wrap_ms=s(5)), case(2, 10)), policy)
    assert (waited(runs_out, 2), waited(finished, 2)) == (150, 55)


def test_promises_are_kept_or_not_and_make_it_urgent() -> None:
    slas = {"fast": Sla(first_response_s=100, resolution_s=300, breach_priority=50)}
    policy = auto(slas=slas, rules=(Rule("fast", Match(tags=("fast",)), sla="fast", queue="default"),), **ONE_AT_A_TIME)
    hurried = case(3, 2, tags=("fast",), answers=(s(10),))
    found = rehearsed(day(agent("ann"), case(1, 0, handle=150), case(2, 1, handle=200), hurried), policy)
    one = life(found, 3)
    assert waited(found, 3) == 148  # before the other, who came earlier, and after the promise was broken
    assert (one.first_response, one.resolution, one.answered_ms) == (False, True, at(160))
    kept = rehearsed(day(agent("ann"), hurried), policy)
    assert (life(kept, 3).first_response, figures(kept, 60).all.kept) == (True, 1.0)


def test_an_agent_who_does_not_answer_loses_it() -> None:
    policy = Policy(queues=(Queue("default", auto_accept=True, unanswered_s=30),))
    found = rehearsed(day(agent("ann"), agent("bob"), case(1, 0, handle=100, answers=(None, s(5)))), policy)
    one = life(found, 1)
    assert (one.agents, one.handovers, one.ended_ms) == (["ann", "bob"], 1, at(100))


def test_the_previous_agent_is_the_one_of_this_very_day() -> None:
    again = case("1b", 300, contact="ct_00_1", previous_agent="cyd", returning=True)
    what = day(agent("ann"), agent("bob"), agent("cyd"), case(1, 0), case(2, 10), again)
    assert life(rehearsed(what, auto()), "1b").agents == life(rehearsed(what, auto()), 1).agents


def test_a_conversation_that_comes_again_too_early_is_longer() -> None:
    found = rehearsed(day(agent("ann"), case(1, 0, handle=60), case(1, 30, handle=40)), auto())
    (one,) = found.lives
    assert (one.joined, one.ended_ms) == (1, at(100))


def test_news_of_what_waits_send_it_elsewhere() -> None:
    facts = case(1, 0, tags=("vip",)).facts
    request = RequestAgent(conversation="cv_00_1", facts=facts, waiting_since=None, trigger="enriched")  # type: ignore[arg-type]
    what = day(agent("ann", "vip"), case(1, 0, news=(News(s(40), request),)))
    policy = auto("default", "vip", rules=(Rule("vip", Match(tags=("vip",)), queue="vip"),))
    assert (waited(rehearsed(what, policy), 1), life(rehearsed(what, policy), 1).served_queue) == (40, "vip")


def test_an_agent_sent_away_for_a_missed_offer_comes_back() -> None:
    policy = Policy(queues=(Queue("default", offer_timeout_s=10, missed_sets_away=True),), forget_decline_s=20)
    found = rehearsed(day(agent("ann"), case(1, 0, reactions=(Reaction(0, "miss"), Reaction(s(1))))), policy)
    assert waited(found, 1) == 10 + 300 + 1


OLD = auto("chat", "vip", default_queue="chat", **ONE_AT_A_TIME)
NEW = auto(
    "chat", "vip", default_queue="chat", rules=(Rule("vip", Match(tags=("vip",)), queue="vip"),), **ONE_AT_A_TIME
)
SHOP = day(
    agent("ann", "chat"),
    agent("bob", "vip"),
    case(1, 0),
    case(2, 5, tags=("vip",)),
    case(3, 300),
)


def test_two_policies_differ_where_they_should_and_agree_where_they_should() -> None:
    found = changes(rehearsed(SHOP, OLD), rehearsed(SHOP, NEW))
    assert (found.conversations, found.differing, found.queues, found.agents, found.ends, found.waits) == (
        3, 1, 1, 1, 0, 0,
    )  # fmt: skip
    (one,) = found.all
    assert (one.conversation, one.before.queue, one.after.queue) == ("cv_00_2", "chat", "vip")
    assert (one.before.agent, one.after.agent, one.before.wait_s, one.after.wait_s) == ("ann", "bob", 55, 0)


def test_the_same_policy_twice_makes_no_difference() -> None:
    found = changes(rehearsed(SHOP, OLD), rehearsed(SHOP, OLD))
    assert (found.differing, found.waits, found.all) == (0, 0, [])


def test_relaxing_shortens_the_wait_of_who_needed_it() -> None:
    need = (Need("english", 3),)
    strict = auto(rules=(Rule("english", Match(languages=("en",)), queue="default", skills=need),))
    relaxing = auto(
        rules=(
            Rule("english", Match(languages=("en",)), queue="default", skills=need, relax=(Relax(120, drop=("*",)),)),
        )
    )
    what = day(agent("ann"), case(1, 0, language="en"), case(2, 0, language="ja"))
    assert (waited(rehearsed(what, strict), 1), waited(rehearsed(what, relaxing), 1)) == (None, 120)
    assert waited(rehearsed(what, strict), 2) == waited(rehearsed(what, relaxing), 2) == 0


def test_overflows_are_counted() -> None:
    overflow = (Overflow("waited", "queue", at=60, queue="other"),)
    policy = Policy(queues=(Queue("default", overflow=overflow), Queue("other", auto_accept=True)))
    found = rehearsed(day(agent("ann", "other"), case(1, 0)), policy)
    assert (waited(found, 1), figures(found, 30).overflows) == (60, {"waited:queue": 1})


def test_too_many_declines_are_counted_as_an_escalation() -> None:
    policy = Policy(queues=(Queue("default", declines=2, escalate="leads"), Queue("leads", auto_accept=True)))
    no = (Reaction(s(1), "decline"), Reaction(s(1), "decline"))
    what = day(agent("ann"), agent("bob"), agent("eve", "leads"), case(1, 0, reactions=no))
    found = rehearsed(what, policy)
    assert (life(found, 1).agents, waited(found, 1), figures(found, 60).escalations) == (["eve"], 2, 1)


OFFICE = Calendar(zone="UTC", week={"fri": ("08:30-09:00",)})  # the days begin on a Friday at eight


def test_a_closed_queue_opens_by_the_clock() -> None:
    policy = Policy(queues=(Queue("default", auto_accept=True, hours="office"),), calendars={"office": OFFICE})
    found = rehearsed(day(agent("ann"), case(1, 60), case(2, 60, patience=100)), policy)
    assert (waited(found, 1), life(found, 2).end) == (29 * 60, "abandoned")


def test_who_comes_when_it_is_closed_may_be_turned_away_or_told() -> None:
    away = (Overflow("closed", "resolve", text="closed"),)
    told = (Overflow("closed", "message", text="closed"),)
    for overflow, end, notices in ((away, "turned_away", 0), (told, "served", 1)):
        queue = Queue("default", auto_accept=True, hours="office", overflow=overflow)
        found = rehearsed(day(agent("ann"), case(1, 60)), Policy(queues=(queue,), calendars={"office": OFFICE}))
        assert (life(found, 1).end, found.notices) == (end, notices)
        assert sum(figures(found, 60).overflows.values()) == 1


def test_who_is_offered_a_call_back_does_not_give_up() -> None:
    queue = Queue("default", auto_accept=True, overflow=(Overflow("waited", "callback", at=30),))
    what = day(agent("ann"), case(1, 0, handle=500), case(2, 10, patience=60))
    found = rehearsed(what, Policy(queues=(queue,), **ONE_AT_A_TIME))
    assert (waited(found, 2), figures(found, 60).diverted) == (490, {"callback": 1})


def test_shifts_begin_and_end_by_the_clock() -> None:
    policy = auto(calendars={"office": OFFICE})
    what = day(agent("ann", shift="office"), case(1, 0), case(2, 3590), hours=1.5)
    found = rehearsed(what, policy)
    assert (waited(found, 1), life(found, 2).end) == (1800, "served")
    assert waited(rehearsed(day(agent("ann", shift="office"), case(1, 3601), hours=1.5), policy), 1) is None


def test_announcements_are_counted_and_stop_with_the_wait() -> None:
    queue = Queue("default", auto_accept=True, announce=Announce(first_after_s=10, every_s=60))
    found = rehearsed(
        day(agent("ann"), case(1, 0, handle=100), case(2, 1, handle=100), case(3, 2)),
        Policy(queues=(queue,), **ONE_AT_A_TIME),
    )
    assert found.notices > 0
    assert [waited(found, number) for number in (1, 2, 3)] == [0, 99, 198]
