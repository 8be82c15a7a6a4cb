"""A conversation while one command changes it: its events get their numbers here, and it is written once."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from contracts.conversation import Conversation
from contracts.events import Event
from router.domain.conversation import sla
from router.domain.conversation.listing import note
from router.domain.conversation.tables import CONVERSATION
from router.domain.conversation.terms import promise_of, terms_in
from router.domain.turn import Refusal, Turn

SLA = "sla"
"""The timer of a conversation's promises."""


class Draft:
    """Every change and event of a conversation goes through one of these, so that numbers have no gap, and the status
    index, the contact's list and what was promised follow by themselves. ``now`` is the conversation as it stands; call
    :meth:`save` last.
    """

    __slots__ = ("before", "cause", "now", "seq", "turn")

    def __init__(self, turn: Turn, conversation: Conversation, cause: str | None, new: bool = False) -> None:
        self.turn = turn
        self.now = conversation
        self.before = None if new else conversation
        self.seq = conversation.seq
        self.cause = cause

    @classmethod
    def of(cls, turn: Turn, id: str, cause: str | None) -> Draft:
        """The conversation ``id``, to be changed.

        Raises:
            Refusal: there is none.
        """
        conversation = turn.get(CONVERSATION, id)
        if conversation is None:
            raise Refusal("not_found", "There is no such conversation.")
        return cls(turn, conversation, cause)

    def change(self, **changes: Any) -> None:
        """Sets fields of the conversation."""
        self.now = replace(self.now, **changes)

    def emit(self, kind: type[Event], agent: str | None = None, **fields: Any) -> None:
        """Emits an event of the conversation, with the next number."""
        self.seq += 1
        now, turn = self.now, self.turn
        turn.emit(
            kind(
                id=turn.event_id(),
                at=turn.at,
                conversation=now.id,
                contact=now.contact,
                agent=agent or now.agent,
                seq=self.seq,
                cause=self.cause,
                **fields,
            )
        )

    def save(self, **changes: Any) -> Conversation:
        """Writes the conversation, with the last changes; to be called once, after the last event."""
        if self.now.sla is not None:
            self.change(**changes)
            self._follow_promises()
            changes = {}
        now = self.now = replace(self.now, seq=self.seq, **changes)
        turn, before = self.turn, self.before
        turn.put(CONVERSATION, now.id, now)
        if before is None or before.status != now.status or before.agent != now.agent:
            self._list(before, now)
        if (before.consulted if before is not None else ()) != now.consulted:
            self._list_consultants(before.consulted if before is not None else (), now)
        return now

    def hold(self, step: sla.Step | None) -> None:
        """What was promised stands so from now on; None: nothing was."""
        before = sla.next_ms(self.now.sla)
        for kind, fields in step.events if step is not None else ():
            self.emit(kind, **fields)
        self.change(sla=step.state if step is not None else None)
        after = sla.next_ms(self.now.sla)
        if after is None and before is not None:
            self.turn.clear_timer(f"{SLA}:{self.now.id}")
        elif after is not None and after != before:
            self.turn.timer(f"{SLA}:{self.now.id}", after)

    def _follow_promises(self) -> None:
        """The clocks start, pause and end with what has changed. A promise that the policy no longer knows is over."""
        before, now = self.before, self.now
        if now.sla is None or (before is not None and sla.same(before, now)):
            return
        promise = promise_of(terms_in(self.turn), now.sla.name)
        self.hold(sla.follow(promise, now, now.sla, self.turn.at_ms) if promise is not None else None)

    def _list(self, before: Conversation | None, now: Conversation) -> None:
        if before is None or before.status != now.status:
            if before is not None:
                self.turn.unindex(f"status:{before.status}", now.id)
            self.turn.index(f"status:{now.status}", now.id, self.turn.at_ms)
        note(self.turn, now, before.agent if before is not None and before.agent != now.agent else None)

    def _list_consultants(self, before: tuple[str, ...], now: Conversation) -> None:
        """Each finds the conversations on which they are asked for advice."""
        for agent in before:
            if agent not in now.consulted:
                self.turn.unindex(f"consulted:{agent}", now.id)
        for agent in now.consulted:
            if agent not in before:
                self.turn.index(f"consulted:{agent}", now.id, self.turn.at_ms)
