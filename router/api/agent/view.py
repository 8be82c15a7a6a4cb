"""What an agent sees of all that happens: their own presence and offers, and the conversations that are theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from router.shards.tail import Entry

_HIDDEN: Final = frozenset({"command.done", "decision.made", "policy.published"})
_GIVES: Final = frozenset({"conversation.offered", "conversation.assigned"})
_TAKES: Final = frozenset({"conversation.queued", "conversation.unassigned"})
_ASKS: Final = "conversation.consulted"


class View:
    """Kept over the life of one connection.

    ``accept`` is asked while an event is handed out, ahead of the connection's queue, so it only widens what is
    followed; ``shows`` is asked in the order of the streams and decides.
    """

    def __init__(self, agent: str, conversations: Iterable[str]) -> None:
        self.agent = agent
        self.mine = set(conversations)
        self.watched: set[str] = set()
        self.asked: set[str] = set()
        """Where they are asked for advice."""
        self.people: dict[str, str] = {}
        self.widen: Callable[[str], None] = lambda key: None

    @property
    def keys(self) -> set[str]:
        """What to follow at first."""
        return {self.agent, *self.shown}

    def meet(self, conversation: str, contact: str) -> None:
        """From now on it is also told what becomes known of the customer of a conversation."""
        self.people[conversation] = contact
        self.widen(contact)

    def accept(self, entry: Entry) -> bool:
        """Whether it is to be queued. A conversation that comes to the agent is followed from this very event on."""
        if entry.conversation is not None and (
            (entry.type in _GIVES and entry.agent == self.agent) or self._asks(entry)
        ):
            self.widen(entry.conversation)
        return entry.type not in _HIDDEN

    def shows(self, entry: Entry) -> bool:
        """Whether it is to be sent; called once for each, in order."""
        id = entry.conversation
        if id is None:
            return entry.agent == self.agent or (entry.agent is None and self._knows(entry.contact))
        seen = id in self.shown or entry.agent == self.agent
        if self._asks(entry):
            (self.asked.discard if entry.event.ended else self.asked.add)(id)
            return True
        if entry.type in _GIVES and entry.agent == self.agent:
            self.mine.add(id)
            return True
        if entry.type in _GIVES or entry.type in _TAKES:
            self.mine.discard(id)
        return seen

    @property
    def shown(self) -> set[str]:
        """The conversations of which everything is told."""
        return self.mine | self.watched | self.asked

    def _asks(self, entry: Entry) -> bool:
        """Whether this asks the agent for advice, or ends that."""
        return entry.type == _ASKS and getattr(entry.event, "consultant", None) == self.agent

    def _knows(self, contact: str | None) -> bool:
        shown = self.shown
        return any(contact == known and id in shown for id, known in self.people.items())
