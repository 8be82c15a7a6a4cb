"""Commands: what is asked of a shard. They travel on command streams; the tag ``type`` tells them apart.

A command that came over the API carries ``id``: its outcome is announced by a ``command.done`` event and kept for
a day, and the same id is carried out only once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.agent import Agent, Declared
from contracts.attachment import Attachment
from contracts.contact import Contact, ConversationRef
from contracts.content import Part
from contracts.conversation import Status
from contracts.decision import Decision
from contracts.identity import Claims, Identity, Profile
from contracts.inbound import Inbound
from contracts.message import Problem
from contracts.policy import Need, Policy
from contracts.terms import Terms


# gc=False (here and below it): values without cycles, made by the thousand and soon gone.
class Command(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Base of all commands. ``by``: the agent or token that asked, ``customer`` or ``system``."""

    id: str | None = None
    by: str = "system"


# -- to the shard of an identity, from edge ------------------------------------------------------------------------


class Detour(msgspec.Struct, frozen=True):
    """While it is found out whose an identity is, all that comes from it goes the same way, one behind the other."""

    contact: str
    """The id that stands for whoever it will be."""
    entry: str
    """What is on its way, by its entry at the identity's shard: the way is left when the last one has arrived."""


class Receive(Command, frozen=True, tag="receive"):
    """Something arrived on a channel. Also relayed, with ``home`` set, to the contact's home shard."""

    channel: str
    account: str
    channel_class: str
    event: Inbound
    raw: str | None = None
    """Where the raw payload is, when it is not in this very entry."""
    home: str | None = None
    """The contact that the identity's shard resolved; or a conversation's id: for that one, in its shard."""
    accepted_at: datetime | None = None
    """The stream time at which the identity's shard took it (set when relayed)."""
    grouping: Literal["contact", "channel", "thread"] = "contact"
    """What makes one conversation on this account."""
    hops: int = 0
    """How often it was relayed; what goes round in circles is stopped."""
    detour: Detour | None = None
    """Set while the identity's claim is being resolved: its arrival is confirmed to the identity's shard."""


class RepointIdentity(Command, frozen=True, tag="repoint_identity"):
    """To the identity's shard: from now on it belongs to this contact."""

    channel: str
    account: str
    address: str
    contact: str
    linked_by: str = "merge"
    previous: str | None = None
    """Set when it is passed on to the home of the contact that had the identity until now."""
    former: str | None = None
    """Only while the identity still points there; what comes too late is told who has it. None: in any case."""
    settles: bool = False
    """It ends a hand-over that was under way."""
    detour: Detour | None = None
    """This has arrived; counts only if nothing else of the identity was sent on the same way after it."""


class ClaimVerified(Command, frozen=True, tag="claim_verified"):
    """To the shard of a verified claim (``email:taro@example.jp``): this contact proved it."""

    claim: str
    contact: str


class ResolveClaim(Command, frozen=True, tag="resolve_claim"):
    """To the shard of a verified claim: somebody new, who proved it, wrote. Who proved it first is the same person.

    If nobody did, they are born there under the id ``contact``.
    """

    claim: str
    contact: str
    receive: Receive
    owner: str | None = None
    """Set when it goes on to the home of the contact that proved the claim first."""
    merged: str | None = None
    """That contact, when it was merged into ``owner``. If nothing came of that, this goes back to it, once."""
    settled: bool = False
    """It came back: what ``owner`` says now, holds."""


# -- to the contact's home shard -----------------------------------------------------------------------------------


class RedeemHandover(Command, frozen=True, tag="redeem_handover"):
    """A valid hand-over code was shown by an identity: link it to ``contact`` unless the code was used up.

    ``previous``: the contact the identity had before, if any; it is merged into ``contact``.
    """

    contact: str
    nonce: str
    receive: Receive
    previous: str | None = None
    conversation: str | None = None
    """The conversation that the code continues."""


class LinkIdentity(Command, frozen=True, tag="link_identity"):
    contact: str
    identity: Identity
    why: str


class UnlinkIdentity(Command, frozen=True, tag="unlink_identity"):
    """The identity leaves the contact and becomes a contact of its own again."""

    contact: str
    channel: str
    account: str
    address: str
    why: str


class MergeContact(Command, frozen=True, tag="merge_contact"):
    """To the home of ``contact``: it is merged into ``into`` and says so from now on."""

    contact: str
    into: str
    why: str
    linked_by: Literal["verified_claim", "handover", "agent", "merge"] = "merge"
    identity: str | None = None
    """Only if the contact has this identity (still)."""
    settled: bool = False
    """``into`` has taken it over already, by way of others."""


class AbsorbContact(Command, frozen=True, tag="absorb_contact"):
    """To the home of ``into``: take over what the merged contact had."""

    into: str
    contact: Contact
    why: str
    linked_by: str = "merge"
    through: tuple[str, ...] = ()
    """Contacts that passed it on, because they had been merged themselves."""


class RefuseMerge(Command, frozen=True, tag="refuse_merge"):
    """Back to the home of the contact that was to be merged: it stays itself."""

    contact: str
    into: str
    why: str


class UpdateContact(Command, frozen=True, tag="update_contact"):
    """Sets what is given; an attribute set to None is removed."""

    contact: str
    name: str | None = None
    language: str | None = None
    tags: tuple[str, ...] | None = None
    attributes: dict[str, str | None] = {}
    claims: Claims | None = None


class ProfileFetched(Command, frozen=True, tag="profile_fetched"):
    """The connector looked the person up."""

    channel: str
    account: str
    address: str
    profile: Profile
    home: str | None = None


class NoteConversation(Command, frozen=True, tag="note_conversation"):
    """To the contact's home: a conversation of theirs in another shard stands so now."""

    contact: str
    ref: ConversationRef


# -- to the conversation's shard -----------------------------------------------------------------------------------


class SendMessage(Command, frozen=True, tag="send_message"):
    """An answer. Without a target it goes back over the way the customer used last.

    An agent (``by="agent:..."``) is refused while the conversation is another's, so that a former owner cannot
    answer; and when ``floor`` is given and has passed.
    """

    conversation: str
    message: str
    parts: tuple[Part, ...]
    channel: str | None = None
    account: str | None = None
    address: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    extra: dict[str, Any] | None = None
    floor: int | None = None
    bulk: bool = False
    """Said to many at once: it waits behind answers when the account may not go faster."""


class AddNote(Command, frozen=True, tag="add_note"):
    conversation: str
    message: str
    parts: tuple[Part, ...]


class SetStatus(Command, frozen=True, tag="set_status"):
    conversation: str
    status: Status
    until: datetime | None = None
    """With ``snoozed``: when it opens again."""


class TagConversation(Command, frozen=True, tag="tag_conversation"):
    conversation: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    attributes: dict[str, str | None] = {}


class SetPriority(Command, frozen=True, tag="set_priority"):
    conversation: str
    priority: int


class Transfer(Command, frozen=True, tag="transfer"):
    """To a queue, or to an agent (``force`` ignores their capacity, never their presence). ``own``: refused unless the
    agent who asks has it.

    ``floor``: the floor the giver speaks for; refused when it has passed. ``summary``: for whoever gets it, shown
    with the context (a bot's handoff). ``skills``: what is needed from now on, beside what the rules ask.
    """

    conversation: str
    queue: str | None = None
    agent: str | None = None
    note: str | None = None
    force: bool = False
    floor: int | None = None
    summary: str | None = None
    skills: tuple[Need, ...] = ()
    own: bool = False


class Consult(Command, frozen=True, tag="consult"):
    """An agent is asked for advice: they see the conversation and write notes; it stays with its agent."""

    conversation: str
    agent: str
    note: str | None = None
    end: bool = False
    """The advice is over."""


class PutTerms(Command, frozen=True, tag="put_terms"):
    """From dispatch, to every conversation shard: what the published policy means for conversations."""

    terms: Terms


class WorkClassified(Command, frozen=True, tag="work_classified"):
    """From dispatch: what the rules made of it, told when it changed. ``sla`` None: nothing was promised."""

    conversation: str
    queue: str
    sla: str | None = None


class NotifyCustomer(Command, frozen=True, tag="notify_customer"):
    """From dispatch or ourselves: tell the customer a text of the policy, in their language, on the way they used last.

    ``values`` fill its placeholders, for example ``position`` and ``minutes``. Never sent to whom it cannot reach, and
    never twice for the same ``once``.
    """

    conversation: str
    text: str
    values: dict[str, str] = {}
    once: str | None = None


class WorkDiverted(Command, frozen=True, tag="work_diverted"):
    """From dispatch: an overflow was taken that concerns the customer."""

    conversation: str
    to: Literal["callback", "voicemail", "mail", "resolve"]
    queue: str
    text: str | None = None


class RequestCallback(Command, frozen=True, tag="request_callback"):
    """The customer wants to be called (or written) back instead of waiting; they keep their place."""

    conversation: str
    at: datetime | None = None
    """Not before; None: when it is their turn."""
    address: str | None = None
    """A number other than the one known."""


class Enriched(Command, frozen=True, tag="enriched"):
    """An enricher found something out, in time or late: what still waits is looked at again."""

    conversation: str
    enricher: str
    attributes: dict[str, str] = {}
    language: str | None = None


class DeliveryReported(Command, frozen=True, tag="delivery_reported"):
    """What came of sending: ``sent``, ``failed``, ``retry`` (again at ``retry_at``) or ``uncertain``; before it,
    ``sending``: the attempt has begun. ``provider_ids``: what the provider calls the pieces that this attempt sent."""

    conversation: str
    message: str
    attempt: int
    result: Literal["sent", "failed", "retry", "uncertain", "delivered", "sending"]
    provider_ids: tuple[str, ...] = ()
    problem: Problem | None = None
    retry_at: datetime | None = None
    sent_parts: int = 0
    used_token: bool = False


class AttachmentFetched(Command, frozen=True, tag="attachment_fetched"):
    conversation: str
    message: str
    attachment: Attachment


class WorkOffered(Command, frozen=True, tag="work_offered"):
    """From dispatch: the conversation is on offer to (or no longer offered to) an agent, or waits in a queue."""

    conversation: str
    decision: Decision
    queue: str
    agent: str | None = None
    expires_at: datetime | None = None
    voice: str | None = None
    """Where the agent is called, when the customer is on the telephone."""


class WorkAssigned(Command, frozen=True, tag="work_assigned"):
    conversation: str
    agent: str
    queue: str
    decision: Decision | None = None
    voice: str | None = None
    """As of :class:`WorkOffered`."""


class WorkReturned(Command, frozen=True, tag="work_returned"):
    """From dispatch: the agent no longer has it, and why (left, transferred ...)."""

    conversation: str
    agent: str
    reason: str


# -- to the dispatch shard -----------------------------------------------------------------------------------------


# gc=False: it holds values only, and dispatch keeps one for every conversation that waits.
class Facts(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the rules may look at."""

    channel: str
    account: str
    channel_class: str
    contact: str
    language: str | None = None
    text: str = ""
    """The first 2,000 characters of what started it."""
    tags: tuple[str, ...] = ()
    previous_agent: str | None = None
    priority: int | None = None
    preferred: tuple[str, ...] = ()
    """Agents whom the contact's record prefers, best first."""
    attributes: dict[str, str] = {}
    """Of the contact, then the conversation, then what enrichers found: a later one wins."""
    earlier: int = 0
    """How many conversations the contact had before."""
    last_at: datetime | None = None
    """When the one before this had its last message."""


class RequestAgent(Command, frozen=True, tag="request_agent"):
    conversation: str
    facts: Facts
    waiting_since: datetime
    queue: str | None = None
    """Set by a transfer: the rules are not asked."""
    agent: str | None = None
    """Set by a transfer: this agent, or back to the queue's line."""
    exclude: tuple[str, ...] = ()
    trigger: str = "work_arrived"
    force: bool = False
    """The named agent gets it whatever their capacity, if they are there."""
    skills: tuple[Need, ...] = ()
    """Needed beside what the rules ask (a handoff names them)."""
    raised: int = 0
    """Added to the priority for promises at risk or breached."""


class ReleaseWork(Command, frozen=True, tag="release_work"):
    """The conversation needs no agent any more: whatever is held for it is freed."""

    conversation: str
    reason: str


class PauseWork(Command, frozen=True, tag="pause_work"):
    """The customer has been silent for long: the conversation stays with its agent and holds no units."""

    conversation: str


class WakeWork(Command, frozen=True, tag="wake_work"):
    """The customer wrote again: its agent gets it back if they are there and it fits; otherwise it waits, for them
    first."""

    conversation: str
    waiting_since: datetime


class FinishWrapUp(Command, frozen=True, tag="finish_wrap_up"):
    """An agent has finished up: the units are free."""

    conversation: str
    agent: str


class TakeOver(Command, frozen=True, tag="take_over"):
    """A supervisor gives the conversation to an agent (themselves), whoever has it, whatever their capacity."""

    conversation: str
    agent: str
    why: str | None = None


class PutAgent(Command, frozen=True, tag="put_agent"):
    agent: Agent


class RemoveAgent(Command, frozen=True, tag="remove_agent"):
    agent: str


class DeclarePresence(Command, frozen=True, tag="declare_presence"):
    agent: str
    declared: Declared


class AgentConnection(Command, frozen=True, tag="agent_connection"):
    """A connection of the agent opened, still stands (said again every minute) or closed."""

    agent: str
    session: str
    connected: bool


class AcceptOffer(Command, frozen=True, tag="accept_offer"):
    conversation: str
    agent: str


class DeclineOffer(Command, frozen=True, tag="decline_offer"):
    conversation: str
    agent: str
    reason: str | None = None


class ClaimWork(Command, frozen=True, tag="claim_work"):
    """An agent takes a waiting conversation by hand, capacity permitting."""

    conversation: str
    agent: str


class PublishPolicy(Command, frozen=True, tag="publish_policy"):
    """``source`` ``config`` is said at each start and counts only when the file's policy changed since it was said
    last, so that a restart does not undo what was published by API. ``expected``: refused unless this number is in
    force."""

    policy: Policy
    source: Literal["api", "config"] = "api"
    expected: int | None = None
    why: str | None = None
    """Kept with the number, for whoever looks later."""


class RollbackPolicy(Command, frozen=True, tag="rollback_policy"):
    """Puts an earlier policy in force again, as a new number. None: the one before."""

    number: int | None = None
    expected: int | None = None
    why: str | None = None


# -- of the engine -------------------------------------------------------------------------------------------------


class TimerDue(Command, frozen=True, tag="timer_due"):
    """A timer of this shard came due. Ignored when it has been moved or cleared since."""

    timer: str
    due: int
    """Milliseconds since 1970."""


ConversationCommand = (
    Receive
    | RepointIdentity
    | ClaimVerified
    | ResolveClaim
    | RedeemHandover
    | LinkIdentity
    | UnlinkIdentity
    | MergeContact
    | AbsorbContact
    | RefuseMerge
    | UpdateContact
    | ProfileFetched
    | NoteConversation
    | SendMessage
    | AddNote
    | SetStatus
    | TagConversation
    | SetPriority
    | Transfer
    | Consult
    | PutTerms
    | WorkClassified
    | NotifyCustomer
    | WorkDiverted
    | RequestCallback
    | Enriched
    | DeliveryReported
    | AttachmentFetched
    | WorkOffered
    | WorkAssigned
    | WorkReturned
    | TimerDue
)
DispatchCommand = (
    RequestAgent
    | ReleaseWork
    | PauseWork
    | WakeWork
    | FinishWrapUp
    | TakeOver
    | PutAgent
    | RemoveAgent
    | DeclarePresence
    | AgentConnection
    | AcceptOffer
    | DeclineOffer
    | ClaimWork
    | PublishPolicy
    | RollbackPolicy
    | TimerDue
)
AnyCommand = (
    ConversationCommand
    | RequestAgent
    | ReleaseWork
    | PauseWork
    | WakeWork
    | FinishWrapUp
    | TakeOver
    | PutAgent
    | RemoveAgent
    | DeclarePresence
    | AgentConnection
    | AcceptOffer
    | DeclineOffer
    | ClaimWork
    | PublishPolicy
    | RollbackPolicy
)
