"""Events: what happened. They travel on event streams, in order; the tag ``type`` tells them apart.

Every event of a conversation carries ``conversation``, ``contact`` and ``seq``: seq starts at 1 and has no gaps.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.agent import AgentState, Presence
from contracts.attachment import Attachment
from contracts.contact import Contact
from contracts.content import Part
from contracts.conversation import Context, Status
from contracts.decision import Decision
from contracts.identity import Identity
from contracts.message import Message, MessageState, Problem, Reacted
from contracts.policy import Policy
from contracts.sla import Target


# gc=False (here and below it): values without cycles, made by the thousand and soon gone.
class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Base of all events. ``version`` rises when the meaning of a type changes; optional fields may come any time."""

    id: str
    """The same for the same command log; unique over all streams."""
    at: datetime
    conversation: str | None = None
    contact: str | None = None
    agent: str | None = None
    seq: int | None = None
    version: int = 1
    cause: str | None = None
    """The API command that asked for it."""


class ConversationOpened(Event, frozen=True, tag="conversation.opened"):
    channel: str
    account: str
    subject: str | None = None
    language: str | None = None
    priority: int = 0


class ConversationReopened(Event, frozen=True, tag="conversation.reopened"):
    reason: str


class ConversationStatusChanged(Event, frozen=True, tag="conversation.status_changed"):
    status: Status
    previous: Status
    until: datetime | None = None
    by: str = "system"


class ConversationQueued(Event, frozen=True, tag="conversation.queued"):
    """It waits for an agent; ``position`` counts from 1 in its queue."""

    queue: str
    priority: int = 0
    position: int | None = None
    decision: Decision | None = None


class ConversationOffered(Event, frozen=True, tag="conversation.offered"):
    queue: str
    expires_at: datetime | None = None
    context: Context | None = None
    decision: Decision | None = None


class ConversationAssigned(Event, frozen=True, tag="conversation.assigned"):
    """``agent`` has it from now on, and is given everything known of the customer."""

    queue: str
    context: Context
    decision: Decision | None = None
    waited_ms: int | None = None
    floor: int = 0
    """Said along with an answer, it is refused once somebody else has the conversation."""


class ConversationUnassigned(Event, frozen=True, tag="conversation.unassigned"):
    reason: str


class ConversationTagged(Event, frozen=True, tag="conversation.tagged"):
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    by: str = "system"


class ConversationPriorityChanged(Event, frozen=True, tag="conversation.priority_changed"):
    priority: int
    by: str = "system"


class ConversationTransferred(Event, frozen=True, tag="conversation.transferred"):
    queue: str | None = None
    to_agent: str | None = None
    note: str | None = None
    summary: str | None = None
    by: str = "system"


class ConversationConsulted(Event, frozen=True, tag="conversation.consulted"):
    """``consultant`` was asked for advice, or (``ended``) no longer is."""

    consultant: str
    note: str | None = None
    ended: bool = False
    by: str = "system"


class ConversationIdled(Event, frozen=True, tag="conversation.idled"):
    """The customer is silent: its agent keeps it, and it holds none of their capacity."""


class ConversationWoken(Event, frozen=True, tag="conversation.woken"):
    """The customer wrote again in an idle conversation."""


class ConversationDiverted(Event, frozen=True, tag="conversation.diverted"):
    """The customer was offered (or asked for) something else than waiting: ``callback``, ``voicemail`` or ``mail``."""

    to: str
    queue: str | None = None
    callback_at: datetime | None = None
    address: str | None = None


class ConversationEnriched(Event, frozen=True, tag="conversation.enriched"):
    enricher: str
    attributes: dict[str, str] = {}
    language: str | None = None


class SlaChanged(Event, frozen=True):
    sla: str
    target: Target
    due_at: datetime | None = None


class SlaStarted(SlaChanged, frozen=True, tag="sla.started"):
    """A promise runs from now on, or runs again after a pause."""


class SlaPaused(SlaChanged, frozen=True, tag="sla.paused"):
    left_s: int = 0


class SlaAtRisk(SlaChanged, frozen=True, tag="sla.at_risk"):
    """Most of the time has passed."""


class SlaBreached(SlaChanged, frozen=True, tag="sla.breached"):
    """The time is over. The clock stays until the target is reached."""


class SlaMet(SlaChanged, frozen=True, tag="sla.met"):
    """The target was reached; ``late_s`` is above 0 when it had been breached."""

    late_s: int = 0


class MessageReceived(Event, frozen=True, tag="message.received"):
    message: Message


class MessageQueued(Event, frozen=True, tag="message.queued"):
    """An outbound message was accepted and is on its way."""

    message: Message


class MessageNoted(Event, frozen=True, tag="message.noted"):
    """A note among colleagues; it never leaves."""

    message: Message


class MessageStateChanged(Event, frozen=True):
    message_id: str
    state: MessageState
    channel: str | None = None
    account: str | None = None
    provider_id: str | None = None
    problem: Problem | None = None
    attempt: int | None = None


class MessageSending(MessageStateChanged, frozen=True, tag="message.sending"):
    """It is being handed to the provider."""


class MessageSent(MessageStateChanged, frozen=True, tag="message.sent"): ...


class MessageDelivered(MessageStateChanged, frozen=True, tag="message.delivered"): ...


class MessageRead(MessageStateChanged, frozen=True, tag="message.read"): ...


class MessageFailed(MessageStateChanged, frozen=True, tag="message.failed"): ...


class MessageUncertain(MessageStateChanged, frozen=True, tag="message.uncertain"):
    """It may or may not have been sent, and nothing we can ask tells which; never sent again by itself."""


class MessageEdited(Event, frozen=True, tag="message.edited"):
    message_id: str
    parts: tuple[Part, ...]
    edited_at: datetime
    joined: bool = False
    """Nothing was changed: another item of the album has come, and ``parts`` is all there is by now."""


class MessageUnsent(Event, frozen=True, tag="message.unsent"):
    message_id: str


class MessageReacted(Event, frozen=True, tag="message.reacted"):
    message_id: str
    reaction: Reacted
    removed: bool = False


class AttachmentChanged(Event, frozen=True, tag="attachment.changed"):
    """An attachment was fetched, or could not be."""

    message_id: str
    attachment: Attachment


class ContactCreated(Event, frozen=True, tag="contact.created"):
    person: Contact


class ContactUpdated(Event, frozen=True, tag="contact.updated"):
    person: Contact
    by: str = "system"


class ContactMerged(Event, frozen=True, tag="contact.merged"):
    """``contact`` took over everything of ``merged``."""

    merged: str
    why: str
    by: str = "system"


class IdentityLinked(Event, frozen=True, tag="identity.linked"):
    identity: Identity
    why: str
    by: str = "system"


class IdentityUnlinked(Event, frozen=True, tag="identity.unlinked"):
    identity: Identity
    why: str
    by: str = "system"


class IdentityChanged(Event, frozen=True, tag="identity.changed"):
    """Followed, blocked, renamed ..."""

    identity: Identity
    reason: str | None = None


class DecisionMade(Event, frozen=True, tag="decision.made"):
    decision: Decision


class OfferMade(Event, frozen=True, tag="offer.made"):
    queue: str
    expires_at: datetime | None = None


class OfferAccepted(Event, frozen=True, tag="offer.accepted"):
    queue: str


class OfferDeclined(Event, frozen=True, tag="offer.declined"):
    queue: str
    reason: str | None = None


class OfferExpired(Event, frozen=True, tag="offer.expired"):
    queue: str


class OfferWithdrawn(Event, frozen=True, tag="offer.withdrawn"):
    queue: str
    reason: str


class WrapUpStarted(Event, frozen=True, tag="wrap_up.started"):
    """The conversation is over; its agent's units are held until then."""

    until: datetime


class WrapUpEnded(Event, frozen=True, tag="wrap_up.ended"): ...


class WorkEscalated(Event, frozen=True, tag="work.escalated"):
    """Too many declined it, or nobody answered in time."""

    queue: str
    reason: str


class WorkOverflowed(Event, frozen=True, tag="work.overflowed"):
    """An overflow of ``queue`` was taken: what it did, and the queue the work is in now."""

    queue: str
    when: str
    do: str
    to: str | None = None


class AgentChanged(Event, frozen=True, tag="agent.changed"):
    """Declared, changed or removed; ``state`` is None when removed."""

    state: AgentState | None = None


class AgentPresenceChanged(Event, frozen=True, tag="agent.presence_changed"):
    presence: Presence
    available: bool


class PolicyPublished(Event, frozen=True, tag="policy.published"):
    """``number`` counts every policy that was in force; ``rolled_back_to``: it is that one again."""

    policy: Policy
    by: str = "system"
    number: int = 0
    rolled_back_to: int | None = None


class CommandDone(Event, frozen=True, tag="command.done"):
    """The outcome of a command that came over the API; ``problem`` is None when it was carried out."""

    command: str
    problem: Problem | None = None
    result: dict[str, str] = {}


EventUnion = (
    ConversationOpened
    | ConversationReopened
    | ConversationStatusChanged
    | ConversationQueued
    | ConversationOffered
    | ConversationAssigned
    | ConversationUnassigned
    | ConversationTagged
    | ConversationPriorityChanged
    | ConversationTransferred
    | ConversationConsulted
    | ConversationIdled
    | ConversationWoken
    | ConversationDiverted
    | ConversationEnriched
    | SlaStarted
    | SlaPaused
    | SlaAtRisk
    | SlaBreached
    | SlaMet
    | MessageReceived
    | MessageQueued
    | MessageNoted
    | MessageSending
    | MessageSent
    | MessageDelivered
    | MessageRead
    | MessageFailed
    | MessageUncertain
    | MessageEdited
    | MessageUnsent
    | MessageReacted
    | AttachmentChanged
    | ContactCreated
    | ContactUpdated
    | ContactMerged
    | IdentityLinked
    | IdentityUnlinked
    | IdentityChanged
    | DecisionMade
    | OfferMade
    | OfferAccepted
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | WrapUpStarted
    | WrapUpEnded
    | WorkEscalated
    | WorkOverflowed
    | AgentChanged
    | AgentPresenceChanged
    | PolicyPublished
    | CommandDone
)
