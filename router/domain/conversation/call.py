"""The telephone, as a conversation sees it: whom the caller is put through to, and what became of the call.

What the caller is to hear or where they are to go is an automatic message with a ``call`` part, sent like any other:
in order, at most once, its outcome kept. What the line tells comes back as ``InboundCall``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from contracts.commands import AcceptOffer, Command, DeclineOffer, SetStatus
from contracts.contact import Contact
from contracts.content import Call, Postback
from contracts.events import ConversationTagged, MessageEdited
from contracts.message import Message
from contracts.streams import DISPATCH
from router.domain.conversation import divert, line, status, work
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.draft import Draft
from router.domain.conversation.find import message_here, pass_on
from router.domain.conversation.listing import LIVE, joined
from router.domain.conversation.tables import CONVERSATION, MESSAGE
from router.domain.conversation.texts import CALLBACK

MISSED: Final = "missed_call"
"""The tag of a conversation whose caller hung up before anybody answered."""


def receive(arrival: Arrival, contact: Contact) -> None:
    """``InboundCall``: about a call that we know."""
    event = arrival.event
    message = message_here(arrival, arrival.message_id)
    conversation = arrival.turn.get(CONVERSATION, message.conversation) if message is not None else None
    if message is None or conversation is None:
        pass_on(arrival, contact)
        return
    draft = Draft(arrival.turn, conversation, None)
    match event.did:
        case "answered":
            _answered(draft, arrival, message)
        case "unanswered":
            _unanswered(draft, arrival, message)
        case "ended":
            _ended(draft, arrival, message)
        case _:
            _edit(draft, arrival, message, transcript=event.transcript)
    if draft.seq != conversation.seq:
        draft.save()


def heard(draft: Draft, arrival: Arrival) -> None:
    """The caller pressed the key for a call back: nobody need have offered it."""
    wants = any(isinstance(part, Postback) and part.value == CALLBACK for part in arrival.event.parts)
    if wants and CALLBACK not in draft.now.tags and draft.now.agent is None:
        divert.call_back(draft, arrival.rules)


# -- what the line tells -----------------------------------------------------------------------------------------------


def _answered(draft: Draft, arrival: Arrival, message: Message) -> None:
    """Whoever picks up has accepted."""
    agent = arrival.event.agent
    if agent is not None and draft.now.offered_to == agent:
        by = f"{arrival.rules.agent_prefix}{agent}"
        _tell(draft, AcceptOffer(conversation=draft.now.id, agent=agent, by=by))
    if line.call_in(message).state in line.ON_THE_LINE:
        _edit(draft, arrival, message, state="answered", agent=agent)


def _unanswered(draft: Draft, arrival: Arrival, message: Message) -> None:
    """Who does not pick up has declined; had they accepted elsewhere, the caller goes back to the front of the line."""
    agent, now = arrival.event.agent, draft.now
    if agent is None or now.status not in LIVE:
        return
    if now.offered_to == agent:
        by = f"{arrival.rules.agent_prefix}{agent}"
        reason = arrival.event.reason or "not answered"
        _tell(draft, DeclineOffer(conversation=now.id, agent=agent, reason=reason, by=by))
    elif now.agent == agent and line.call_in(message).state != "answered":
        queue = now.queue
        work.unassign(draft, "not answered")
        facts = work.facts_of(draft.turn, draft.now, "", None)
        work.request(draft, facts, queue=queue, exclude=(agent,), trigger="unanswered")


def _ended(draft: Draft, arrival: Arrival, message: Message) -> None:
    """A talk that is over is done; a call that nobody took is a missed one. Who will be called back keeps their
    place."""
    call = line.call_in(message)
    agent, now = arrival.event.agent, draft.now
    # That it is theirs may still be on its way back from dispatch.
    spoke = call.state == "answered" or (agent is not None and agent in (now.agent, now.offered_to))
    if call.state in line.ON_THE_LINE:
        state = "ended" if spoke else "missed"
        _edit(draft, arrival, message, state=state, duration_s=arrival.event.duration_s)
    if draft.now.status not in LIVE or (CALLBACK in draft.now.tags and not spoke):
        return
    if not spoke and MISSED not in draft.now.tags:
        draft.change(tags=joined(draft.now.tags, (MISSED,)))
        draft.emit(ConversationTagged, tags=draft.now.tags, attributes=draft.now.attributes)
    end = SetStatus(conversation=draft.now.id, status="resolved")
    status.change(draft, arrival.rules, "resolved", end)


def _edit(draft: Draft, arrival: Arrival, message: Message, **changes: object) -> None:
    """The call on the timeline stands so from now on."""
    at: datetime = arrival.event.sent_at or arrival.at
    parts = tuple(replace(part, **changes) if isinstance(part, Call) else part for part in message.parts)
    if parts == message.parts:
        return
    draft.turn.put(MESSAGE, message.id, replace(message, parts=parts, edited_at=at))
    draft.emit(MessageEdited, message_id=message.id, parts=parts, edited_at=at)


def _tell(draft: Draft, command: Command) -> None:
    draft.turn.tell(DISPATCH, command)
