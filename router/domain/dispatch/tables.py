"""What the dispatch shard keeps. All but the decisions fits in the owner's memory and is loaded at take-over."""

from __future__ import annotations

from typing import Final

import msgspec

from contracts.agent import AgentState
from contracts.decision import Decision
from contracts.policy import Policy
from contracts.terms import Terms
from router.domain.dispatch.news import News
from router.domain.dispatch.opening import Opening
from router.domain.dispatch.pace import Pace
from router.domain.dispatch.work import Work
from router.domain.policy.versions import History
from router.domain.turn import Table


class Session(msgspec.Struct, frozen=True):
    """A connection of an agent, and when an api copy last said that it stands."""

    agent: str
    seen_ms: int


AGENTS: Final = Table("agents", AgentState, preload=True)
WORK: Final = Table("work", Work, preload=True)
POLICY: Final = Table("policy", Policy, preload=True)
"""One row, ``current``."""
HISTORY: Final = Table("policy_history", History, preload=True)
"""One row, ``current``: the number in force, and notes on the last hundred."""
POLICIES: Final = Table("policies", Policy)
"""The last hundred, by number; read when one is asked for."""
SESSIONS: Final = Table("sessions", Session, preload=True)
TOLD: Final = Table("told", Terms, preload=True)
"""One row, ``current``: what conversation shards were told of the policy."""
HOURS: Final = Table("hours", Opening, preload=True)
"""By calendar, of those that queues keep."""
PACES: Final = Table("paces", Pace, preload=True)
"""By queue, of those that announce a wait or overflow by one."""
NEWS: Final = Table("news", News, preload=True)
"""By conversation, while its customer waits to be told."""
DECISIONS: Final = Table("decision", Decision, ttl_s=30 * 24 * 3600)
"""Read by the API only; the list ``why`` of a conversation names its decisions, oldest first."""

CURRENT: Final = "current"
WHY: Final = "why"
DECISION_ID: Final = "dc"
