"""Work is stranded exactly when it is said to be: examples in words, and random policies against a plain world."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contracts.agent import Agent
from contracts.commands import Facts
from contracts.policy import Calendar, ChannelClass, Match, Need, Overflow, Policy, Queue, Relax, Rule
from router.domain.dispatch.classify import Classifier
from router.domain.policy.check import check, errors
from router.domain.policy.kinds import kind_of
from router.domain.policy.strand import Report, strands
from router.domain.policy.walk import World as Walks
from tests.router.domain.policy.world import HOUR_MS, World

NOW = 1_800_000_000_000
"""Friday 2027-01-15, 08:00 UTC."""
CALENDARS = {
    "day": Calendar(week=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-18:00",))),
    "night": Calendar(week=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("20:00-06:00",))),
    "never": Calendar(week={}),
}


def found(agents: Sequence[Agent] | None = (Agent("ann", "Ann"),), **policy: Any) -> Report:
    made = Policy(**{"calendars": CALENDARS, **policy})
    assert errors(made) == []
    return strands(made, agents, NOW, ("chat",))


GOLD = Rule("gold", Match(tags=("vip",)), queue="default", skills=(Need("gold", 3),))


@pytest.mark.parametrize(
    ("agents", "policy", "says"),
    [
        ([], {}, "A chat at 2027-01-15T08:00:00.000Z would wait for ever in 'default': no enabled agent serves it"),
        ([Agent("a", "A", enabled=False)], {}, "no enabled agent serves it"),
        (
            [Agent("a", "A", skills={"gold": 2})],
            {"rules": (GOLD,)},
            "A chat tagged 'vip' at 2027-01-15T08:00:00.000Z would wait for ever in 'default': nobody who serves it "
            "has what is asked for (gold 3), not even after every step of relaxation",
        ),
        ([Agent("a", "A", capacity=10)], {}, "it costs 20 units, and nobody who could have it has so many"),
        ([Agent("a", "A", limits={"chat": 0})], {}, "limited to no chat at all"),
        (
            [Agent("a", "A", shift="night")],
            {"queues": (Queue("default", hours="day"),)},
            "whoever could have it never works while the queue is open",
        ),
        (
            [Agent("a", "A", shift="day")],
            {"classes": {"chat": ChannelClass(expected_s=10 * 3600)}},
            "it takes longer than the shifts of all who could have it",
        ),
        ([Agent("a", "A")], {"queues": (Queue("default", hours="never"),)}, "the queue never opens"),
        (None, {"queues": (Queue("default", hours="never"),)}, "the queue never opens"),
        (
            [Agent("a", "A")],
            {
                "queues": (
                    Queue("default", hours="day", overflow=(Overflow("closed", "queue", queue="shut"),)),
                    Queue("shut", hours="never"),
                )
            },
            "in 'shut': no enabled agent serves it",
        ),
    ],
)
def test_stranded(agents: list[Agent] | None, policy: dict[str, Any], says: str) -> None:
    report = found(agents, **policy)
    assert len(report.strands) == 1
    assert says in report.strands[0].sentence


def test_the_way_is_told_step_by_step() -> None:
    queues = (
        Queue("default", overflow=(Overflow("waited", "queue", 3600, "shut"),)),
        Queue("shut", hours="never"),
    )
    rule = Rule("vip", Match(tags=("vip",)), skills=(Need("gold", 2),), relax=(Relax(7200, levels={"gold": 1}),))
    (strand,) = found([Agent("a", "A")], queues=queues, rules=(rule,)).strands
    assert strand.story == (
        "no rule decides, so the default queue gets it ('vip' held before)",
        "2027-01-15T08:00:00.000Z it comes to 'default'",
        "2027-01-15T09:00:00.000Z after 3600 s it goes on to 'shut'",
        "2027-01-15T10:00:00.000Z less is asked for (1 of 1 steps)",
        "in 'shut' it stays for ever",
    )
    assert (strand.example.tags, strand.queue, strand.why) == (("vip",), "shut", "nobody")


@pytest.mark.parametrize(
    ("agents", "policy"),
    [
        ([Agent("a", "A")], {}),
        ([Agent("a", "A", skills={"gold": 3})], {"rules": (GOLD,)}),
        ([Agent("a", "A", queues=(), teams=("t",))], {"queues": (Queue("default", teams=("t",)),)}),
        ([Agent("a", "A")], {"rules": (Rule("r", skills=(Need("x", required=False),)),)}),
        ([Agent("a", "A")], {"rules": (Rule("r", skills=(Need("x"),), relax=(Relax(60, drop=("*",)),)),)}),
        (
            [Agent("a", "A", queues=("two",))],
            {"queues": (Queue("default"), Queue("two")), "rules": (Rule("r", relax=(Relax(60, queues=("two",)),)),)},
        ),
        ([Agent("a", "A", shift="night")], {"queues": (Queue("default"),)}),
        ([], {"queues": (Queue("default", overflow=(Overflow("unstaffed", "resolve"),)),)}),
        (
            [Agent("a", "A", queues=("two",))],
            {"queues": (Queue("default", overflow=(Overflow("unstaffed", "mail", queue="two"),)), Queue("two"))},
        ),
    ],
)
def test_not_stranded(agents: list[Agent], policy: dict[str, Any]) -> None:
    report = found(agents, **policy)
    # A queue that nothing leads to is asked about by nobody.
    assert (report.strands, report.complete) == ((), True)


def test_day_and_night_that_send_to_each_other_strand_nothing() -> None:
    calendars = {"day": Calendar(week=None, closed=()), "late": Calendar(week={})}
    queues = (
        Queue("default", hours="day", overflow=(Overflow("closed", "queue", queue="late"),)),
        Queue("late", hours="late", overflow=(Overflow("closed", "queue", queue="default"),)),
    )
    assert found([Agent("a", "A", queues=("default", "late"))], queues=queues, calendars=calendars).strands == ()


def test_queues_that_are_closed_at_once_and_send_to_each_other_are_a_warning() -> None:
    queues = (
        Queue("default", hours="day", overflow=(Overflow("closed", "queue", queue="late"),)),
        Queue("late", hours="night", overflow=(Overflow("closed", "queue", queue="default"),)),
    )
    calendars = {name: CALENDARS[name] for name in ("day", "night")}
    told = [str(problem) for problem in check(Policy(queues=queues, calendars=calendars), at_ms=NOW)]
    assert told == [
        "policy.queues[0].overflow[0].queue: this can lead back: 'default' when it is closed to 'late', 'late' when it "
        "is closed to 'default', and so on, for example at 2027-01-15T08:00:00.000Z"
    ]


def test_a_policy_with_very_many_kinds_says_that_it_did_not_see_all() -> None:
    rules = tuple(
        Rule(
            f"r{number}", Match(channels=(f"c{number}",), tags=(f"t{number}",), words=(f"w{number}",)), queue="default"
        )
        for number in range(60)
    )
    heavy = Rule("heavy", Match(channels=("c7",), words=("w7",), languages=("ja",)), queue="default", weight=500)
    report = found(rules=(heavy, *rules))
    assert not report.complete
    assert [strand.rule for strand in report.strands] == ["heavy"]


# -- against a plain world -------------------------------------------------------------------------------------------

NAMES = ("default", "one", "two")
CHANNELS = ("line", "mail", "other")
hours = st.sampled_from((None, None, "day", "night", "never"))
overflows = st.builds(
    Overflow,
    when=st.sampled_from(("closed", "waited", "unstaffed")),
    do=st.sampled_from(("queue", "queue", "message", "mail", "resolve")),
    at=st.sampled_from((3600, 7200)),
    queue=st.sampled_from(NAMES),
)
matches = st.builds(
    Match,
    channels=st.sampled_from(((), ("line",), ("line", "mail"))),
    tags=st.sampled_from(((), ("vip",))),
    open=st.sampled_from(((), (), ("day",))),
)
needs = st.builds(Need, skill=st.sampled_from(("gold", "tea")), level=st.integers(1, 3), required=st.booleans())
steps = st.builds(
    Relax,
    after_s=st.sampled_from((3600, 10_800)),
    levels=st.sampled_from(({}, {"gold": 1})),
    drop=st.sampled_from(((), ("tea",), ("*",))),
    queues=st.sampled_from(((), ("two",))),
)
agents = st.lists(
    st.builds(
        Agent,
        id=st.sampled_from("abc"),
        name=st.just("A"),
        queues=st.sampled_from((("default",), ("one", "two"), ("default", "one", "two"))),
        capacity=st.sampled_from((10, 100)),
        limits=st.sampled_from(({}, {}, {"chat": 0})),
        skills=st.dictionaries(st.sampled_from(("gold", "tea")), st.integers(1, 3)),
        enabled=st.sampled_from((True, True, False)),
        shift=st.sampled_from((None, None, "day", "night")),
    ),
    max_size=3,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    def queue(name: str) -> Queue:
        return Queue(name, hours=draw(hours), overflow=tuple(draw(st.lists(overflows, max_size=2))))

    def rule(number: int) -> Rule:
        return Rule(
            f"r{number}",
            draw(matches),
            queue=draw(st.sampled_from((None, *NAMES))),
            unless=draw(st.sampled_from((None, None, Match(tags=("vip",)), Match(closed=("night",))))),
            skills=tuple(draw(st.lists(needs, max_size=2, unique_by=lambda need: need.skill))),
            relax=tuple(sorted(draw(st.lists(steps, max_size=2)), key=lambda step: step.after_s)),
            weight=draw(st.sampled_from((None, None, 50))),
        )

    return Policy(
        queues=tuple(queue(name) for name in NAMES),
        rules=tuple(rule(number) for number in range(draw(st.integers(0, 3)))),
        calendars=CALENDARS,
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), agents, st.sampled_from(CHANNELS), st.sampled_from(((), ("vip",))), st.integers(0, 168))
def test_each_way_leads_where_it_leads_in_the_plain_world(
    policy: Policy, people: list[Agent], channel: str, tags: tuple[str, ...], hour: int
) -> None:
    assume(not errors(policy))
    facts = Facts(channel, "site", "chat", "ct_01_1", tags=tags)
    kind = kind_of(policy, Classifier(policy), facts, NOW + hour * HOUR_MS)
    end = Walks(policy, people).walk(kind, "chat")
    assert (end.why is None) == World(policy, people).ends(facts, kind.at_ms), end


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), agents)
def test_what_is_said_is_so(policy: Policy, people: list[Agent]) -> None:
    assume(not errors(policy))
    report = strands(policy, people, NOW, ("chat",))
    world = World(policy, people)
    for strand in report.strands:
        assert not world.ends(strand.example, strand.at_ms), strand
    if report.complete and not report.strands:
        for channel, tags, hour in product(CHANNELS, ((), ("vip",)), range(0, 168, 7)):
            facts = Facts(channel, "site", "chat", "ct_01_1", tags=tags)
            assert world.ends(facts, NOW + hour * HOUR_MS), (facts, hour)
