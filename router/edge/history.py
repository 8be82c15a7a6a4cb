"""What a customer has said and been told on one identity: for a chat that is opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from contracts import ids
from contracts.codec import milliseconds
from contracts.contact import Contact
from contracts.message import Message
from contracts.streams import conversation_shard
from router.domain.conversation.tables import CONTACT, IDENTITY, MESSAGE
from router.shards.state import StateReader

_LATEST = 50
_MOST = 500
_CONVERSATIONS = 5


class History:
    """Reads messages of an identity from the state. Positions are ``milliseconds.seq`` of a message."""

    def __init__(self, state: StateReader) -> None:
        self._state = state

    async def contact_of(self, identity: str) -> str | None:
        """The contact that an identity belongs to now; None when it never wrote."""
        shard = conversation_shard(ids.shard_for(identity, self._state.shards))
        found = await self._state.get(shard, IDENTITY, identity)
        return None if found is None else await self._final(found.contact)

    async def _final(self, contact: str) -> str:
        for _ in range(8):
            found = await self.contact(contact)
            if found is None or found.merged_into is None:
                break
            contact = found.merged_into
        return contact

    async def contact(self, id: str) -> Contact | None:
        """A contact."""
        return await self._state.get(conversation_shard(ids.shard_of(id)), CONTACT, id)

    async def of_identity(self, identity: str, contact: str | None, after: str | None) -> Sequence[tuple[str, Message]]:
        """Messages from and to the identity, oldest first, with their positions: those at or after ``after``, or the
        latest. A message of the very position ``after`` may come again; clients know messages by id."""
        person = None if contact is None else await self.contact(contact)
        if person is None:
            return ()
        conversations = [ref.id for ref in person.conversations][-_CONVERSATIONS:]
        most = _LATEST if after is None else _MOST
        found = await asyncio.gather(*(self._messages(conversation, most) for conversation in conversations))
        mine = [
            (self.position(message), message)
            for messages in found
            for message in messages
            if ids.identity_key(message.channel, message.account, message.address) == identity
        ]
        mine.sort(key=lambda one: _order(one[0]))
        if after is None:
            return mine[-most:]
        since = _order(after)
        return [one for one in mine if _order(one[0]) >= since]

    async def _messages(self, conversation: str, most: int) -> list[Message]:
        shard = conversation_shard(ids.shard_of(conversation))
        names = await self._state.log(shard, "log", conversation, -most, -1)
        found = await self._state.many([(shard, MESSAGE, name) for name in names])
        return [message for message in found if message is not None]

    @staticmethod
    def position(message: Message) -> str:
        """Where the message stands."""
        return f"{milliseconds(message.at)}.{message.seq}"

    @classmethod
    def position_of(cls, event: Any) -> str:
        """Where an event's message stands; of other events, their own time."""
        message = getattr(event, "message", None)
        if isinstance(message, Message):
            return cls.position(message)
        return f"{milliseconds(event.at)}.{getattr(event, 'seq', None) or 0}"


def _order(position: str) -> tuple[int, int]:
    first, _, second = position.partition(".")
    if not (first.isascii() and first.isdigit() and (second or "0").isascii() and (second or "0").isdigit()):
        return (0, 0)
    return int(first), int(second or "0")
