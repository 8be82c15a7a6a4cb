"""Queues: who waits in them, since when, and for whom."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from contracts.codec import moment
from contracts.streams import DISPATCH
from router.api.call import Call
from router.api.paging import Page
from router.api.policy import policy_of
from router.api.tables import AGENTS, WORK, Work
from router.domain.dispatch.queries import QueueSummary, summaries, waiting


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """One conversation in a waiting line, without a word of what it says."""

    conversation: str
    queue: str
    contact: str
    channel: str
    waiting_since: datetime
    priority: int = 0


async def list_queues(call: Call) -> Page[QueueSummary]:
    """Every queue of the policy: who waits, since when, and who serves it."""
    policy, agents, work = await asyncio.gather(
        policy_of(call.services),
        call.services.state.rows(DISPATCH, AGENTS),
        call.services.state.rows(DISPATCH, WORK),
    )
    return Page(tuple(summaries(policy, agents.values(), work.values())))


async def list_waiting(call: Call) -> Page[Waiting]:
    """The first 200 of a queue's line, in the order in which they will be served."""
    work = await call.services.state.rows(DISPATCH, WORK)
    return Page(tuple(_waiting(one) for one in waiting(work.values(), call.path("name"))[:200]))


def _waiting(one: Work) -> Waiting:
    facts = one.facts
    return Waiting(
        one.conversation, one.queue, facts.contact, facts.channel, moment(one.waiting_since_ms), one.priority
    )
