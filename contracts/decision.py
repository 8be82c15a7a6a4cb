"""A routing decision, with its reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from contracts.policy import Need

Outcome = Literal["offered", "assigned", "waiting", "withdrawn", "returned"]
RuledOut = Literal[
    "not_in_queue",
    "disabled",
    "offline",
    "away",
    "busy",
    "disconnected",
    "no_capacity",
    "class_limit",
    "declined",
    "not_preferred",
    "excluded",
    "lacks_skill",
    "exclusive",
    "off_shift",
    "shift_ending",
]


# gc=False: it holds text and numbers only, and there are up to 50 of them in every decision.
class Considered(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An agent who was looked at. ``ruled_out`` is empty for those who could have had the work.

    ``spare`` in units of capacity before the decision; ``idle_s`` in seconds.
    """

    agent: str
    ruled_out: RuledOut | None = None
    spare: int | None = None
    idle_s: int | None = None


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Why a conversation was offered, assigned or kept waiting.

    ``considered`` lists the eligible in the order of choice and then those ruled out: all agents of a queue of up to
    50, 10 of a larger one. ``counts`` says how many there were by reason (``eligible`` among them), without any cut.
    """

    id: str
    at: datetime
    conversation: str
    outcome: Outcome
    trigger: str
    """What made us look: ``work_arrived``, ``capacity_freed``, ``agent_available``, ``declined``, ``timed_out``,
    ``policy_changed``, ``transferred``, ``agent_left``, ``decline_forgotten``, ``claimed``, ``relaxed``,
    ``preferred_over``, ``escalated``, ``overflow``, ``hours``, ``shift``, ``woken``, ``unanswered``, ``taken_over``,
    ``enriched``."""
    queue: str
    policy: str
    rule: str | None = None
    priority: int = 0
    agent: str | None = None
    reason: str | None = None
    """The rule of choice that spoke: ``previous_agent``, ``preferred_agent``, ``requested_agent``, the queue's order
    (``longest_idle``, ``most_spare``, ``round_robin``, ``least_today``), ``most_proficient``, ``nearest_skilled``,
    ``nobody_eligible``, ``waits_for_agent``, ``queue_closed``, ``claimed``, ``taken_over``."""
    weight: int = 0
    waited_s: int = 0
    position: int | None = None
    considered: tuple[Considered, ...] = ()
    counts: dict[str, int] = {}
    truncated: bool = False
    notes: tuple[str, ...] = ()
    """What was asked for and could not be: ``unknown_queue:NAME``, ``unknown_agent:ID``,
    ``requested_agent:ID:away`` (with what ruled them out)."""
    rules: tuple[str, ...] = ()
    """Every rule of the policy that held, in order; the last is ``rule`` if one decided."""
    skills: tuple[Need, ...] = ()
    """What was asked for at that moment, relaxed as far as it was."""
    relaxed: int = 0
    """How many steps of relaxation had been taken."""
    overflow: str | None = None
    """The overflow that was taken: ``closed:queue:NAME``, ``waited:callback`` ..."""
    estimate_s: int | None = None
    """The wait that was predicted, for work that waits."""
    policy_number: int = 0
    """The number of the policy that spoke; ``policy`` is the name its author gave it."""
