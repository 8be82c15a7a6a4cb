"""Whether an agent can be given new work at all: what they declared, whether they are connected, and their shift."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from contracts.agent import Agent, Declared, Presence
from contracts.decision import RuledOut


def blocked(agent: Agent, presence: Presence) -> RuledOut | None:
    """Why the agent gets no new work whatever their capacity; None when they are available."""
    if not agent.enabled:
        return "disabled"
    if presence.declared == "offline":
        return "offline"
    if not reachable(presence):
        return "disconnected"
    if presence.on_shift is False:
        return "off_shift"
    return None if presence.declared == "online" else presence.declared


def signed_in(agent: Agent, presence: Presence) -> bool:
    """Whether the agent can act at all, be it while away or busy, or off shift."""
    return agent.enabled and presence.declared != "offline" and reachable(presence)


def reachable(presence: Presence) -> bool:
    """Connected, or cut off for less than the grace: ``disconnected_at`` is cleared when the grace has passed."""
    return presence.connected or presence.disconnected_at is not None


def declared(presence: Presence, status: Declared, at: datetime) -> Presence:
    return replace(presence, declared=status, since=at)


def connected(presence: Presence) -> Presence:
    return replace(presence, connected=True, disconnected_at=None)


def cut_off(presence: Presence, at: datetime) -> Presence:
    """The last connection closed; the grace begins."""
    return replace(presence, connected=False, disconnected_at=at)


def gone(presence: Presence) -> Presence:
    """The grace has passed without a connection."""
    return replace(presence, connected=False, disconnected_at=None)
