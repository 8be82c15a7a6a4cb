"""Finding things by their ids; what is not there is a 404."""

from __future__ import annotations

from contracts import ids, streams
from contracts.contact import Contact
from contracts.conversation import Conversation
from contracts.message import Message
from router.api.problems import not_found
from router.api.services import ApiServices
from router.api.tables import CONTACT, CONVERSATION, MESSAGE

_MOST_HOPS = 8


def shard_named(services: ApiServices, id: str, kind: str, what: str) -> str:
    """The shard in a contact's or conversation's id. Raises ApiError 404."""
    if not id.startswith(f"{kind}_") or len(id) > 80:
        raise not_found(what, id)
    try:
        number = ids.shard_of(id)
    except ids.IdError:
        raise not_found(what, id) from None
    if number >= services.state.shards:
        raise not_found(what, id)
    return streams.conversation_shard(number)


def shard_of_conversation(services: ApiServices, id: str) -> str:
    """The conversation's shard. Raises ApiError 404 when it cannot be an id of ours."""
    return shard_named(services, id, ids.CONVERSATION, "conversation")


def shard_of_contact(services: ApiServices, id: str) -> str:
    """The contact's home. Raises ApiError 404 when it cannot be an id of ours."""
    return shard_named(services, id, ids.CONTACT, "contact")


async def conversation(services: ApiServices, id: str) -> Conversation:
    """The conversation. Raises ApiError 404."""
    found: Conversation | None = await services.state.get(shard_of_conversation(services, id), CONVERSATION, id)
    if found is None:
        raise not_found("conversation", id)
    return found


async def contact(services: ApiServices, id: str) -> Contact:
    """The contact, as it stands. Raises ApiError 404."""
    found: Contact | None = await services.state.get(shard_of_contact(services, id), CONTACT, id)
    if found is None:
        raise not_found("contact", id)
    return found


async def living_contact(services: ApiServices, id: str) -> Contact:
    """The contact, or the one it was merged into. Raises ApiError 404."""
    found = await contact(services, id)
    for _ in range(_MOST_HOPS):
        if found.merged_into is None:
            break
        found = await contact(services, found.merged_into)
    return found


async def message(services: ApiServices, conversation: str, id: str) -> Message:
    """The message of this conversation. Raises ApiError 404."""
    shard = shard_of_conversation(services, conversation)
    if len(id) > 80:
        raise not_found("message", id)
    found = await services.state.get(shard, MESSAGE, id)
    if found is None or found.conversation != conversation:
        raise not_found("message", id)
    return found


async def messages(services: ApiServices, wanted: list[tuple[str, str]]) -> list[Message]:
    """Messages by (conversation, id); those that are gone are left out."""
    keys = [(shard_of_conversation(services, conversation), MESSAGE, id) for conversation, id in wanted]
    found = await services.state.many(keys) if keys else []
    return [message for message in found if message is not None]
