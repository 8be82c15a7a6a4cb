"""An agent: who can be given work, how much, and whether they are there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Declared = Literal["online", "busy", "away", "offline"]


class Presence(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Three facts kept apart: what the agent declared, whether a connection of theirs stands, and their shift.

    ``available`` when declared ``online``, connected (or disconnected for less than the policy's grace), and on shift.
    """

    declared: Declared = "offline"
    connected: bool = False
    since: datetime | None = None
    disconnected_at: datetime | None = None
    on_shift: bool | None = None
    """Whether the agent's shift runs now; None: they have none, and may work at any time."""
    shift_changes_at: datetime | None = None
    """When it ends, or begins."""


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent as declared. Capacity is in units; a conversation costs its channel class's weight.

    ``limits``: the most conversations at once per channel class, over and above ``capacity``.
    ``skills``: name to level, 1 (lowest) to 5.
    """

    id: str
    name: str
    queues: tuple[str, ...] = ("default",)
    capacity: int = 100
    limits: dict[str, int] = {}
    skills: dict[str, int] = {}
    languages: tuple[str, ...] = ()
    enabled: bool = True
    kind: Literal["human", "bot"] = "human"
    teams: tuple[str, ...] = ()
    """They serve every queue that names one of these."""
    shift: str | None = None
    """A calendar of the policy: when they work; gaps in it are breaks."""
    voice: str | None = None
    """Where calls are put through to: a number in E.164, or ``sip:...``."""


# gc=False: it holds values only, and a new one is written whenever somebody is given work.
class AgentState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An agent as they stand: presence, units in use (held from the offer on), and the work they hold."""

    agent: Agent
    presence: Presence = Presence()
    used: int = 0
    work: tuple[str, ...] = ()
    """Conversations assigned to them."""
    offers: tuple[str, ...] = ()
    """Conversations offered to them."""
    idle_since: datetime | None = None
    wrap_up: tuple[str, ...] = ()
    """Conversations that are over and still hold units, for finishing up."""
    idle: tuple[str, ...] = ()
    """Conversations of theirs that hold no units, because the customer is silent."""
    day: str | None = None
    """The day, in UTC, that ``taken_today`` counts."""
    taken_today: int = 0
    """How many conversations they were given that day."""
    given: int = 0
    """Rises whenever they are given work; the least of several was given work least recently."""
    turns: dict[str, int] = {}
    """The same by queue, for queues that go round."""
    ending_s: int | None = None
    """Their shift ends so soon that nothing is given to them that usually takes longer than this, in seconds."""
