"""What is wrong with a policy, before it takes effect: each problem with its place and, if there is one, a remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Literal

import msgspec

from contracts.agent import Agent
from contracts.policy import Match, Policy, Rule
from router.domain.dispatch.cost import Costs


class PolicyProblem(msgspec.Struct, frozen=True):
    """``path`` as one would write it, for example ``policy.rules[2].queue``. An ``error`` keeps the policy out."""

    path: str
    sentence: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


def check(policy: Policy, agents: Sequence[Agent] | None = None) -> list[PolicyProblem]:
    """All problems, errors first. With ``agents``, also whether somebody can serve each queue."""
    looks: list[Callable[[Policy], Iterator[PolicyProblem]]] = [_names, _queues, _numbers, _rules, _unreachable]
    problems = [problem for look in looks for problem in look(policy)]
    if agents is not None:
        problems += [*_strange_agents(policy, agents), *_unserved(policy, agents), *_too_heavy(policy, agents)]
    return sorted(problems, key=lambda problem: problem.level)


def errors(policy: Policy) -> list[PolicyProblem]:
    """Only what keeps it out."""
    return [problem for problem in check(policy) if problem.level == "error"]


def _names(policy: Policy) -> Iterator[PolicyProblem]:
    if not policy.queues:
        yield PolicyProblem("policy.queues", "there is no queue; work would have nowhere to wait")
    for kind, names in (("queues", [q.name for q in policy.queues]), ("rules", [r.name for r in policy.rules])):
        counted = Counter(names)
        for place, name in enumerate(names):
            if not name.strip():
                yield PolicyProblem(f"policy.{kind}[{place}].name", "the name is empty")
            elif counted[name] > 1 and names.index(name) != place:
                yield PolicyProblem(f"policy.{kind}[{place}].name", f"{name!r} is there twice")


def _queues(policy: Policy) -> Iterator[PolicyProblem]:
    if policy.queues and policy.default_queue not in _queue_names(policy):
        yield PolicyProblem("policy.default_queue", _no_queue(policy, policy.default_queue))
    for place, rule in enumerate(policy.rules):
        if rule.queue is not None and rule.queue not in _queue_names(policy):
            yield PolicyProblem(f"policy.rules[{place}].queue", _no_queue(policy, rule.queue))


def _numbers(policy: Policy) -> Iterator[PolicyProblem]:
    for name in ("presence_grace_s", "forget_decline_s"):
        if getattr(policy, name) < 0:
            yield PolicyProblem(f"policy.{name}", "must not be negative")
    for place, queue in enumerate(policy.queues):
        if queue.offer_timeout_s < 1:
            yield PolicyProblem(f"policy.queues[{place}].offer_timeout_s", "must be at least 1 second")
    for name, costs in policy.classes.items():
        if costs.weight < 0:
            yield PolicyProblem(f"policy.classes.{name}.weight", "must not be negative")
        if costs.limit is not None and costs.limit < 0:
            yield PolicyProblem(f"policy.classes.{name}.limit", "must not be negative")
    for place, rule in enumerate(policy.rules):
        if rule.priority is not None and not -100 <= rule.priority <= 100:
            yield PolicyProblem(f"policy.rules[{place}].priority", "must be from -100 to 100")


def _rules(policy: Policy) -> Iterator[PolicyProblem]:
    for place, rule in enumerate(policy.rules):
        for field in Match.__struct_fields__:
            value = getattr(rule.when, field)
            if isinstance(value, tuple) and any(not text.strip() for text in value):
                yield PolicyProblem(f"policy.rules[{place}].when.{field}", "an empty text would match everything")
        if rule.queue is None and rule.priority is None and not rule.tags:
            yield PolicyProblem(f"policy.rules[{place}]", "it says neither queue, priority nor tags", "warning")


def _unreachable(policy: Policy) -> Iterator[PolicyProblem]:
    """A rule behind one that decides whatever this one could match."""
    for place, rule in enumerate(policy.rules):
        before = next((other for other in policy.rules[:place] if other.queue and _covers(other, rule)), None)
        if before is not None:
            sentence = f"never reached: {before.name!r} before it decides everything that it could match"
            yield PolicyProblem(f"policy.rules[{place}]", sentence, "warning")


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether each condition of ``wide`` also stands in ``narrow``, there no wider."""
    if wide.unless is not None:
        return False
    return all(
        not (values := getattr(wide.when, field))
        or (own := getattr(narrow.when, field)) == values
        or (isinstance(own, tuple) and bool(own) and set(own) <= set(values))
        for field in Match.__struct_fields__
    )


def _strange_agents(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    for place, agent in enumerate(agents):
        for number, name in enumerate(agent.queues):
            if name not in _queue_names(policy):
                yield PolicyProblem(f"agents[{place}].queues[{number}]", _no_queue(policy, name))
        if agent.capacity < 0:
            yield PolicyProblem(f"agents[{place}].capacity", "must not be negative")


def _unserved(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    served = {name for agent in agents if agent.enabled for name in agent.queues}
    for place, queue in enumerate(policy.queues):
        if queue.name not in served:
            yield PolicyProblem(f"policy.queues[{place}]", f"no enabled agent serves {queue.name!r}", "warning")


def _too_heavy(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    """A class that the policy names and that fits nobody even when they are idle."""
    largest = max((agent.capacity for agent in agents if agent.enabled), default=0)
    costs = Costs(policy)
    for name in policy.classes:
        if agents and costs.weight(name) > largest:
            sentence = f"costs {costs.weight(name)} units, and no agent has more than {largest}"
            yield PolicyProblem(f"policy.classes.{name}.weight", sentence, "warning")


def _queue_names(policy: Policy) -> list[str]:
    return [queue.name for queue in policy.queues]


def _no_queue(policy: Policy, name: str) -> str:
    near = get_close_matches(name, _queue_names(policy), 1)
    return f"there is no queue {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
