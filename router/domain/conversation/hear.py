"""What language the customer writes in."""

from __future__ import annotations

from contracts.content import plain_text
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.tables import CONTACT


def hear(arrival: Arrival, contact: str, known: str | None) -> str | None:
    """BCP 47: what the channel says, else what is ``known``, else what the words tell. The contact's and the account's
    language count where the words could be either of two."""
    event = arrival.event
    if event.language or known:
        said: str | None = event.language or known
        return said
    text = plain_text(event.parts) or event.subject
    if not text:
        return None
    person = arrival.turn.get(CONTACT, contact)
    hints = (person.language if person is not None else None, arrival.rules.languages.get(arrival.command.account))
    return arrival.rules.detect(text, hints)
