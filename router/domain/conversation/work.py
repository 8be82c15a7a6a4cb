"""Who has the conversation: asking for an agent, and what dispatch answers.

While a conversation is live (open, waiting or snoozed) dispatch knows of it: it is asked once when it opens, when it is
reopened, and at a transfer; it is told when the conversation is over. Dispatch lines it up again by itself otherwise.
"""

from __future__ import annotations

from datetime import timedelta

from contracts.commands import Facts, ReleaseWork, RequestAgent, Transfer, WorkAssigned, WorkOffered, WorkReturned
from contracts.content import Part, Text
from contracts.conversation import Conversation
from contracts.events import (
    ConversationAssigned,
    ConversationOffered,
    ConversationQueued,
    ConversationTransferred,
    ConversationUnassigned,
    MessageNoted,
)
from contracts.ids import MESSAGE as MESSAGE_ID
from contracts.ids import digest
from contracts.message import Message
from contracts.streams import DISPATCH
from router.domain.conversation import context
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE, latest
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, CONVERSATION, MESSAGE, TAIL
from router.domain.turn import Refusal, Turn

FACTS_TEXT = 2000


def facts_of(turn: Turn, conversation: Conversation, text: str, previous_agent: str | None) -> Facts:
    """What the dispatch rules may look at."""
    contact = turn.get(CONTACT, conversation.contact)
    reach = conversation.reaches[-1] if conversation.reaches else None
    return Facts(
        channel=reach.channel if reach else "",
        account=reach.account if reach else "",
        channel_class=(reach.channel_class if reach else None) or "custom",
        contact=conversation.contact,
        language=conversation.language or (contact.language if contact else None),
        text=text[:FACTS_TEXT],
        tags=contact.tags if contact else (),
        previous_agent=previous_agent,
        priority=conversation.priority or None,
    )


def request(draft: Draft, facts: Facts, **how: object) -> None:
    """Asks dispatch for an agent."""
    now = draft.now
    since = now.waiting_since or draft.turn.at
    command = RequestAgent(conversation=now.id, facts=facts, waiting_since=since, **how)  # type: ignore[arg-type]
    draft.turn.tell(DISPATCH, command)


def release(draft: Draft, reason: str) -> None:
    """Tells dispatch that no agent is needed, and takes the conversation from whoever has it."""
    draft.turn.tell(DISPATCH, ReleaseWork(conversation=draft.now.id, reason=reason))
    unassign(draft, reason)


def unassign(draft: Draft, reason: str) -> None:
    """Nobody has it any more; who had it is remembered."""
    agent = draft.now.agent
    if agent is not None:
        draft.emit(ConversationUnassigned, reason=reason)
        draft.change(agent=None, assigned_at=None, agents=latest(draft.now.agents, agent))
    if draft.now.offered_to is not None or draft.now.queue is not None:
        draft.change(offered_to=None, queue=None)


def opening(draft: Draft, text: str) -> None:
    """Asks for an agent for a conversation that was opened or reopened; the one who had the customer last first."""
    contact = draft.turn.get(CONTACT, draft.now.contact)
    before = draft.now.agents or (contact.agents if contact else ())
    request(draft, facts_of(draft.turn, draft.now, text, before[-1] if before else None))


def transfer(turn: Turn, rules: ConversationRules, command: Transfer) -> None:
    """``Transfer``: to a queue's line, or to one agent. Who gave it to a queue does not get it back."""
    draft = Draft.of(turn, command.conversation, command.id)
    if draft.now.status not in LIVE:
        raise Refusal("conflict", "The conversation is over; reopen it before passing it on.")
    if command.queue is None and command.agent is None:
        raise Refusal("invalid", "A transfer names a queue or an agent.")
    giver = draft.now.agent
    draft.emit(ConversationTransferred, queue=command.queue, to_agent=command.agent, note=command.note, by=command.by)
    if command.note:
        _leave_note(draft, command)
    unassign(draft, "transferred")
    exclude = (giver,) if giver and command.agent is None else ()
    facts = facts_of(turn, draft.now, "", None)
    request(draft, facts, queue=command.queue, agent=command.agent, exclude=exclude, trigger="transferred")
    draft.save()


def _leave_note(draft: Draft, command: Transfer) -> None:
    turn = draft.turn
    id = f"{MESSAGE_ID}_{digest(turn.shard, turn.entry, 'transfer')}"
    add_note(draft, id, (Text(command.note or ""),), command.by)


def add_note(draft: Draft, id: str, parts: tuple[Part, ...], by: str) -> Message:
    """Writes a note among colleagues into the conversation."""
    now, turn = draft.now, draft.turn
    message = Message(
        id=id,
        conversation=now.id,
        contact=now.contact,
        seq=draft.seq + 1,
        direction="note",
        channel="note",
        account="",
        address="",
        parts=parts,
        at=turn.at,
        author=by,
        state="sent",
        command=draft.cause,
    )
    draft.emit(MessageNoted, message=message)
    turn.put(MESSAGE, id, message)
    turn.push("log", now.id, id)
    draft.change(tail=(*now.tail, id)[-TAIL:], messages=now.messages + 1)
    return message


def offered(turn: Turn, rules: ConversationRules, command: WorkOffered) -> None:
    """``WorkOffered``: on offer to an agent, who sees the context at once; or waiting in a queue's line."""
    draft = _concerned(turn, command.conversation)
    if draft is None:
        return
    if command.agent is None:
        draft.emit(
            ConversationQueued,
            queue=command.queue,
            priority=draft.now.priority,
            position=command.decision.position,
            decision=command.decision,
        )
    else:
        draft.emit(
            ConversationOffered,
            agent=command.agent,
            queue=command.queue,
            expires_at=command.expires_at,
            context=context.of(turn, rules, draft.now),
            decision=command.decision,
        )
    draft.save(queue=command.queue, offered_to=command.agent)


def assigned(turn: Turn, rules: ConversationRules, command: WorkAssigned) -> None:
    """``WorkAssigned``: the agent has it from now on, and is given everything known."""
    draft = _concerned(turn, command.conversation)
    if draft is None or draft.now.agent == command.agent:
        return
    unassign(draft, "reassigned")
    draft.change(agent=command.agent, queue=command.queue, offered_to=None, assigned_at=turn.at)
    draft.emit(
        ConversationAssigned,
        queue=command.queue,
        context=context.of(turn, rules, draft.now),
        decision=command.decision,
        waited_ms=_waited_ms(turn, draft.now),
    )
    draft.save()


def returned(turn: Turn, rules: ConversationRules, command: WorkReturned) -> None:
    """``WorkReturned``: the agent no longer has it, or no longer has it on offer."""
    conversation = turn.get(CONVERSATION, command.conversation)
    if conversation is None:
        return
    draft = Draft(turn, conversation, command.id)
    if conversation.agent == command.agent:
        unassign(draft, command.reason)
        draft.save()
    elif conversation.offered_to == command.agent:
        draft.save(offered_to=None)


def _concerned(turn: Turn, id: str) -> Draft | None:
    """What dispatch says of a conversation that was resolved meanwhile is out of date: our release is on its way."""
    conversation = turn.get(CONVERSATION, id)
    if conversation is None or conversation.status not in LIVE:
        return None
    return Draft(turn, conversation, None)


def _waited_ms(turn: Turn, conversation: Conversation) -> int | None:
    since = conversation.waiting_since
    return None if since is None else round((turn.at - since) / timedelta(milliseconds=1))
