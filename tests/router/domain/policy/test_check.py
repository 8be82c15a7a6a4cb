"""What is wrong with a policy is named with its place and the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.agent import Agent
from contracts.policy import (
    Announce,
    Calendar,
    ChannelClass,
    Match,
    Need,
    Overflow,
    Policy,
    Queue,
    Relax,
    Rule,
    Sla,
)
from router.domain.policy.check import check, check_beside, errors


@pytest.mark.parametrize(
    ("given", "path", "says"),
    [
        ({"queues": ()}, "policy.queues", "no queue"),
        ({"queues": (Queue("default"), Queue("default"))}, "policy.queues[1].name", "twice"),
        ({"queues": (Queue("default"), Queue(" "))}, "policy.queues[1].name", "empty"),
        ({"default_queue": "defualt"}, "policy.default_queue", "did you mean 'default'?"),
        ({"rules": (Rule("a", queue="defaul"),)}, "policy.rules[0].queue", "did you mean 'default'?"),
        ({"rules": (Rule("a", queue="xyz"),)}, "policy.rules[0].queue", "no queue 'xyz'"),
        ({"rules": (Rule("a", tags=("x",)), Rule("a", tags=("y",)))}, "policy.rules[1].name", "twice"),
        ({"rules": (Rule("a", priority=101),)}, "policy.rules[0].priority", "-100 to 100"),
        ({"rules": (Rule("a", Match(words=("",)), queue="default"),)}, "policy.rules[0].when.words", "empty"),
        ({"presence_grace_s": -1}, "policy.presence_grace_s", "negative"),
        ({"forget_decline_s": -1}, "policy.forget_decline_s", "negative"),
        ({"queues": (Queue("default", offer_timeout_s=0),)}, "policy.queues[0].offer_timeout_s", "at least 1"),
        ({"classes": {"chat": ChannelClass(-1)}}, "policy.classes.chat.weight", "negative"),
        ({"classes": {"chat": ChannelClass(1, -1)}}, "policy.classes.chat.limit", "negative"),
    ],
)
def test_errors(given: dict[str, Any], path: str, says: str) -> None:
    found = errors(Policy(**given))
    assert [problem.path for problem in found] == [path]
    assert says in found[0].sentence


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        (Match(), Match(channels=("line",)), False),
        (Match(channels=("line", "sms")), Match(channels=("line",), words=("x",)), False),
        (Match(channels=("line",)), Match(channels=("line", "sms")), True),
        (Match(channels=("line",), words=("x",)), Match(channels=("line",)), True),
        (Match(channels=("line",)), Match(), True),
    ],
)
def test_unreachable_rules(first: Match, second: Match, reached: bool) -> None:
    policy = Policy(rules=(Rule("one", first, queue="default"), Rule("two", second, queue="default")))
    found = [problem.path for problem in check(policy)]
    assert found == ([] if reached else ["policy.rules[1]"])
    assert errors(policy) == []


def test_a_rule_that_only_tags_hides_nothing() -> None:
    rules = (Rule("one", tags=("x",)), Rule("two", queue="default"))
    assert check(Policy(rules=rules)) == []


def test_agents_are_looked_at_too() -> None:
    policy = Policy(queues=(Queue("default"), Queue("night")), classes={"voice": ChannelClass(100)})
    agents = [Agent("ann", "Ann", ("default", "nihgt"), capacity=50), Agent("bob", "Bob", ("night",), enabled=False)]
    assert [(problem.path, problem.level) for problem in check(policy, agents)] == [
        ("agents[0].queues[1]", "error"),
        ("policy.queues[1]", "warning"),
        ("policy.classes.voice.weight", "warning"),
    ]
    assert "did you mean 'night'?" in str(check(policy, agents)[0])


def test_agents_of_the_service_keep_no_policy_out() -> None:
    policy = Policy(queues=(Queue("default", escalate="nihgt"), Queue("night")))
    agents = [Agent("ann", "Ann", ("default", "nihgt")), Agent("bob", "Bob", ("night",), shift="early")]
    assert [(problem.level, problem.path) for problem in check_beside(policy, agents, NOW)] == [
        ("error", "policy.queues[0].escalate"),
        ("warning", "agents[0].queues[1]"),
        ("warning", "agents[1].shift"),
    ]
    told = "'ann' names it, but there is no queue 'nihgt'; did you mean 'night'?"
    assert check_beside(policy, agents, NOW)[1].sentence == told


def test_the_plain_policy_is_fine() -> None:
    assert check(Policy(), [Agent("ann", "Ann")]) == []


OFFICE = Calendar(week=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-18:00",)))
NEEDS_BILLING = Rule("b", queue="default", skills=(Need("billing", 3),))


def found(policy: Policy, *agents: Agent, at_ms: int | None = None) -> list[tuple[str, str]]:
    return [(problem.path, problem.level) for problem in check(policy, agents or None, at_ms)]


@pytest.mark.parametrize(
    ("given", "path", "says"),
    [
        ({"queues": (Queue("default", hours="offise"),)}, "policy.queues[0].hours", "did you mean 'office'?"),
        (
            {"queues": (Queue("default", sla="godl"),)},
            "policy.queues[0].sla",
            "no promise 'godl'; did you mean 'gold'?",
        ),
        ({"queues": (Queue("default", escalate="dafault"),)}, "policy.queues[0].escalate", "'default'?"),
        (
            {"queues": (Queue("default", overflow=(Overflow("closed", "message", text="colsed"),)),)},
            "policy.queues[0].overflow[0].text",
            "did you mean 'closed'?",
        ),
        (
            {"queues": (Queue("default", overflow=(Overflow("closed", "mail", classes=("chta",)),)),)},
            "policy.queues[0].overflow[0].classes[0]",
            "no channel class 'chta'; did you mean 'chat'?",
        ),
        (
            {"queues": (Queue("default", announce=Announce(classes=("voise",))),)},
            "policy.queues[0].announce.classes[0]",
            "did you mean 'voice'?",
        ),
        ({"rules": (Rule("a", Match(open=("ofice",)), queue="default"),)}, "policy.rules[0].when.open[0]", "'office'?"),
        (
            {"rules": (Rule("a", queue="default", unless=Match(closed=("ofice",))),)},
            "policy.rules[0].unless.closed[0]",
            "'office'?",
        ),
        (
            {"rules": (Rule("a", skills=(Need("biling"),)),), "skills": ("billing",)},
            "policy.rules[0].skills[0].skill",
            "no skill 'biling'; did you mean 'billing'?",
        ),
        (
            {"rules": (Rule("a", tags=("x",), relax=(Relax(5, queues=("nihgt",)),)),)},
            "policy.rules[0].relax[0].queues[0]",
            "no queue 'nihgt'; there are default",
        ),
        ({"slas": {"gold": Sla(60, notice="lat")}}, "policy.slas.gold.notice", "did you mean 'late'?"),
        ({"slas": {"gold": Sla(60, hours="x")}}, "policy.slas.gold.hours", "there are office"),
        ({"slas": {"gold": Sla(0)}}, "policy.slas.gold.first_response_s", "at least 1 second"),
        ({"slas": {"gold": Sla(60, at_risk=1.5)}}, "policy.slas.gold.at_risk", "1.5"),
        ({"calendars": {"office": Calendar("Asia/Tokio")}}, "policy.calendars.office.zone", "Asia/Tokyo"),
        (
            {"calendars": {"office": Calendar(week={"mon": ("9-12",)})}},
            "policy.calendars.office.week.mon[0]",
            "09:00-12:00",
        ),
        ({"rules": (Rule("a", skills=(Need("x", 6),)),)}, "policy.rules[0].skills[0].level", "from 1 to 5"),
        ({"rules": (Rule("a", Match(patterns=("(a",)), queue="default"),)}, "policy.rules[0].when.patterns[0]", "(a"),
        ({"rules": (Rule("a", queue="default", unless=Match()),)}, "policy.rules[0].unless", "never does"),
        (
            {"rules": (Rule("a", skills=(Need("x", 3),), relax=(Relax(9, drop=("x",)), Relax(5, drop=("x",)))),)},
            "policy.rules[0].relax[1].after_s",
            "order of time",
        ),
        (
            {"queues": (Queue("default", overflow=(Overflow("waited", "mail"),)),)},
            "policy.queues[0].overflow[0].at",
            "needs",
        ),
        (
            {"queues": (Queue("default", overflow=(Overflow("full", "mail", 0),)),)},
            "policy.queues[0].overflow[0].at",
            "1",
        ),
        (
            {"queues": (Queue("default", overflow=(Overflow("closed", "queue"),)),)},
            "policy.queues[0].overflow[0].queue",
            "needs the queue",
        ),
        (
            {"queues": (Queue("default", overflow=(Overflow("closed", "queue", queue="default"),)),)},
            "policy.queues[0].overflow[0].queue",
            "into itself",
        ),
        (
            {"classes": {"chat": ChannelClass(exclusive=True, interruptible=True)}},
            "policy.classes.chat.interruptible",
            "too",
        ),
        ({"aging_s": -1}, "policy.aging_s", "negative"),
        (
            {"rules": (Rule("a", Match(attributes={"tier": ()}), queue="default"),)},
            "policy.rules[0].when.attributes.tier",
            "*",
        ),
    ],
)
def test_errors_of_the_larger_words(given: dict[str, Any], path: str, says: str) -> None:
    common: dict[str, Any] = {"calendars": {"office": OFFICE}, "slas": {"gold": Sla(60)}}
    problems = errors(Policy(**{**common, **given}))
    assert [problem.path for problem in problems] == [path]
    assert says in problems[0].sentence


def ring(*ways: Overflow) -> Policy:
    names = ("default", "night")
    return Policy(
        queues=tuple(Queue(name, overflow=(way,)) for name, way in zip(names, ways, strict=True)),
        calendars={"office": OFFICE},
    )


def test_waiting_that_goes_round_is_refused_with_the_way() -> None:
    problems = errors(ring(Overflow("waited", "queue", 60, "night"), Overflow("waited", "queue", 90, "default")))
    assert [str(problem) for problem in problems] == [
        "policy.queues[0].overflow[0].queue: a loop of overflows: 'default' after 60 s to 'night', "
        "'night' after 90 s to 'default', and so on"
    ]


def test_full_queues_that_send_to_each_other_are_a_warning() -> None:
    policy = ring(Overflow("full", "queue", 5, "night"), Overflow("full", "queue", 5, "default"))
    assert found(policy) == [("policy.queues[0].overflow[0].queue", "warning")]


def test_escalation_that_comes_back_is_a_warning() -> None:
    policy = Policy(queues=(Queue("default", escalate="two"), Queue("two", escalate="default")))
    assert found(policy) == [("policy.queues[0].escalate", "warning")]


def test_skills_that_nobody_has() -> None:
    policy = Policy(rules=(NEEDS_BILLING, Rule("c", queue="default", skills=(Need("refnds"),))))
    agents = [Agent("ann", "Ann", skills={"billing": 2, "refunds": 1})]
    told = [str(problem) for problem in check(policy, agents) if "skills" in problem.path]
    assert told == [
        "policy.rules[0].skills[0].level: nobody has 'billing' at level 3; the best has 2",
        "policy.rules[1].skills[0].skill: nobody has the skill 'refnds'; did you mean 'refunds'?",
    ]


def test_teams_shifts_limits_and_levels_of_agents() -> None:
    policy = Policy(queues=(Queue("default", teams=("tokio",)),), calendars={"office": OFFICE}, skills=("billing",))
    ann = Agent("ann", "Ann", teams=("tokyo",), shift="ofice", limits={"chta": 1, "chat": 0}, skills={"biling": 7})
    assert found(policy, ann) == [
        ("agents[0].limits.chta", "error"),
        ("agents[0].shift", "error"),
        ("agents[0].skills.biling", "error"),
        ("agents[0].skills.biling", "warning"),
        ("agents[0].limits.chat", "warning"),
        ("policy.queues[0].teams[0]", "warning"),
    ]


def test_a_team_serves_what_names_it() -> None:
    policy = Policy(queues=(Queue("default", teams=("tokyo",)),))
    assert found(policy, Agent("ann", "Ann", queues=(), teams=("tokyo",))) == []


NOW = 1_800_000_000_000
"""Friday 2027-01-15, 08:00 UTC."""


def test_a_calendar_that_never_opens() -> None:
    assert found(Policy(calendars={"x": Calendar(week={})}), at_ms=NOW) == [("policy.calendars.x.week", "warning")]
    assert found(Policy(calendars={"x": Calendar(week={}, special={"2027-06-01": ("09:00-12:00",)})}), at_ms=NOW) == []


def test_a_promise_whose_time_runs_while_the_queue_is_closed() -> None:
    queues, calendars = (Queue("default", hours="office", sla="gold"),), {"office": OFFICE}
    (problem,) = check(Policy(queues=queues, calendars=calendars, slas={"gold": Sla(36_000)}), at_ms=NOW)
    assert problem.path == "policy.slas.gold.first_response_s"
    assert "closed from 2027-01-15T18:00:00.000Z to 2027-01-18T09:00:00.000Z" in problem.sentence
    assert (
        found(Policy(queues=queues, calendars=calendars, slas={"gold": Sla(36_000, hours="office")}), at_ms=NOW) == []
    )
    assert found(Policy(queues=queues, calendars=calendars, slas={"gold": Sla(4 * 86_400)}), at_ms=NOW) == []


def test_queues_that_take_longer_than_they_promise() -> None:
    queue = Queue("default", sla="gold", prefer_wait_s=90, offer_timeout_s=60)
    assert found(Policy(queues=(queue,), slas={"gold": Sla(60)})) == [
        ("policy.queues[0].prefer_wait_s", "warning"),
        ("policy.queues[0].offer_timeout_s", "warning"),
    ]
    assert found(Policy(queues=(queue,), slas={"gold": Sla(91)})) == []


def test_texts_in_every_language_that_is_spoken() -> None:
    queue = Queue("default", announce=Announce(), titles={"de": "Auskunft"})
    told = [("policy.texts.moved", "warning"), ("policy.texts.position", "warning")]
    assert found(Policy(queues=(queue,))) == told
    assert (
        found(Policy(queues=(queue,), texts={name: {"de": "Platz {position}"} for name in ("position", "moved")})) == []
    )
    assert found(Policy(queues=(Queue("default", announce=Announce()),))) == []


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        (Match(attributes={"tier": ("*",)}), Match(attributes={"tier": ("gold",)}), False),
        (Match(attributes={"tier": ("gold",)}), Match(attributes={"tier": ("gold", "silver")}), True),
        (Match(earlier_at_least=2), Match(earlier_at_least=2, channels=("line",)), False),
        (Match(earlier_at_least=2), Match(), True),
        (Match(patterns=("a+",)), Match(patterns=("a+",), words=("b",)), False),
        (Match(open=("office",)), Match(closed=("office",)), True),
    ],
)
def test_unreachable_by_the_larger_conditions(first: Match, second: Match, reached: bool) -> None:
    rules = (Rule("one", first, queue="default"), Rule("two", second, queue="default"))
    assert found(Policy(rules=rules, calendars={"office": OFFICE})) == (
        [] if reached else [("policy.rules[1]", "warning")]
    )
