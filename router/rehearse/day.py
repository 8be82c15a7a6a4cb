"""A day of traffic: what customers and agents did, whatever the policy. All times in milliseconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from contracts.commands import (
    AgentConnection,
    ClaimWork,
    DeclarePresence,
    Facts,
    PutAgent,
    RemoveAgent,
    RequestAgent,
    TakeOver,
)
from contracts.policy import Need, Policy

AgentAct = PutAgent | RemoveAgent | DeclarePresence | AgentConnection | ClaimWork | TakeOver


class Reaction(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an agent makes of an offer, so long after it was made. ``miss``: nothing."""

    after_ms: int
    does: Literal["accept", "decline", "miss"] = "accept"


class Silence(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The customer writes nothing for so long, from that much of the handling on."""

    after_ms: int
    for_ms: int


class Passing(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Its agent passes it on after that much of the handling."""

    after_ms: int
    queue: str | None = None
    agent: str | None = None
    force: bool = False
    skills: tuple[Need, ...] = ()


class News(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The conversation says more of itself, so long after it asked for an agent."""

    after_ms: int
    request: RequestAgent


class Case(msgspec.Struct, frozen=True, omit_defaults=True, tag="case", gc=False):
    """A conversation from its asking for an agent to its end. One that is reopened is another case of the same id.

    ``handle_ms``: the time it takes agents, all in all, silences included. ``patience_ms``: after so long without an
    agent the customer gives up; None: never. ``reactions`` and ``answers`` (from the assignment to the agent's first
    answer; None: there is none) by offer and by assignment, in order; the typical ones hold after the last.
    """

    conversation: str
    at_ms: int
    facts: Facts
    handle_ms: int
    waited_ms: int = 0
    """How long the customer waited already when the conversation asked."""
    patience_ms: int | None = None
    reactions: tuple[Reaction, ...] = ()
    answers: tuple[int | None, ...] = ()
    silences: tuple[Silence, ...] = ()
    passings: tuple[Passing, ...] = ()
    news: tuple[News, ...] = ()
    wrap_ms: int | None = None
    """After so long the agent says that they have finished up; None: they let it run out."""
    returning: bool = False
    """``facts.previous_agent`` is whoever had the customer last on this very day."""
    queue: str | None = None
    agent: str | None = None
    skills: tuple[Need, ...] = ()
    """Asked for with the first request."""


class Act(msgspec.Struct, frozen=True, omit_defaults=True, tag="act"):
    """Something an agent (or whoever looks after the agents) did at a moment."""

    at_ms: int
    command: AgentAct


class Day(msgspec.Struct, frozen=True):
    """Acts and cases each in order of time. ``policy``: what was in force when it was recorded, if anything was."""

    begin_ms: int
    end_ms: int
    acts: tuple[Act, ...]
    cases: tuple[Case, ...]
    policy: Policy | None = None
    number: int = 0
    accept_ms: int = 5_000
    """The typical time to accept an offer."""
    texts: bool = True
    """Whether ``facts.text`` was kept."""
    notes: tuple[str, ...] = ()
    """What is not as it was: sentences."""
