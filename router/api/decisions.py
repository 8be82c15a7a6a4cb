"""Decisions: why a conversation was given to somebody, or to nobody."""

from __future__ import annotations

from typing import Literal

import msgspec

from contracts.decision import Decision
from contracts.streams import DISPATCH
from router.api import find
from router.api.call import Call
from router.api.paging import Page, bounded
from router.api.services import ApiServices
from router.api.tables import DECISIONS, WHY
from router.domain.why.story import Step, promises, story, words_for


class DecisionQuery(msgspec.Struct, frozen=True):
    limit: int = 20


class WhyQuery(msgspec.Struct, frozen=True):
    """``language``: ``en`` or ``ja``; default: the service's."""

    language: str | None = None
    limit: int = 50


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the conversation, step by step, and how what was promised stands now."""

    conversation: str
    language: Literal["en", "ja"]
    steps: tuple[Step, ...]
    queue: str | None = None
    agent: str | None = None
    promises: tuple[str, ...] = ()


async def list_decisions(call: Call) -> Page[Decision]:
    """The latest first. They are kept for 30 days."""
    query: DecisionQuery = call.query
    limit, id = bounded(query.limit), call.path("id")
    find.shard_of_conversation(call.services, id)
    return Page(tuple(reversed(await _decisions(call.services, id, limit))))


async def why(call: Call) -> Why:
    """The story of the conversation's routing. A conversation that was never routed has no steps."""
    query: WhyQuery = call.query
    limit = bounded(query.limit)
    conversation = await find.conversation(call.services, call.path("id"))
    decisions = await _decisions(call.services, conversation.id, limit)
    language = _language(query.language or call.services.language)
    return Why(
        conversation=conversation.id,
        language=language,
        steps=tuple(story(decisions, language)),
        queue=conversation.queue,
        agent=conversation.agent,
        promises=tuple(promises(conversation.sla, language)),
    )


def _language(asked: str) -> Literal["en", "ja"]:
    return "ja" if words_for(asked) is words_for("ja") else "en"


async def _decisions(services: ApiServices, conversation: str, limit: int) -> list[Decision]:
    """The latest, oldest of them first."""
    named = await services.state.log(DISPATCH, WHY, conversation, -limit, -1)
    found = await services.state.many([(DISPATCH, DECISIONS, one) for one in named]) if named else []
    return [decision for decision in found if decision is not None]
