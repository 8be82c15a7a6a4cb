"""The ways to a customer as they stand now, and whether a draft can be said on one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from contracts.contact import Contact
from contracts.content import Part
from contracts.conversation import Conversation, Reach
from contracts.reply import Verdict, Way
from router.api import find
from router.api.services import ApiServices
from router.api.tables import CONVERSATION
from router.domain.reply.facts import Condition
from router.domain.reply.judge import judge, ranked
from router.domain.reply.target import Target, identity_of, key_of, known_way
from router.domain.reply.ways import heard_last, unheard, way_of, ways_of


async def verdict_on(
    services: ApiServices, conversation: str, parts: tuple[Part, ...], target: Target, *, by: str
) -> Verdict:
    """The verdict on a draft. Raises ApiError 404."""
    now = await find.conversation(services, conversation)
    contact = await find.living_contact(services, now.contact)
    reaches = [*await _elsewhere(services, now, contact), *now.reaches]
    at, person = datetime.now(UTC), by.startswith("agent:")
    conditions = await _conditions(services, reaches, contact)
    facts, language = services.reply, now.language or contact.language
    ways = ways_of(facts, contact, reaches, at, person=person, conditions=conditions)
    reach = _reach(now, contact, target, reaches, at)
    if reach is None:
        others = ranked(facts, ways, parts, at, language=language)
        return Verdict(False, kind="no_way", sentence="There is no such way to this customer.", alternatives=others)
    condition = conditions.get(reach.account)
    identity = identity_of(contact, reach, reach)
    way = way_of(facts, reach, identity, at, person=person, condition=condition)
    verdict = judge(facts, way, parts, at, language=language, condition=condition)
    if verdict.allowed:
        return verdict
    others = ranked(facts, ways, parts, at, language=language, besides=way)
    return _with(verdict, others)


async def ways_to(services: ApiServices, now: Conversation, contact: Contact, reaches: list[Reach]) -> tuple[Way, ...]:
    """Every way to the customer as it stands now. ``reaches``: those of their other conversations."""
    if not services.reply.channels:
        return ()
    every = [*reaches, *now.reaches]
    conditions = await _conditions(services, every, contact)
    return ways_of(services.reply, contact, every, datetime.now(UTC), conditions=conditions)


async def _elsewhere(services: ApiServices, now: Conversation, contact: Contact) -> list[Reach]:
    ids = [ref.id for ref in contact.conversations if ref.id != now.id]
    keys = [(find.shard_of_conversation(services, id), CONVERSATION, id) for id in ids]
    found = await services.state.many(keys) if keys else []
    return [reach for one in found if one is not None for reach in one.reaches]


async def _conditions(services: ApiServices, reaches: list[Reach], contact: Contact) -> Mapping[str, Condition]:
    if services.conditions is None:
        return {}
    return await services.conditions(
        [*(each.account for each in reaches), *(each.account for each in contact.identities)]
    )


def _reach(now: Conversation, contact: Contact, target: Target, reaches: list[Reach], at: datetime) -> Reach | None:
    """The way that the answer would take, as the customer last used it in any conversation."""
    reach = known_way(now.reaches, target)
    identity = identity_of(contact, target, reach)
    if reach is None:
        if identity is None:
            return None
        reach = unheard(identity, at)
    for other in reaches:
        if key_of(other) == key_of(reach):
            reach = heard_last(reach, other)
    return reach


def _with(verdict: Verdict, others: tuple[Way, ...]) -> Verdict:
    return Verdict(
        verdict.allowed,
        verdict.way,
        kind=verdict.kind,
        sentence=verdict.sentence,
        parts=verdict.parts,
        alternatives=others,
        templates=verdict.templates,
    )
