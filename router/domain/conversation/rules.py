"""What an operator may choose about conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from router.domain.reply.facts import ReplyFacts

DAY_S = 86_400


def no_language(text: str, hints: Sequence[str | None]) -> None:
    """Nothing is found out from words."""


@dataclass(frozen=True, slots=True)
class ConversationRules:
    """Settings of the conversation rules.

    ``handover_key``: signs hand-over codes; derived from the service's secret. ``reopen_window_s``: how long after it
    was resolved a conversation is reopened by a new message (afterwards a new one begins). ``close_after_s``: how long
    after it was resolved a conversation is closed for good; None leaves it resolved. ``agent_prefix``: how ``by`` of a
    command tells that an agent asked; everything else counts as a supervisor, a service or the system.
    """

    handover_key: bytes
    reopen_window_s: int = 3 * DAY_S
    close_after_s: int | None = 14 * DAY_S
    agent_prefix: str = "agent:"
    reply: ReplyFacts = field(default_factory=ReplyFacts)
    """What the channels can carry and until when: an answer that cannot be said is refused."""
    language: str = "en"
    """What the service itself says to customers whose language is not known is said in this one (BCP 47)."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """The same by account, where its customers speak another."""
    detect: Callable[[str, Sequence[str | None]], str | None] = no_language
    """The language (BCP 47) of a customer's words, where the channel says none; with what they may well speak."""

    def __repr__(self) -> str:
        return f"ConversationRules(reopen_window_s={self.reopen_window_s}, close_after_s={self.close_after_s})"
