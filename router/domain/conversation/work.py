"""Who has the conversation: asking for an agent, and what dispatch answers.

While a conversation is live (open, waiting or snoozed) dispatch knows of it: it is asked once when it opens, when it is
reopened, and at a transfer; it is told what changes, and when the conversation is over. Dispatch lines it up again by
itself otherwise. Only what the customer wants to be called back for at a later time is kept from it until then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from contracts.codec import milliseconds
from contracts.commands import Facts, ReleaseWork, RequestAgent, Transfer, WorkAssigned, WorkOffered, WorkReturned
from contracts.contact import Contact, ConversationRef
from contracts.content import Part, Text, plain_text
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
from router.domain.conversation import context, line
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE, is_here, joined, latest
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.sla import raised
from router.domain.conversation.tables import CONTACT, CONVERSATION, MESSAGE, TAIL
from router.domain.conversation.terms import promise_of, terms_in
from router.domain.conversation.watch import leave, watch
from router.domain.effects import Enrich
from router.domain.turn import Refusal, Turn

FACTS_TEXT = 2000
LONGEST_SUMMARY: Final = 4000
PREFERRED: Final = "preferred_agent"
PREFERRED_TAG: Final = "agent:"
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def facts_now(draft: Draft, text: str = "") -> Facts:
    """What the dispatch rules may look at. Without a text they keep the one they know."""
    return facts_of(draft.turn, draft.now, text, _previous(draft))


def facts_of(turn: Turn, conversation: Conversation, text: str, previous_agent: str | None) -> Facts:
    contact = turn.get(CONTACT, conversation.contact)
    reach = conversation.reaches[-1] if conversation.reaches else None
    earlier = _earlier(contact, conversation)
    return Facts(
        channel=reach.channel if reach else "",
        account=reach.account if reach else "",
        channel_class=(reach.channel_class if reach else None) or "custom",
        contact=conversation.contact,
        language=conversation.language or (contact.language if contact else None),
        text=text[:FACTS_TEXT],
        tags=joined(contact.tags if contact else (), conversation.tags),
        previous_agent=previous_agent,
        priority=conversation.priority or None,
        preferred=_preferred(contact),
        attributes={**(contact.attributes if contact else {}), **conversation.attributes, **conversation.enriched},
        earlier=len(earlier),
        last_at=_last_at(turn, earlier[-1]) if earlier else None,
    )


def _previous(draft: Draft) -> str | None:
    """Who had this conversation last, or else the customer."""
    contact = draft.turn.get(CONTACT, draft.now.contact)
    before = draft.now.agents or (contact.agents if contact else ())
    return before[-1] if before else None


def _preferred(contact: Contact | None) -> tuple[str, ...]:
    """Agents whom the contact's record prefers, best first: the attribute ``preferred_agent`` (several by commas), then
    tags such as ``agent:hanako``."""
    if contact is None or not (contact.attributes or contact.tags):
        return ()
    named = [each.strip() for each in contact.attributes.get(PREFERRED, "").split(",")]
    tagged = [tag.removeprefix(PREFERRED_TAG) for tag in contact.tags if tag.startswith(PREFERRED_TAG)]
    return tuple(dict.fromkeys(filter(None, (*named, *tagged))))


def _earlier(contact: Contact | None, conversation: Conversation) -> list[ConversationRef]:
    """The contact's conversations before this one, as far as they are listed, oldest first."""
    refs = [ref for ref in (contact.conversations if contact is not None else ()) if ref.id != conversation.id]
    before = [ref for ref in refs if ref.opened_at is None or ref.opened_at <= conversation.opened_at]
    return sorted(before, key=lambda ref: ref.opened_at or EARLIEST)


def _last_at(turn: Turn, ref: ConversationRef) -> datetime | None:
    """When the conversation had its last message; of one in another shard, when it last changed hands or status."""
    conversation = turn.get(CONVERSATION, ref.id) if is_here(turn, ref.id) else None
    return conversation.last_message_at if conversation is not None else ref.last_at


def request(draft: Draft, facts: Facts, **how: object) -> None:
    """Asks dispatch for an agent."""
    now = draft.now
    since = now.waiting_since or draft.turn.at
    command = RequestAgent(
        conversation=now.id,
        facts=facts,
        waiting_since=since,
        raised=_raised(draft, now) if now.sla is not None else 0,
        **how,  # type: ignore[arg-type]
    )
    draft.turn.tell(DISPATCH, command)


def update(draft: Draft, trigger: str) -> None:
    """Tells dispatch what changed that its rules look at."""
    if draft.now.status in LIVE and draft.now.callback_at is None:
        request(draft, facts_now(draft), trigger=trigger)


def line_up(draft: Draft, trigger: str) -> None:
    """Asks for an agent again, for work that dispatch was told to forget."""
    messages = (draft.turn.get(MESSAGE, id) for id in draft.now.tail)
    first = next((each for each in messages if each is not None and each.direction == "inbound"), None)
    request(draft, facts_now(draft, plain_text(first.parts) if first is not None else ""), trigger=trigger)


def rank(draft: Draft) -> None:
    """Tells dispatch when what was promised makes it more, or less, urgent; after the conversation was written."""
    before, now = draft.before, draft.now
    was = _raised(draft, before) if before is not None and before.sla is not None else 0
    if was != (_raised(draft, now) if now.sla is not None else 0):
        update(draft, "promise")


def _raised(draft: Draft, conversation: Conversation) -> int:
    state = conversation.sla
    return raised(promise_of(terms_in(draft.turn), state.name), state) if state is not None else 0


def release(draft: Draft, reason: str) -> None:
    """Tells dispatch that no agent is needed, and takes the conversation from whoever has it."""
    draft.turn.tell(DISPATCH, ReleaseWork(conversation=draft.now.id, reason=reason))
    unassign(draft, reason)


def unassign(draft: Draft, reason: str) -> None:
    """Nobody has it any more; who had it is remembered."""
    agent = draft.now.agent
    if agent is not None:
        leave(draft)
        draft.emit(ConversationUnassigned, reason=reason)
        floor, agents = draft.now.floor + 1, latest(draft.now.agents, agent)
        draft.change(agent=None, assigned_at=None, agents=agents, floor=floor, idle=False)
    if draft.now.offered_to is not None or draft.now.queue is not None:
        draft.change(offered_to=None, queue=None)


def opening(draft: Draft, text: str) -> None:
    """Asks for an agent for a conversation that was opened or reopened; the one who had the customer last first."""
    facts = facts_now(draft, text)
    request(draft, facts)
    draft.turn.after(Enrich(draft.now.id, facts))


def transfer(turn: Turn, rules: ConversationRules, command: Transfer) -> None:
    """``Transfer``: to a queue's line, or to one agent. Who gave it to a queue does not get it back."""
    draft = Draft.of(turn, command.conversation, command.id)
    _may_transfer(turn, rules, draft.now, command)
    giver = draft.now.agent
    draft.emit(
        ConversationTransferred,
        queue=command.queue,
        to_agent=command.agent,
        note=command.note,
        summary=command.summary,
        by=command.by,
    )
    if command.note:
        _leave_note(draft, command)
    unassign(draft, "transferred")
    draft.change(summary=command.summary or draft.now.summary, callback_at=None)
    if giver in terms_in(turn).bots and draft.now.waiting_since is None:
        draft.change(waiting_since=turn.at)  # for a person, from now on
    exclude = (giver,) if giver and command.agent is None else ()
    request(
        draft,
        facts_of(turn, draft.now, "", None),
        queue=command.queue,
        agent=command.agent,
        exclude=exclude,
        trigger="transferred",
        force=command.force,
        skills=command.skills,
    )
    draft.save()


def _may_transfer(turn: Turn, rules: ConversationRules, now: Conversation, command: Transfer) -> None:
    if now.status not in LIVE:
        raise Refusal("conflict", "The conversation is over; reopen it before passing it on.")
    if command.queue is None and command.agent is None:
        raise Refusal("invalid", "A transfer names a queue or an agent.")
    if len(command.summary or "") > LONGEST_SUMMARY:
        raise Refusal("invalid", f"A summary has at most {LONGEST_SUMMARY} characters.")
    if command.own and command.by != f"{rules.agent_prefix}{now.agent}":
        raise Refusal("conflict", "Only who has the conversation can hand it over.")
    holds_floor(turn, rules, now, command.by, command.floor)


def holds_floor(turn: Turn, rules: ConversationRules, now: Conversation, by: str, floor: int | None) -> None:
    """Raises Refusal when whoever asks speaks for a floor that has passed, or is a program and has not got it."""
    if floor is not None and floor != now.floor:
        raise Refusal("conflict", "Somebody else has got the conversation meanwhile.")
    agent = by.removeprefix(rules.agent_prefix) if by.startswith(rules.agent_prefix) else None
    if agent is not None and agent != now.agent and agent in terms_in(turn).bots:
        raise Refusal("conflict", "A bot may only speak while it has the conversation.")


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
        line.put_through(draft, command.agent, command.voice, _ms(command.expires_at))
    draft.save(queue=command.queue, offered_to=command.agent)


def assigned(turn: Turn, rules: ConversationRules, command: WorkAssigned) -> None:
    """``WorkAssigned``: the agent has it from now on, and is given everything known."""
    draft = _concerned(turn, command.conversation)
    if draft is None or draft.now.agent == command.agent:
        return
    rings = draft.now.offered_to == command.agent
    unassign(draft, "reassigned")
    draft.change(
        agent=command.agent,
        queue=command.queue,
        offered_to=None,
        assigned_at=turn.at,
        floor=draft.now.floor + 1,
        consulted=tuple(each for each in draft.now.consulted if each != command.agent),
        diverted=None,
    )
    draft.emit(
        ConversationAssigned,
        queue=command.queue,
        context=context.of(turn, rules, draft.now),
        decision=command.decision,
        waited_ms=_waited_ms(turn, draft.now),
        floor=draft.now.floor,
    )
    if not rings or command.voice is None:
        line.put_through(draft, command.agent, command.voice, None)
    watch(draft)
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
    """What dispatch says of a conversation that was resolved (or put off) meanwhile is out of date: our release is on
    its way."""
    conversation = turn.get(CONVERSATION, id)
    if conversation is None or conversation.status not in LIVE or conversation.callback_at is not None:
        return None
    return Draft(turn, conversation, None)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _waited_ms(turn: Turn, conversation: Conversation) -> int | None:
    since = conversation.waiting_since
    return None if since is None else round((turn.at - since) / timedelta(milliseconds=1))
