"""What a published policy means for conversations: the part of it that conversation shards keep for themselves."""

from __future__ import annotations

import msgspec

from contracts.policy import Calendar, Sla, Unanswered


class Care(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens to a queue's conversations after they were assigned. Times in seconds; see
    ``contracts.policy.Queue``."""

    idle_after_s: int | None = None
    unanswered_s: int | None = None
    unanswered: Unanswered = "reassign"
    escalate: str | None = None
    hours: str | None = None


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """``number`` counts the published policies. ``titles``: queue to language to what customers are told it is
    called."""

    number: int = 0
    slas: dict[str, Sla] = {}
    calendars: dict[str, Calendar] = {}
    care: dict[str, Care] = {}
    texts: dict[str, dict[str, str]] = {}
    titles: dict[str, dict[str, str]] = {}
    bots: tuple[str, ...] = ()
    """Agents that are programs: they speak only while they hold the floor."""
