"""Days made by hand: agents who are there from the beginning, and customers who come when they are told to."""

from __future__ import annotations

from typing import Any

from contracts.agent import Agent
from contracts.commands import AgentConnection, DeclarePresence, Facts, PutAgent
from contracts.policy import Policy
from router.rehearse.day import Act, Case, Day
from router.rehearse.engine import Rehearsal
from router.rehearse.outcome import Life, Outcome

BEGIN_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""


def s(seconds: float) -> int:
    return round(seconds * 1000)


def at(seconds: float) -> int:
    """A moment of the day."""
    return BEGIN_MS + s(seconds)


def agent(id: str, *queues: str, since: float = 0, until: float | None = None, **how: Any) -> list[Act]:
    """There from then to then; None: all day."""
    acts = [
        Act(at(0), PutAgent(agent=Agent(id=id, name=id, queues=queues or ("default",), **how))),
        Act(at(since), AgentConnection(agent=id, session=f"s-{id}", connected=True)),
        Act(at(since), DeclarePresence(agent=id, declared="online")),
    ]
    return acts if until is None else [*acts, Act(at(until), DeclarePresence(agent=id, declared="offline"))]


def case(number: int | str, after: float, handle: float = 60, patience: float | None = None, **how: Any) -> Case:
    """Comes after so many seconds. ``how``: fields of the case, and of its facts."""
    own = {name: how.pop(name) for name in list(how) if name in Case.__struct_fields__}
    facts = {"channel": "webchat", "account": "web", "channel_class": "chat", "contact": f"ct_00_{number}", **how}
    gives_up = None if patience is None else s(patience)
    return Case(f"cv_00_{number}", at(after), Facts(**facts), s(handle), patience_ms=gives_up, **own)


def day(*what: Any, hours: float = 1) -> Day:
    """``what``: cases and lists of acts."""
    acts = [act for one in what if isinstance(one, list) for act in one]
    cases = [one for one in what if isinstance(one, Case)]
    ordered = sorted(acts, key=lambda act: act.at_ms), sorted(cases, key=lambda one: one.at_ms)
    return Day(BEGIN_MS, at(hours * 3600), tuple(ordered[0]), tuple(ordered[1]))


def rehearsed(what: Day, policy: Policy, **how: Any) -> Outcome:
    return Rehearsal(what, policy, **how).run()


def life(outcome: Outcome, number: int | str) -> Life:
    return next(one for one in outcome.lives if one.conversation == f"cv_00_{number}")


def waited(outcome: Outcome, number: int | str) -> float | None:
    """Seconds to the first agent."""
    wait_ms = life(outcome, number).wait_ms
    return None if wait_ms is None else wait_ms / 1000
