"""Promises of the policy, as events of a conversation's life: which one holds, and what time does to it."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import WorkClassified
from router.domain.conversation import notice, sla, work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION
from router.domain.conversation.terms import promise_of, terms_in
from router.domain.turn import Turn


def classified(turn: Turn, rules: ConversationRules, command: WorkClassified) -> None:
    """``WorkClassified``: another promise holds from now on, or none."""
    conversation = turn.get(CONVERSATION, command.conversation)
    if conversation is None or conversation.status not in LIVE:
        return
    promise = promise_of(terms_in(turn), command.sla)
    held = conversation.sla.name if conversation.sla is not None else None
    if held == (promise.name if promise is not None else None):
        return
    draft = Draft(turn, conversation, None)
    if promise is None:
        draft.hold(None)
    else:
        draft.hold(sla.promised(promise, conversation, turn.at_ms))
        _excuse(draft, rules, promise)
    draft.save()
    work.rank(draft)


def due(turn: Turn, rules: ConversationRules, id: str) -> None:
    """The time has come at which a promise is at risk, or broken."""
    conversation = turn.get(CONVERSATION, id)
    if conversation is None or conversation.sla is None:
        return
    promise = promise_of(terms_in(turn), conversation.sla.name)
    draft = Draft(turn, conversation, None)
    if promise is None:
        draft.hold(None)
    else:
        draft.hold(sla.pass_time(promise, conversation.sla, turn.at_ms))
        _excuse(draft, rules, promise)
    draft.save()
    work.rank(draft)


def _excuse(draft: Draft, rules: ConversationRules, promise: sla.Promise) -> None:
    """The answer will be late: the customer is told, once while they wait."""
    state, name = draft.now.sla, promise.sla.notice
    if name is None or state is None or state.noticed or draft.now.waiting_since is None:
        return
    if any(clock.at_risk and clock.target != "resolution" for clock in state.clocks):
        notice.say(draft, rules, name)
        draft.change(sla=replace(state, noticed=True))
