"""The context of a conversation: the whole person, read from every shard they are in."""

from __future__ import annotations

from contracts.conversation import Context, Conversation
from router.api import find
from router.api.services import ApiServices
from router.api.tables import CONVERSATION
from router.api.ways import ways_to
from router.domain.conversation.context import build, wanted


async def context_of(services: ApiServices, conversation: Conversation) -> Context:
    """Profile and identities, the latest messages over all channels in order, other conversations, earlier agents.

    Unlike the context in events, which one shard makes of what it holds, this one reads the other shards too.
    """
    person = await find.living_contact(services, conversation.contact)
    others = await _conversations(services, [ref.id for ref in person.conversations if ref.id != conversation.id])
    ids = wanted(conversation, person, others.get)
    place = {message: one.id for one in (*others.values(), conversation) for message in one.tail}
    messages = await find.messages(services, [(place[id], id) for id in ids])
    reaches = [reach for one in others.values() for reach in one.reaches]
    return build(person, conversation, messages, await ways_to(services, conversation, person, reaches))


async def _conversations(services: ApiServices, ids: list[str]) -> dict[str, Conversation]:
    keys = [(find.shard_of_conversation(services, id), CONVERSATION, id) for id in ids]
    found = await services.state.many(keys) if keys else []
    return {one.id: one for one in found if one is not None}
