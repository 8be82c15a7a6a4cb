"""Queues: who waits in them, since when, and for whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec

from contracts.codec import milliseconds, moment
from contracts.conversation import Conversation
from contracts.sla import SlaState
from contracts.streams import DISPATCH
from router.api import find
from router.api.call import Call
from router.api.paging import Page
from router.api.policy import policy_of
from router.api.tables import AGENTS, CONVERSATION, HOURS, PACES, WORK, Work
from router.domain.dispatch.queries import QueueSummary, summaries, waiting

_MOST: Final = 200


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """One conversation in a waiting line, without a word of what it says."""

    conversation: str
    queue: str
    contact: str
    channel: str
    waiting_since: datetime
    priority: int = 0
    position: int = 0
    """From 1."""
    sla: SlaState | None = None
    """What was promised, and how it stands."""
    diverted: str | None = None
    """What the customer was offered instead of waiting, or asked for: ``callback``, ``voicemail`` or ``mail``."""


async def list_queues(call: Call) -> Page[QueueSummary]:
    """Every queue of the policy: who waits, since when and how long still, who serves it, and whether it is open."""
    state = call.services.state
    policy, agents, work, openings, paces = await asyncio.gather(
        policy_of(call.services),
        *(state.rows(DISPATCH, table) for table in (AGENTS, WORK, HOURS, PACES)),
    )
    at_ms = milliseconds(datetime.now(UTC))
    return Page(tuple(summaries(policy, agents.values(), work.values(), openings, paces, at_ms)))


async def list_waiting(call: Call) -> Page[Waiting]:
    """The first 200 of a queue's line, in the order in which they will be served."""
    rows = await call.services.state.rows(DISPATCH, WORK)
    line = waiting(rows.values(), call.path("name"))[:_MOST]
    found = await _conversations(call, line)
    return Page(tuple(_waiting(place, *each) for place, each in enumerate(zip(line, found, strict=True), 1)))


async def _conversations(call: Call, line: list[Work]) -> list[Conversation | None]:
    named = [one.conversation for one in line]
    keys = [(find.shard_of_conversation(call.services, id), CONVERSATION, id) for id in named]
    return list(await call.services.state.many(keys)) if keys else []


def _waiting(position: int, work: Work, found: Conversation | None) -> Waiting:
    return Waiting(
        conversation=work.conversation,
        queue=work.queue,
        contact=work.facts.contact,
        channel=work.facts.channel,
        waiting_since=moment(work.waiting_since_ms),
        priority=work.priority,
        position=position,
        sla=found.sla if found is not None else None,
        diverted=found.diverted if found is not None else None,
    )
