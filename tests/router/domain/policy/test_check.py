"""What is wrong with a policy is named with its place and the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.agent import Agent
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule
from router.domain.policy.check import check, errors


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


def test_the_plain_policy_is_fine() -> None:
    assert check(Policy(), [Agent("ann", "Ann")]) == []
