"""Something that arrived on a channel, on its way through the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from contracts.commands import Receive
from contracts.contact import Contact
from contracts.identity import Identity
from contracts.ids import identity_key, message_id
from contracts.inbound import InboundMessage
from router.domain.conversation.listing import home_of
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import TRACE, Trace
from router.domain.turn import Turn


@dataclass(slots=True)
class Arrival:
    """A ``Receive`` and what has been found out about it. ``event`` is one of the inbound facts."""

    turn: Turn
    rules: ConversationRules
    command: Receive
    event: Any
    conversation: str | None = None
    """The one that it is for, when that is settled already."""
    message: str | None = None
    """The message's id, once worked out."""
    trace: Trace | None = None
    """What was known of the message's id before."""
    flags: tuple[str, ...] = ()
    steps: int = 0
    """How many contacts of this shard have passed it on."""
    final: bool = False
    """It was sent to this shard for a conversation: not to be passed on any more."""

    @property
    def key(self) -> str:
        """The identity it came from."""
        return identity_key(self.command.channel, self.command.account, self.event.sender.address)

    @property
    def message_id(self) -> str:
        """The id of the message that the event brings or is about."""
        if self.message is None:
            self.message = message_id(self.command.account, self.event.provider_id)
        return self.message

    @property
    def at(self) -> datetime:
        """When we accepted it."""
        return self.command.accepted_at or self.turn.at

    @property
    def raw(self) -> str:
        """Where the raw payload is."""
        return self.command.raw or f"{self.turn.shard}/{self.turn.entry}"

    def relay(self, home: str) -> None:
        """Passes it on to the shard of a contact or conversation, or to the end of this shard's own stream."""
        if self.command.home is None:
            self.leave()
        self.turn.tell(home_of(home), self.onward(home))

    def leave(self) -> None:
        """A message goes on from its identity's shard: it is remembered there, for when the provider sends it again."""
        if type(self.event) is InboundMessage:
            self.trace = replace(self.trace or Trace(), relayed=True)
            self.turn.put(TRACE, self.message_id, self.trace)

    def onward(self, home: str | None) -> Receive:
        """The command as it is passed on: it says when we accepted it and where its raw payload is."""
        return replace(self.command, home=home, accepted_at=self.at, raw=self.raw, hops=self.command.hops + 1)

    def identity_in(self, contact: Contact) -> Identity | None:
        """The contact's identity that it came from."""
        address, account, channel = self.event.sender.address, self.command.account, self.command.channel
        for identity in contact.identities:
            if identity.address == address and identity.account == account and identity.channel == channel:
                return identity
        return None
