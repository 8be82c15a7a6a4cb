"""Agents whom a policy does not suit, and what it asks that none of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.agent import Agent
from contracts.policy import Policy
from router.domain.dispatch.cost import Costs
from router.domain.policy.names import Declared
from router.domain.policy.problem import Level, Place, PolicyProblem, nearest, unknown


def strange(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    """What agents say that the policy does not know."""
    declared = Declared.of(policy)
    for number, agent in enumerate(agents):
        for kind, name, place in _names(agent):
            if not declared.has(kind, name):
                level: Level = "warning" if kind == "skill" else "error"
                told = f"{agent.id!r} names it, but {unknown(kind, name, declared.names[kind])}"
                yield PolicyProblem(("agents", number, *place), told, level)
        yield from _numbers(agent, ("agents", number))


def _names(agent: Agent) -> Iterator[tuple[str, str, Place]]:
    yield from (("queue", name, ("queues", number)) for number, name in enumerate(agent.queues))
    yield from (("skill", name, ("skills", name)) for name in agent.skills)
    yield from (("channel class", name, ("limits", name)) for name in agent.limits)
    if agent.shift is not None:
        yield "calendar", agent.shift, ("shift",)


def _numbers(agent: Agent, place: Place) -> Iterator[PolicyProblem]:
    if agent.capacity < 0:
        yield PolicyProblem((*place, "capacity"), "must not be negative")
    elif agent.capacity == 0 and agent.enabled:
        yield PolicyProblem((*place, "capacity"), f"0 units: {agent.id!r} is never given anything", "warning")
    for name, level in agent.skills.items():
        if not 1 <= level <= 5:
            yield PolicyProblem((*place, "skills", name), f"{level} must be from 1 to 5")
    for name, limit in agent.limits.items():
        if limit <= 0:
            yield PolicyProblem((*place, "limits", name), f"{limit}: {agent.id!r} is never given any {name}", "warning")


def unserved(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    """Queues without anybody, and teams that nobody is in."""
    teams = {team for agent in agents for team in agent.teams}
    for number, queue in enumerate(policy.queues):
        if not any(agent.enabled and serves(agent, queue.name, queue.teams) for agent in agents):
            told = f"no enabled agent serves {queue.name!r}"
            yield PolicyProblem(("policy", "queues", number), told, "warning")
        for index, team in enumerate(queue.teams):
            if team not in teams:
                told = f"nobody is in the team {team!r}{nearest(team, teams)}"
                yield PolicyProblem(("policy", "queues", number, "teams", index), told, "warning")


def serves(agent: Agent, queue: str, teams: tuple[str, ...]) -> bool:
    """By naming the queue, or by a team that it names."""
    return queue in agent.queues or not set(teams).isdisjoint(agent.teams)


def too_heavy(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    """Classes and rules whose work fits nobody even when they are idle."""
    if not agents:
        return
    largest = max((agent.capacity for agent in agents if agent.enabled), default=0)
    costs = Costs(policy)
    weights: list[tuple[Place, int]] = [
        (("policy", "classes", name, "weight"), costs.weight(name)) for name in policy.classes
    ]
    weights += [
        (("policy", "rules", number, "weight"), rule.weight)
        for number, rule in enumerate(policy.rules)
        if rule.weight is not None
    ]
    for place, weight in weights:
        if weight > largest:
            yield PolicyProblem(place, f"costs {weight} units, and no agent has more than {largest}", "warning")


def unskilled(policy: Policy, agents: Sequence[Agent]) -> Iterator[PolicyProblem]:
    """Skills that rules require and that nobody has, or not at that level."""
    best: dict[str, int] = {}
    for agent in agents:
        for skill, level in agent.skills.items() if agent.enabled else ():
            best[skill] = max(level, best.get(skill, 0))
    for number, rule in enumerate(policy.rules):
        for index, need in enumerate(rule.skills):
            if best.get(need.skill, 0) >= need.level:
                continue
            place: Place = ("policy", "rules", number, "skills", index)
            if need.skill not in best:
                told = f"nobody has the skill {need.skill!r}{nearest(need.skill, best)}"
                yield PolicyProblem((*place, "skill"), told, "warning")
            else:
                told = f"nobody has {need.skill!r} at level {need.level}; the best has {best[need.skill]}"
                yield PolicyProblem((*place, "level"), told, "warning")
