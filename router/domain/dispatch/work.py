"""A conversation that needs, is offered to, or is held by an agent, as the dispatch shard keeps it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from contracts.commands import Facts

WorkState = Literal["waiting", "offered", "assigned"]
LineKey = tuple[int, int, int, str]
"""Sorts a waiting line: higher priority first, then who waited longest, then who came first; the conversation last."""


class Requirement(NamedTuple):
    """What an agent must meet to be given some work. Work of one requirement waits in one line and is served in order,
    so that a trigger looks at one head per requirement. Further demands (skills, hours) become fields here."""

    queue: str
    channel_class: str


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """One conversation's row. ``agent`` holds it when it is offered or assigned; times in milliseconds since 1970.

    ``facts.text`` is kept only while the rules may still be asked again (waiting or offered) and left out of the repr.
    """

    conversation: str
    facts: Facts
    queue: str
    channel_class: str
    weight: int
    """Units held, fixed when the work was given: a later policy changes only what is given later."""
    waiting_since_ms: int
    """Since when the customer waits. Neither declining nor transferring changes it."""
    arrival: int
    """The order in which work came to this shard; breaks ties, and never changes either."""
    state: WorkState = "waiting"
    priority: int = 0
    rule: str | None = None
    tags: tuple[str, ...] = ()
    """What the rules tagged it with."""
    agent: str | None = None
    expires_ms: int | None = None
    declined: dict[str, int] = {}
    """Agents who declined it or let it time out, and until when that is remembered: it counts until the timer of that
    moment was handled, so that what is decided never depends on how late a timer is."""
    excluded: tuple[str, ...] = ()
    """Agents who must not get it, for as long as it lives."""
    asked_queue: str | None = None
    """Set by a transfer: the rules are not asked."""
    attempts: int = 0
    """How often it was offered."""

    @property
    def requirement(self) -> Requirement:
        return Requirement(self.queue, self.channel_class)

    @property
    def line_key(self) -> LineKey:
        return (-self.priority, self.waiting_since_ms, self.arrival, self.conversation)

    def bars(self, agent: str) -> bool:
        """Whether the agent must not be offered it now: they declined it lately, or were excluded."""
        return agent in self.declined or agent in self.excluded

    def barred(self) -> dict[str, Literal["declined", "excluded"]]:
        """Everybody it :meth:`bars`, with the reason."""
        if not self.declined and not self.excluded:
            return {}
        barred: dict[str, Literal["declined", "excluded"]] = dict.fromkeys(self.excluded, "excluded")
        barred.update((agent, "declined") for agent in self.declined)
        return barred

    def recalled(self, at_ms: int) -> Work:
        """Without the declines whose time is over."""
        if all(until > at_ms for until in self.declined.values()):
            return self
        return replace(self, declined={agent: until for agent, until in self.declined.items() if until > at_ms})

    def __repr__(self) -> str:
        return f"Work({self.conversation}, {self.state}, queue={self.queue}, agent={self.agent})"


def line_key(work: Work) -> LineKey:
    return work.line_key
