"""How fast a line moves: how long its front takes to be handed out, weighted towards what happened lately.

Kept per queue in agent-time, the time between two departures times the agents who were at work: when half of them go
home, the rest take twice as long at once, without anything having to be learnt. Only departures by a freed agent count,
and only the time in which somebody waited: an agent who comes and takes five at a stroke says nothing about how long
the sixth will take.
"""

from __future__ import annotations

import msgspec

SMOOTH = 40
"""So many departures are remembered, the last most: more sway less, and follow a changed floor later."""
LEAST = 3
"""With fewer there is no estimate."""


class Pace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue's row."""

    last_ms: int
    """When the last one left the line; or when it began to wait, after an empty line or a closed queue."""
    agent_ms: float = 0.0
    """Agent-milliseconds from one departure to the next."""
    count: int = 0
    """How many were counted, up to ``SMOOTH``."""


def begun(pace: Pace | None, at_ms: int) -> Pace:
    """Time that nobody could be given anything in, or nobody waited in, does not count."""
    return Pace(at_ms) if pace is None else Pace(at_ms, pace.agent_ms, pace.count)


def departed(pace: Pace | None, at_ms: int, agents: int) -> Pace:
    """A freed agent took the next; ``agents`` were at work for the queue."""
    if pace is None:
        return Pace(at_ms)
    took = (at_ms - pace.last_ms) * max(agents, 1)
    count = min(pace.count + 1, SMOOTH)
    return Pace(at_ms, pace.agent_ms + (took - pace.agent_ms) / count, count)


def wait_ms(pace: Pace | None, position: int, at_ms: int, agents: int, silent: bool = True) -> int | None:
    """How long until whoever stands at ``position`` (from 1) is handed out. None: too little is known, or nobody is at
    work. ``silent``: the time since the last departure counts, as far as it is longer than usual: when nothing leaves
    any more, the estimate grows."""
    if pace is None or pace.count < LEAST or agents < 1:
        return None
    silence = max((at_ms - pace.last_ms) * agents - pace.agent_ms, 0.0) if silent else 0.0
    return round(position * (pace.agent_ms + silence / pace.count) / agents)
