"""An agent: who can be given work, how much, and whether they are there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Declared = Literal["online", "busy", "away", "offline"]


class Presence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two facts kept apart: what the agent declared, and whether a connection of theirs stands.

    ``available`` when declared ``online`` and connected, or disconnected for less than the policy's grace.
    """

    declared: Declared = "offline"
    connected: bool = False
    since: datetime | None = None
    disconnected_at: datetime | None = None


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


class AgentState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent as they stand: presence, units in use (held from the offer on), and the work they hold."""

    agent: Agent
    presence: Presence = Presence()
    used: int = 0
    work: tuple[str, ...] = ()
    """Conversations assigned to them."""
    offers: tuple[str, ...] = ()
    """Conversations offered to them."""
    idle_since: datetime | None = None
