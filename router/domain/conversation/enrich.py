"""``Enriched``: what somebody found out about the customer or their words."""

from __future__ import annotations

from contracts.commands import Enriched
from contracts.events import ConversationEnriched
from router.domain.conversation import work
from router.domain.conversation.draft import Draft
from router.domain.conversation.label import MOST_ATTRIBUTES
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION
from router.domain.turn import Turn


def enriched(turn: Turn, rules: ConversationRules, command: Enriched) -> None:
    """Kept, in time or late; what still waits is looked at again. Beyond the limit, what is new is left out."""
    conversation = turn.get(CONVERSATION, command.conversation)
    if conversation is None:
        return
    known = dict(conversation.enriched)
    for name, value in command.attributes.items():
        if name in known or len(known) < MOST_ATTRIBUTES:
            known[name] = value
    language = command.language or conversation.language
    if known == conversation.enriched and language == conversation.language:
        return
    draft = Draft(turn, conversation, command.id)
    draft.change(enriched=known, language=language)
    draft.emit(
        ConversationEnriched, enricher=command.enricher, attributes=command.attributes, language=command.language
    )
    draft.save()
    if draft.now.agent is None:
        work.update(draft, "enriched")
