"""A little world for the tests of conversation rules: people who write, and agents who answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from contracts.codec import milliseconds, moment, tag_of
from contracts.commands import (
    DeliveryReported,
    LinkIdentity,
    MergeContact,
    PutTerms,
    Receive,
    SendMessage,
    SetStatus,
    WorkAssigned,
)
from contracts.contact import Contact
from contracts.content import Part, Text
from contracts.conversation import Conversation
from contracts.events import Event
from contracts.identity import Identity
from contracts.ids import identity_key, shard_for, shard_of
from contracts.inbound import Inbound, InboundMessage, Sender
from contracts.message import Message
from contracts.streams import DISPATCH, conversation_shard
from contracts.terms import Terms
from router.domain.conversation import ConversationHandler, ConversationRules
from router.domain.conversation.tables import CONTACT, CONVERSATION, IDENTITY, MESSAGE
from router.domain.effects import Deliver
from router.domain.handover import issue
from tests.router.domain.memory import MemoryStore

KEY = b"a key for tests only"
RULES = ConversationRules(handover_key=KEY)
CLASSES = {"line": "social", "webchat": "chat", "email": "email"}


class World:
    """A store with conversation rules only; what dispatch is told is in ``store.undelivered``."""

    def __init__(self, shards: int = 4, rules: ConversationRules = RULES) -> None:
        self.store = MemoryStore(lambda name: None if name == DISPATCH else ConversationHandler(rules), shards)
        self.shards = shards
        self.numbers = count(1)

    # -- what people do ---------------------------------------------------------------------------------------------

    def address(self, name: str, shard: int, channel: str = "line", account: str | None = None) -> str:
        """An address that hashes to the shard."""
        for number in count():
            address = f"{name}{number}"
            if shard_for(identity_key(channel, account or channel, address), self.shards) == shard:
                return address
        raise AssertionError

    def command(
        self, event: Inbound, channel: str = "line", account: str | None = None, grouping: Any = "contact"
    ) -> Receive:
        return Receive(
            channel=channel,
            account=account or channel,
            channel_class=CLASSES.get(channel, "custom"),
            event=event,
            grouping=grouping,
        )

    def put(self, command: Receive) -> None:
        """To the shard of its identity, as edge does."""
        key = identity_key(command.channel, command.account, command.event.sender.address)
        self.store.submit(conversation_shard(shard_for(key, self.shards)), command)

    def arrive(
        self, event: Inbound, channel: str = "line", account: str | None = None, grouping: Any = "contact"
    ) -> None:
        self.put(self.command(event, channel, account, grouping))
        self.store.settle()

    def write(self, address: str, words: str = "hello", channel: str = "line", **more: Any) -> str:
        """The customer writes; the provider's id of the message."""
        account, grouping = more.pop("account", None), more.pop("grouping", "contact")
        event = self.message(address, words, **more)
        self.arrive(event, channel, account, grouping)
        return event.provider_id

    def message(self, address: str, words: str = "hello", **more: Any) -> InboundMessage:
        more.setdefault("provider_id", f"p{next(self.numbers)}")
        more.setdefault("parts", (Text(words),))
        sender = more.pop("sender", None) or Sender(address, verified=True)
        return InboundMessage(sender=sender, **more)

    def code(self, contact: str, conversation: str | None = None, seconds: int = 900, nonce: str | None = None) -> str:
        """A hand-over code for the contact."""
        expires_ms = (self.store.now_ms // 1000 + seconds) * 1000
        return issue(KEY, contact, conversation, nonce or f"n{next(self.numbers)}", expires_ms)

    # -- what agents do ---------------------------------------------------------------------------------------------

    def ask(self, *commands: Any) -> None:
        """Commands to the shard of their conversation (or contact)."""
        for command in commands:
            place = getattr(command, "conversation", None) or command.contact
            self.store.submit(conversation_shard(shard_of(place)), command)
        self.store.settle()

    def link(self, contact: str, address: str, channel: str = "line", **more: Any) -> None:
        identity = Identity(channel, channel, address, contact)
        self.ask(LinkIdentity(contact=contact, identity=identity, why="the customer said so", by="agent:a", **more))

    def merge(self, contact: str, into: str, **more: Any) -> None:
        self.ask(MergeContact(contact=contact, into=into, why="the same person", by="agent:a", **more))

    def assign(self, conversation: str, agent: str) -> None:
        self.ask(WorkAssigned(conversation=conversation, agent=agent, queue="default"))

    def terms(self, terms: Terms) -> None:
        """What dispatch says that the policy means, to every shard."""
        for number in range(self.shards):
            self.store.submit(conversation_shard(number), PutTerms(terms=terms))
        self.store.settle()

    def until(self, at: datetime) -> None:
        """Lets time pass to that moment, with the timers that come due."""
        self.store.advance(ms=milliseconds(at) - self.store.now_ms)

    def answer(self, conversation: str, words: str = "hi", by: str = "agent:a", **more: Any) -> str:
        id = more.pop("message", None) or f"ms_out{next(self.numbers)}"
        parts: tuple[Part, ...] = (Text(words),)
        self.ask(SendMessage(conversation=conversation, message=id, parts=parts, by=by, **more))
        return id

    def status(self, conversation: str, status: Any, **more: Any) -> None:
        until = more.pop("in_s", None)
        if until is not None:
            more["until"] = moment(self.store.now_ms) + timedelta(seconds=until)
        self.ask(SetStatus(conversation=conversation, status=status, **more))

    def deliver(self, result: Any = "sent", **more: Any) -> list[Deliver]:
        """The delivery loop: reports on everything that is to be sent now."""
        effects = self.store.effects(Deliver)
        for effect in effects:
            report: dict[str, Any] = {"provider_ids": (f"out-{effect.message}",)} if result == "sent" else {}
            report.update(more)
            self.ask(
                DeliveryReported(
                    conversation=effect.conversation,
                    message=effect.message,
                    attempt=effect.attempt,
                    result=result,
                    **report,
                )
            )
        return effects

    # -- what there is ----------------------------------------------------------------------------------------------

    @property
    def conversations(self) -> list[Conversation]:
        return sorted(self.store.rows(CONVERSATION).values(), key=lambda each: (each.opened_at, each.id))

    @property
    def conversation(self) -> Conversation:
        """The only one."""
        (only,) = self.conversations
        return only

    @property
    def contacts(self) -> list[Contact]:
        """Those that were not merged into others."""
        return [each for each in self.store.rows(CONTACT).values() if each.merged_into is None]

    @property
    def contact(self) -> Contact:
        (only,) = self.contacts
        return only

    def owner(self, address: str, channel: str = "line", account: str | None = None) -> str:
        """The contact that an identity points to."""
        return self.store.rows(IDENTITY)[identity_key(channel, account or channel, address)].contact

    def messages(self, conversation: str | None = None) -> list[Message]:
        found = [each for each in self.store.rows(MESSAGE).values() if conversation in (None, each.conversation)]
        return sorted(found, key=lambda each: (each.conversation, each.seq))

    def words(self, conversation: str | None = None) -> list[str]:
        return [part.text for each in self.messages(conversation) for part in each.parts if isinstance(part, Text)]

    def story(self, conversation: str | None = None) -> list[str]:
        """The types of a conversation's events, in order."""
        id = conversation or self.conversation.id
        return [tag_of(event) for event in self.events(id)]

    def events(self, conversation: str) -> list[Event]:
        return [event for event in self.store.events(kind=Event) if event.conversation == conversation]

    def told(self, kind: Any) -> list[Any]:
        """What dispatch was told, of a kind."""
        return [command for _, command in self.store.undelivered if isinstance(command, kind)]

    def check(self, at_once: bool = False) -> None:
        """What must hold at any time: numbers without a gap, no rings, the same log gives the same bytes; and unless
        people were linked and merged in several shards ``at_once``, one list for each identity."""
        for conversation in self.conversations:
            numbers = [event.seq for event in self.events(conversation.id)]
            assert numbers == list(range(1, conversation.seq + 1))
        if not at_once:
            self._check_lists()
        people = self.store.rows(CONTACT)
        for contact in people:
            self.final(people, contact)
        for name, shard in self.store.shards.items():
            assert self.store.replay(name) == shard.events

    def _check_lists(self) -> None:
        """Every identity is in the list of exactly one living contact, and its pointer leads there."""
        people = self.store.rows(CONTACT)
        owners: dict[str, list[str]] = {}
        for contact in self.contacts:
            for identity in contact.identities:
                assert identity.contact == contact.id
                owners.setdefault(identity.key, []).append(contact.id)
        for key, pointer in self.store.rows(IDENTITY).items():
            assert owners.get(key) == [self.final(people, pointer.contact)], key

    def final(self, people: dict[str, Contact], id: str) -> str:
        """The living contact at the end of the merges."""
        for _ in range(len(people) + 1):
            into = people[id].merged_into
            if into is None:
                return id
            id = into
        raise AssertionError("contacts are merged in a ring")
