"""The tables, lists and indexes that the API reads, by the rules' own names."""

from __future__ import annotations

from typing import Final, get_args

from contracts.conversation import Status
from router.domain.conversation.tables import CLAIM, CONTACT, CONVERSATION, IDENTITY, MESSAGE
from router.domain.dispatch.tables import AGENTS, CURRENT, DECISIONS, HISTORY, HOURS, PACES, POLICIES, POLICY, WHY, WORK
from router.domain.dispatch.work import Work

LOG: Final = "log"
"""The list of a conversation's message ids, oldest first."""
STATUSES: Final[tuple[Status, ...]] = get_args(Status)


def by_status(status: Status) -> str:
    """The index of the conversations that stand so, by their latest change in milliseconds."""
    return f"status:{status}"


def consulted(agent: str) -> str:
    """The index of the conversations on which the agent is asked for advice, by since when in milliseconds."""
    return f"consulted:{agent}"


__all__ = [
    "AGENTS",
    "CLAIM",
    "CONTACT",
    "CONVERSATION",
    "CURRENT",
    "DECISIONS",
    "HISTORY",
    "HOURS",
    "IDENTITY",
    "LOG",
    "MESSAGE",
    "PACES",
    "POLICIES",
    "POLICY",
    "STATUSES",
    "WHY",
    "WORK",
    "Work",
    "by_status",
    "consulted",
]
