"""Conversation rules: who wrote, where it belongs, what becomes of answers."""

from router.domain.conversation.handler import ConversationHandler
from router.domain.conversation.rules import ConversationRules

__all__ = ["ConversationHandler", "ConversationRules"]
