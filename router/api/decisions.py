"""Decisions: why a conversation was given to somebody, or to nobody."""

from __future__ import annotations

import msgspec

from contracts.decision import Decision
from contracts.streams import DISPATCH
from router.api import find
from router.api.call import Call
from router.api.paging import Page, bounded
from router.api.tables import DECISIONS, WHY


class DecisionQuery(msgspec.Struct, frozen=True):
    limit: int = 20


async def list_decisions(call: Call) -> Page[Decision]:
    """The latest first. They are kept for 30 days."""
    query: DecisionQuery = call.query
    limit, id = bounded(query.limit), call.path("id")
    find.shard_of_conversation(call.services, id)
    named = await call.services.state.log(DISPATCH, WHY, id, -limit, -1)
    found = await call.services.state.many([(DISPATCH, DECISIONS, one) for one in reversed(named)]) if named else []
    return Page(tuple(decision for decision in found if decision is not None))
