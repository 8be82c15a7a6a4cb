"""Whose decisions stand when another policy comes: what waits by those rules need not be asked about again."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from contracts.policy import Policy, Queue, Rule

_PLAIN: Final = Policy()
_PLAIN_QUEUE: Final = Queue("")
_NOT_ROUTING: Final = ("version", "texts", "presence_grace_s", "forget_decline_s", "rules")
"""What a policy says that no classification looks at; its rules are compared one by one."""
_HANDING_OUT: Final = (
    "order",
    "auto_accept",
    "offer_timeout_s",
    "prefer_previous",
    "prefer_wait_s",
    "proficiency",
    "titles",
    "missed_sets_away",
    "wrap_up_s",
    "idle_after_s",
    "unanswered_s",
    "unanswered",
    "announce",
)
"""What a queue says about handing out and afterwards, not about what comes to it."""


def standing_rules(before: Policy, after: Policy) -> frozenset[str | None]:
    """Names of the rules whose decisions are the same under both; with None when those that no rule decided are too.

    A rule's decision depends on the rules before it and on the rest of the policy, and on nothing behind it.
    """
    if _without_rules(before) != _without_rules(after):
        return frozenset()
    same = _same_beginning(before.rules, after.rules)
    names: set[str | None] = {rule.name for rule in same if rule.queue is not None}
    return frozenset(names | {None}) if len(same) == len(before.rules) == len(after.rules) else frozenset(names)


def _without_rules(policy: Policy) -> Policy:
    plain = {name: getattr(_PLAIN, name) for name in _NOT_ROUTING}
    return replace(policy, **plain, queues=tuple(_only_routing(queue) for queue in policy.queues))


def _only_routing(queue: Queue) -> Queue:
    return replace(queue, **{name: getattr(_PLAIN_QUEUE, name) for name in _HANDING_OUT})


def _same_beginning(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> list[Rule]:
    same: list[Rule] = []
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same.append(one)
    return same
