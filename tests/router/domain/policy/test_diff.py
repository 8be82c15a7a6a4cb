"""Differences are told by what they mean, and a policy patched by hand has exactly the changes that were made."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import ChannelClass, Match, Need, Overflow, Policy, Queue, Rule
from router.domain.policy.diff import diff

QUEUES = (Queue("default"), Queue("night"))
RULES = tuple(Rule(name, Match(words=(name,)), queue="default") for name in "abcd")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Policy(), Policy(), []),
        (Policy(), Policy(presence_grace_s=60), ["presence_grace_s: 30 becomes 60"]),
        (Policy(classes={"chat": ChannelClass()}), Policy(classes={"chat": ChannelClass(20)}), []),
        (Policy(), Policy(classes={"chat": ChannelClass(5)}), ['classes.chat: added: {"weight":5}']),
        (
            Policy(classes={"chat": ChannelClass(5)}),
            Policy(classes={"chat": ChannelClass(7, 2)}),
            ["classes.chat.weight: 5 becomes 7", "classes.chat.limit: added: 2"],
        ),
        (Policy(queues=QUEUES), Policy(), ['queues.night: removed: {"name":"night"}']),
        (Policy(queues=QUEUES), Policy(queues=QUEUES[::-1]), []),
        (
            Policy(rules=RULES),
            Policy(rules=(RULES[3], *RULES[:3])),
            ["rules.d: moved from place 4 to place 1"],
        ),
        (
            Policy(rules=RULES),
            Policy(rules=(RULES[0], Rule("new", tags=("x",)), *RULES[1:])),
            ['rules.new: added: {"name":"new","tags":["x"]}'],
        ),
        (
            Policy(rules=(Rule("a", skills=(Need("x", 2), Need("y"))),)),
            Policy(rules=(Rule("a", skills=(Need("y"), Need("x", 3))),)),
            ["rules.a.skills.x.level: 2 becomes 3"],
        ),
        (
            Policy(queues=(Queue("default", overflow=(Overflow("closed", "mail"),)),)),
            Policy(queues=(Queue("default", overflow=(Overflow("closed", "callback"), Overflow("full", "mail", 9))),)),
            [
                'queues.default.overflow.1.do: "mail" becomes "callback"',
                'queues.default.overflow.2: added: {"when":"full","do":"mail","at":9}',
            ],
        ),
        (
            Policy(texts={"late": {"en": "Soon"}}),
            Policy(texts={"late": {"en": "Later", "ja": "のち"}}),
            ['texts.late.en: "Soon" becomes "Later"', 'texts.late.ja: added: "のち"'],
        ),
        (Policy(rules=RULES[:1]), Policy(rules=(Rule("a", Match(words=("b",)), queue="default"),)),
         ['rules.a.when.words: ["a"] becomes ["b"]']),
    ],
)  # fmt: skip
def test_changes(before: Policy, after: Policy, said: list[str]) -> None:
    assert [str(change) for change in diff(before, after)] == said


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(6)))
def test_moving_only_what_is_called_moved_gives_the_new_order(order: list[int]) -> None:
    before = [Rule(str(number), queue="default") for number in range(6)]
    after = [before[number] for number in order]
    moved = {change.path.removeprefix("rules.") for change in diff(Policy(rules=(*before,)), Policy(rules=(*after,)))}
    assert [rule for rule in before if rule.name not in moved] == [rule for rule in after if rule.name not in moved]
    assert bool(moved) == (before != after)
