"""What is wrong with a policy, before it takes effect: each problem with its place and, if there is one, a remedy.

Whether work can be stranded by it is another question, with an example for an answer: see ``strand.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from contracts.agent import Agent
from contracts.policy import Policy
from router.domain.policy import calendars, loops, names, numbers, people, promises, rules
from router.domain.policy.problem import PolicyProblem

_LOOKS: Final[tuple[Callable[[Policy], Iterator[PolicyProblem]], ...]] = (
    names.twice_or_empty,
    names.undeclared,
    numbers.out_of_range,
    rules.senseless,
    rules.unreachable,
    calendars.faulty,
    loops.loops,
    promises.impatient,
    promises.wordless,
)
_AT_A_MOMENT: Final = (calendars.never_open, promises.impossible, loops.closed_rings)
_WITH_PEOPLE: Final = (people.strange, people.unserved, people.too_heavy, people.unskilled)


def check(policy: Policy, agents: Sequence[Agent] | None = None, at_ms: int | None = None) -> list[PolicyProblem]:
    """All problems, errors first. With ``agents``, also whether the policy suits them; with ``at_ms`` (milliseconds
    since 1970), also what comes of its calendars from that moment on."""
    problems = [problem for look in _LOOKS for problem in look(policy)]
    if at_ms is not None and calendars.usable(policy):
        problems += [problem for see in _AT_A_MOMENT for problem in see(policy, at_ms)]
    if agents is not None:
        problems += [problem for meet in _WITH_PEOPLE for problem in meet(policy, agents)]
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.level)


def check_beside(policy: Policy, agents: Sequence[Agent], at_ms: int) -> list[PolicyProblem]:
    """As ``check``, beside agents whom the service has already: they are no part of the policy and keep none out, so
    what they say that it does not know is a warning."""
    found = [
        replace(problem, level="warning") if problem.place[0] == "agents" else problem
        for problem in check(policy, agents, at_ms)
    ]
    return sorted(dict.fromkeys(found), key=lambda problem: problem.level)


def errors(policy: Policy) -> list[PolicyProblem]:
    """Only what keeps it out."""
    return [problem for problem in check(policy) if problem.level == "error"]
