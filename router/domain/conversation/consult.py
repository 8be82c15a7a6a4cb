"""Advice: another agent sees the conversation and writes notes, while it stays with whoever has it."""

from __future__ import annotations

from contracts.commands import Consult
from contracts.content import Text
from contracts.conversation import Conversation
from contracts.events import ConversationConsulted
from contracts.ids import MESSAGE as MESSAGE_ID
from contracts.ids import digest
from router.domain.conversation import work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONSULTED
from router.domain.turn import Refusal, Turn


def consult(turn: Turn, rules: ConversationRules, command: Consult) -> None:
    """``Consult``: asked, or (``end``) no longer; said twice it is once."""
    draft = Draft.of(turn, command.conversation, command.id)
    now = draft.now
    if (command.agent in now.consulted) is not command.end:
        return
    _may_consult(rules, now, command)
    others = tuple(each for each in now.consulted if each != command.agent)
    draft.change(consulted=others if command.end else (*others, command.agent))
    draft.emit(ConversationConsulted, consultant=command.agent, note=command.note, ended=command.end, by=command.by)
    if command.note:
        id = f"{MESSAGE_ID}_{digest(turn.shard, turn.entry, 'consult')}"
        work.add_note(draft, id, (Text(command.note),), command.by)
    draft.save()


def over(draft: Draft) -> None:
    """The conversation is over, and so is all advice."""
    for consultant in draft.now.consulted:
        draft.emit(ConversationConsulted, consultant=consultant, ended=True)
    if draft.now.consulted:
        draft.change(consulted=())


def _may_consult(rules: ConversationRules, now: Conversation, command: Consult) -> None:
    by = command.by.removeprefix(rules.agent_prefix) if command.by.startswith(rules.agent_prefix) else None
    if by is not None and by not in (now.agent, command.agent if command.end else now.agent):
        raise Refusal("conflict", "Only who has the conversation asks for advice on it.")
    if command.end:
        return
    if now.status not in LIVE:
        raise Refusal("conflict", "The conversation is over.")
    if command.agent == now.agent:
        raise Refusal("invalid", "They have the conversation themselves.")
    if len(now.consulted) >= CONSULTED:
        raise Refusal("conflict", f"At most {CONSULTED} agents are asked at once.")
