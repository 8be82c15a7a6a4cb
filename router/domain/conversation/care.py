"""Care for what was assigned: an agent who does not answer loses it, and a silent customer holds nobody's capacity.

Timers (``watch.py``) only say when to look; what holds then is read from the conversation and the terms of that moment.
"""

from __future__ import annotations

from contracts.commands import PauseWork, WakeWork
from contracts.events import ConversationIdled, ConversationWoken
from contracts.streams import DISPATCH
from contracts.terms import Care
from router.domain.conversation import work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION
from router.domain.conversation.terms import care_for, terms_in
from router.domain.conversation.watch import idle_ms, unanswered_ms, watch
from router.domain.turn import Turn

TRIGGER = "unanswered"


def unanswered(turn: Turn, rules: ConversationRules, id: str) -> None:
    """The customer has waited for too long. While it sleeps nobody has to answer; it is looked at again then."""
    draft = _assigned(turn, id)
    if draft is None or draft.now.status == "snoozed":
        return
    terms = terms_in(turn)
    care = care_for(terms, draft.now.queue)
    due = unanswered_ms(terms, care, draft.now)
    if due is None:
        return
    if due > turn.at_ms:  # the policy gives more time by now
        watch(draft)
        return
    _take_away(draft, care)
    draft.save()


def silent(turn: Turn, rules: ConversationRules, id: str) -> None:
    """The customer has been silent for long: the conversation stays with its agent and holds no units."""
    draft = _assigned(turn, id)
    if draft is None:
        return
    due = idle_ms(care_for(terms_in(turn), draft.now.queue), draft.now)
    if due is None:
        return
    if due > turn.at_ms:
        watch(draft)
        return
    draft.change(idle=True)
    draft.emit(ConversationIdled)
    turn.tell(DISPATCH, PauseWork(conversation=id))
    draft.save()


def wake(draft: Draft) -> None:
    """The customer wrote again: dispatch sees whether it fits its agent, and lets it wait for them otherwise."""
    now = draft.now
    draft.change(idle=False)
    draft.emit(ConversationWoken)
    since = now.waiting_since or draft.turn.at
    draft.turn.tell(DISPATCH, WakeWork(conversation=now.id, waiting_since=since))


def _take_away(draft: Draft, care: Care) -> None:
    """To anybody else, to the line with the agent in it, or to another queue."""
    agent, queue = draft.now.agent, draft.now.queue
    if care.unanswered == "escalate" and care.escalate is not None:
        queue = care.escalate
    work.unassign(draft, TRIGGER)
    exclude = (agent,) if agent is not None and care.unanswered != "requeue" else ()
    facts = work.facts_now(draft)
    work.request(draft, facts, queue=queue, exclude=exclude, trigger=TRIGGER)


def _assigned(turn: Turn, id: str) -> Draft | None:
    conversation = turn.get(CONVERSATION, id)
    if conversation is None or conversation.agent is None or conversation.status not in LIVE:
        return None
    return Draft(turn, conversation, None)
