"""A conversation that needs, is offered to, or is held by an agent, as the dispatch shard keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from contracts.commands import Facts
from contracts.policy import Need, Relax

CALLBACK: Final = "callback"
"""The tag of conversations whose customer is to be called back instead of waiting."""
WorkState = Literal["waiting", "offered", "assigned", "wrap_up", "idle"]
"""``offered``, ``assigned`` and ``wrap_up`` hold units of their agent; ``idle`` is its agent's and holds none."""
LineKey = tuple[int, int, int, str]
"""Sorts a waiting line: the waiting time with what the priority adds to it, then who waited longest, then who came
first; the conversation last."""
Barred = Mapping[str, Literal["declined", "excluded"]]


class Demand(NamedTuple):
    """Who is asked: the agents of a queue, and of others once it was relaxed so far, who meet the needs."""

    queue: str
    needs: tuple[Need, ...] = ()
    also: tuple[str, ...] = ()


class Requirement(NamedTuple):
    """What an agent must meet to be given some work. Work of one requirement waits in one group and is served in
    order, so that a trigger looks at one head per requirement."""

    demand: Demand
    channel_class: str
    weight: int
    only: tuple[str, ...] = ()
    """While it waits for certain agents: nobody else gets it, and of them neither queue nor skills are asked."""


# gc=False: it holds values only, and there are a hundred thousand of them.
class Work(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One conversation's row. ``agent`` has it unless it waits; times in milliseconds since 1970.

    What it says (``facts.text``) is kept for as long as the row, because it may have to be classified again when it
    comes back under another policy; it is left out of the repr.
    """

    conversation: str
    facts: Facts
    queue: str
    channel_class: str
    weight: int
    """Units held, fixed when the work was given: a later policy changes only what is given later."""
    waiting_since_ms: int
    """Since when the customer waits; its age in line. Neither declining nor transferring changes it."""
    arrival: int
    """The order in which work came to this shard; breaks ties, and never changes either."""
    state: WorkState = "waiting"
    priority: int = 0
    """All that counts: the rules' or the hand's, the queue's, and what it was raised by."""
    ahead_ms: int = 0
    """How much longer it counts as having waited, for its priority."""
    rule: str | None = None
    rules: tuple[str, ...] = ()
    """All rules that held, in order."""
    tags: tuple[str, ...] = ()
    """What the rules tagged it with."""
    sla: str | None = None
    skills: tuple[Need, ...] = ()
    """What was asked for at first, each skill once, by name."""
    relax: tuple[Relax, ...] = ()
    relaxed: int = 0
    """How many steps have been taken."""
    needs: tuple[Need, ...] = ()
    """What is asked for now: ``skills`` after those steps."""
    also: tuple[str, ...] = ()
    """The queues whose agents are asked too, after those steps."""
    policy: int = 0
    """The number of the policy that all this is from."""
    agent: str | None = None
    expires_ms: int | None = None
    """When the offer, or the wrap-up, is over."""
    declined: dict[str, int] = {}
    """Agents who must not be asked now (they declined it, let it time out or gave it away), and until when that is
    remembered: it counts until the timer of that moment was handled, so that what is decided never depends on how late
    a timer is."""
    excluded: tuple[str, ...] = ()
    """Those of them who gave it away or were excluded by whoever asked."""
    refusals: int = 0
    """How often it was declined or missed since it came, was transferred or was escalated."""
    escalated: int = 0
    """Priority added by escalation."""
    raised: int = 0
    """Priority added for promises at risk."""
    asked_queue: str | None = None
    """Set by a transfer or an escalation: the rules do not choose the queue."""
    asked_skills: tuple[Need, ...] = ()
    """Needed beside what the rules ask."""
    keeper: str | None = None
    """Who had it when the customer fell silent: asked first when the customer writes again."""
    only: tuple[str, ...] = ()
    """The agents it waits for; nobody else gets it."""
    only_until_ms: int | None = None
    """When waiting for certain agents is over; None: that has not begun."""
    attempts: int = 0
    """How often it was offered."""
    entered: str | None = None
    """The queue whose line it came to, if that one overflows or announces; kept over offers."""
    looks_ms: int | None = None
    """When its queue's overflows are asked again."""
    passed: tuple[str, ...] = ()
    """The queues that it left by overflow since it came or was transferred: it does not overflow into them again."""
    spent: tuple[str, ...] = ()
    """The overflows that were taken since then, by queue."""
    diverted: Literal["voicemail", "mail"] | None = None
    """Its customer leaves word, and does not wait as a live one."""
    again_ms: int | None = None
    """Since when it waits this time, when that is later: it was somebody's, or was answered, and came back. Declines,
    offers that time out and overflows do not change it."""

    @property
    def waits_since_ms(self) -> int:
        """What relaxation, overflows and the waiting time that is told count from; the place in line does not."""
        return self.waiting_since_ms if self.again_ms is None else self.again_ms

    @property
    def demand(self) -> Demand:
        return Demand(self.queue, self.needs, self.also)

    @property
    def requirement(self) -> Requirement:
        return Requirement(self.demand, self.channel_class, self.weight, self.only)

    @property
    def line_key(self) -> LineKey:
        return (self.waiting_since_ms - self.ahead_ms, self.waiting_since_ms, self.arrival, self.conversation)

    def barred(self) -> Barred:
        """Everybody who must not be asked now, with the reason."""
        return {agent: "excluded" if agent in self.excluded else "declined" for agent in self.declined}

    def recalled(self, at_ms: int) -> Work:
        """Without the declines and exclusions whose time is over."""
        if not self.declined or all(until > at_ms for until in self.declined.values()):
            return self
        return replace(self, declined={agent: until for agent, until in self.declined.items() if until > at_ms})

    def __repr__(self) -> str:
        return f"Work({self.conversation}, {self.state}, queue={self.queue}, agent={self.agent})"


def line_key(work: Work) -> LineKey:
    return work.line_key
