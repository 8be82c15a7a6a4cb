"""Answers and notes: what agents and services say."""

from __future__ import annotations

from contracts.commands import AddNote, SendMessage
from contracts.conversation import Conversation, Reach
from contracts.events import MessageQueued
from contracts.message import Message
from router.domain.conversation import deliver, permit, work
from router.domain.conversation.draft import Draft
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, MESSAGE, REPLY, TAIL
from router.domain.conversation.watch import watch
from router.domain.reply.target import identity_of, known_way
from router.domain.turn import Refusal, Turn

BULK = "bulk"
"""Flag of what was said to many at once: answers go before it."""
MOST_SENDING = 500
"""Answers waiting to be sent in one conversation."""


def send(turn: Turn, rules: ConversationRules, command: SendMessage) -> None:
    """``SendMessage``: accepted, written down, and sent after those before it. The same message id is one message."""
    if _is_known(turn, command):
        turn.result["message"] = command.message
        return
    draft = Draft.of(turn, command.conversation, command.id)
    _may_answer(turn, rules, draft.now, command)
    if not command.parts:
        raise Refusal("invalid", "A message needs content.")
    reach = _way(draft, rules, command)
    permit.check(turn, rules, draft.now, command, reach)
    draft.change(reaches=(*(each for each in draft.now.reaches if not _same(each, reach)), reach))
    message = _message(draft, command, reach)
    draft.emit(MessageQueued, message=message)
    turn.put(MESSAGE, message.id, message)
    turn.push("log", draft.now.id, message.id)
    _answered(draft, rules, command)
    draft.change(
        tail=(*draft.now.tail[1 - TAIL :], message.id),
        messages=draft.now.messages + 1,
        last_message_at=turn.at,
        sending=(*draft.now.sending, message.id),
    )
    if draft.now.sending[0] == message.id:
        deliver.begin(draft, message)
    watch(draft)
    draft.save()
    work.rank(draft)
    turn.result["message"] = message.id


def note(turn: Turn, rules: ConversationRules, command: AddNote) -> None:
    """``AddNote``: among colleagues; anybody who may see the conversation may write one."""
    if not _is_known(turn, command):
        draft = Draft.of(turn, command.conversation, command.id)
        work.add_note(draft, command.message, command.parts, command.by)
        draft.save()
    turn.result["message"] = command.message


def _is_known(turn: Turn, command: SendMessage | AddNote) -> bool:
    known = turn.get(MESSAGE, command.message)
    if known is not None and known.conversation != command.conversation:
        raise Refusal("conflict", "Another message has this id.")
    return known is not None


def _may_answer(turn: Turn, rules: ConversationRules, now: Conversation, command: SendMessage) -> None:
    if now.status == "closed":
        raise Refusal("conflict", "The conversation is closed; a new one has to be begun.")
    agent = command.by.removeprefix(rules.agent_prefix) if command.by.startswith(rules.agent_prefix) else None
    if agent is not None and now.agent is not None and agent != now.agent:
        raise Refusal("conflict", "Another agent has this conversation.")
    if agent is not None and agent in now.consulted:
        raise Refusal("conflict", "Who is asked for advice writes notes; the answer is its agent's.")
    work.holds_floor(turn, rules, now, command.by, command.floor)
    if len(now.sending) >= MOST_SENDING:
        raise Refusal("conflict", "Too many messages of this conversation are waiting to be sent.")


def _answered(draft: Draft, rules: ConversationRules, command: SendMessage) -> None:
    """The customer no longer waits; the first answer by a person is timed."""
    first = draft.now.first_response_at
    if first is None and permit.is_person(draft.turn, rules, command.by):
        first = draft.turn.at
    draft.change(waiting_since=None, first_response_at=first)


def _way(draft: Draft, rules: ConversationRules, command: SendMessage) -> Reach:
    """The way the answer takes: as named, or the one the customer used last.

    Raises:
        Refusal: there is none, it is somebody else's, or the customer does not want it.
    """
    contact = draft.turn.get(CONTACT, draft.now.contact)
    reach = known_way(draft.now.reaches, command)
    identity = identity_of(contact, command, reach)
    if identity is not None and not identity.reachable:
        raise _unwanted(draft, rules, command)
    if reach is not None and (identity is not None or contact is None or contact.merged_into is not None):
        return reach
    if identity is None:
        raise Refusal("no_way", "There is no such way to this customer.")
    reply = draft.turn.get(REPLY, identity.key)
    return Reach(
        identity.channel,
        identity.account,
        identity.address,
        draft.turn.at,
        reply.reply if reply is not None else None,
        ours=True,
    )


def _unwanted(draft: Draft, rules: ConversationRules, command: SendMessage) -> Refusal:
    person = permit.is_person(draft.turn, rules, command.by)
    others = permit.alternatives(draft.turn, rules, draft.now, command.parts, person)
    return Refusal("opted_out", "The customer does not accept messages from us on this channel.", others)


def _same(first: Reach, second: Reach) -> bool:
    return (first.channel, first.account, first.address) == (second.channel, second.account, second.address)


def _message(draft: Draft, command: SendMessage, reach: Reach) -> Message:
    now, turn = draft.now, draft.turn
    return Message(
        id=command.message,
        conversation=now.id,
        contact=now.contact,
        seq=draft.seq + 1,
        direction="outbound",
        channel=reach.channel,
        account=reach.account,
        address=reach.address,
        parts=command.parts,
        at=turn.at,
        author=command.by,
        subject=command.subject,
        reply_to=command.reply_to,
        state="queued",
        state_at=turn.at,
        extra=command.extra,
        command=command.id,
        flags=(BULK,) if command.bulk else (),
    )
