"""What the published policy means for conversations, as dispatch told this shard."""

from __future__ import annotations

from typing import Final

from contracts.commands import PutTerms
from contracts.policy import Calendar
from contracts.terms import Care, Terms
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.sla import Promise
from router.domain.conversation.tables import CURRENT, TERMS
from router.domain.turn import Reader, Turn

NO_TERMS: Final = Terms()
NO_CARE: Final = Care()


def put_terms(turn: Turn, rules: ConversationRules, command: PutTerms) -> None:
    """``PutTerms``: kept, unless newer ones are here. Promises that run keep the times that were promised."""
    if command.terms.number >= terms_in(turn).number:
        turn.put(TERMS, CURRENT, command.terms)


def terms_in(reader: Reader) -> Terms:
    """The terms; without any policy, none."""
    return reader.get(TERMS, CURRENT) or NO_TERMS


def care_for(terms: Terms, queue: str | None) -> Care:
    """What happens to a queue's conversations after they were assigned."""
    return terms.care.get(queue, NO_CARE) if queue is not None else NO_CARE


def calendar_of(terms: Terms, name: str | None) -> Calendar | None:
    """The calendar of that name; None is always open, and so is one that nobody declares any more."""
    return terms.calendars.get(name) if name is not None else None


def promise_of(terms: Terms, name: str | None) -> Promise | None:
    """The promise of that name; None: nothing was promised, or the policy does not know it any more."""
    sla = terms.slas.get(name) if name is not None else None
    return Promise(name, sla, calendar_of(terms, sla.hours)) if name is not None and sla is not None else None
