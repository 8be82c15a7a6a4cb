"""Tags, attributes and priority of a conversation."""

from __future__ import annotations

from contracts.commands import SetPriority, TagConversation
from contracts.events import ConversationPriorityChanged, ConversationTagged
from router.domain.conversation import work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import joined
from router.domain.conversation.person import with_changes
from router.domain.conversation.rules import ConversationRules
from router.domain.turn import Refusal, Turn

POLICY = "policy"
"""Who set the tags that rules give: they know them already."""
HIGHEST = 100
MOST_TAGS = 50
MOST_ATTRIBUTES = 100


def tag(turn: Turn, rules: ConversationRules, command: TagConversation) -> None:
    """``TagConversation``: adds, removes; an attribute set to None is removed."""
    draft = Draft.of(turn, command.conversation, command.id)
    tags = tuple(each for each in joined(draft.now.tags, command.add) if each not in command.remove)
    attributes = with_changes(draft.now.attributes, command.attributes)
    if len(tags) > MOST_TAGS or len(attributes) > MOST_ATTRIBUTES:
        raise Refusal("invalid", f"At most {MOST_TAGS} tags and {MOST_ATTRIBUTES} attributes.")
    if tags == draft.now.tags and attributes == draft.now.attributes:
        return
    draft.change(tags=tags, attributes=attributes)
    draft.emit(ConversationTagged, tags=tags, attributes=attributes, by=command.by)
    draft.save()
    if command.by != POLICY and draft.now.agent is None:
        work.update(draft, "labelled")


def set_priority(turn: Turn, rules: ConversationRules, command: SetPriority) -> None:
    """``SetPriority``: higher goes first, -100 to 100."""
    if not -HIGHEST <= command.priority <= HIGHEST:
        raise Refusal("invalid", f"A priority is from {-HIGHEST} to {HIGHEST}.")
    draft = Draft.of(turn, command.conversation, command.id)
    if draft.now.priority == command.priority:
        return
    draft.change(priority=command.priority)
    draft.emit(ConversationPriorityChanged, priority=command.priority, by=command.by)
    draft.save()
    work.update(draft, "priority_changed")
