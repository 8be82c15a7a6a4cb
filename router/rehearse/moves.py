"""The moves of the real rules, with less written down: nobody reads the rows of a rehearsal, nor why, unless asked to.

Nothing here has a say in what is decided; a test compares every assignment of a day with those of the full moves.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from contracts.decision import Decision, Outcome
from contracts.events import OfferDeclined, OfferExpired, OfferMade, WorkEscalated, WorkOverflowed
from router.domain.dispatch.choose import Choice
from router.domain.dispatch.moves import Asked, Moves
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.work import Work
from router.rehearse.ledger import Ledger
from router.rehearse.stage import Stage

COUNTED: Final = frozenset({OfferMade, OfferDeclined, OfferExpired, WorkEscalated, WorkOverflowed})
"""Events that figures are made of."""


class QuickMoves(Moves):
    """``stage``: the turn, which says whom to explain and keeps the agents' times."""

    def decide(self, work: Work, outcome: Outcome, choice: Choice, asked: Asked) -> Decision:
        if work.conversation in watched(self):
            return super().decide(work, outcome, choice, asked)
        return Decision(
            id="",
            at=self.turn.at,
            conversation=work.conversation,
            outcome=outcome,
            trigger=asked.trigger,
            queue=work.queue,
            policy="",
            rule=work.rule,
            priority=work.priority,
            agent=choice.seat.id if choice.seat else None,
            reason=choice.reason,
        )

    def event(self, kind: type[msgspec.Struct], work: Work, agent: str | None, **fields: object) -> None:
        if kind in COUNTED or work.conversation in watched(self):
            super().event(kind, work, agent, **fields)

    def finish(self) -> None:
        note(self, self._changed.values())


class FullMoves(Moves):
    """Everything as the service does it, and the agents' times."""

    def finish(self) -> None:
        super().finish()
        note(self, self._changed.values())


def watched(moves: Moves) -> Collection[str]:
    """The conversations whose decisions are explained."""
    assert isinstance(moves.turn, Stage)
    return moves.turn.watched


def note(moves: Moves, seats: Collection[Seat]) -> None:
    """The agents' times, up to now."""
    assert isinstance(moves.turn, Stage)
    ledger: Ledger = moves.turn.ledger
    for seat in seats:
        ledger.note(seat, moves.turn.at_ms)
