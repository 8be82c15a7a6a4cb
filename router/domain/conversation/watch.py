"""When to look after a conversation that somebody has: the customer waits too long for an answer, or is silent."""

from __future__ import annotations

from typing import Final

from contracts.codec import milliseconds
from contracts.conversation import Conversation
from contracts.terms import Care, Terms
from router.domain.conversation.draft import Draft
from router.domain.conversation.terms import NO_CARE, calendar_of, care_for, terms_in
from router.domain.hours import add_open
from router.domain.turn import Reader

UNANSWERED: Final = "unanswered"
IDLE: Final = "idle"


def watch(draft: Draft, woke: bool = False) -> None:
    """Sets the timer for whichever of the two can happen now, after an agent, the customer or time changed that. Who
    just ``woke`` the conversation up from a snooze has all the time again."""
    now = draft.now
    if now.agent is None:
        return
    terms = terms_in(draft.turn)
    care = care_for(terms, now.queue)
    if care is NO_CARE:
        return
    due, idle = unanswered_ms(terms, care, now), idle_ms(care, now)
    if woke and due is not None and care.unanswered_s is not None:
        due = add_open(calendar_of(terms, care.hours), draft.turn.at_ms, care.unanswered_s)
    _set(draft, UNANSWERED, care.unanswered_s, due)
    _set(draft, IDLE, care.idle_after_s, idle)


def cares(reader: Reader, now: Conversation) -> bool:
    """Whether the policy cares for what its agent has."""
    return now.agent is not None and care_for(terms_in(reader), now.queue) is not NO_CARE


def leave(draft: Draft) -> None:
    """The agent no longer has it: nothing to look after."""
    care = care_for(terms_in(draft.turn), draft.now.queue)
    if care is not NO_CARE:
        _set(draft, UNANSWERED, care.unanswered_s, None)
        _set(draft, IDLE, care.idle_after_s, None)


def unanswered_ms(terms: Terms, care: Care, now: Conversation) -> int | None:
    """When its agent will have left the customer without an answer for too long; None: never."""
    if care.unanswered_s is None or now.waiting_since is None or now.assigned_at is None:
        return None
    since = milliseconds(max(now.waiting_since, now.assigned_at))
    return add_open(calendar_of(terms, care.hours), since, care.unanswered_s)


def idle_ms(care: Care, now: Conversation) -> int | None:
    """When the customer will have been silent for long, although it is their turn; None: it is not."""
    if care.idle_after_s is None or now.waiting_since is not None or now.idle or now.assigned_at is None:
        return None
    since = max(now.last_message_at or now.assigned_at, now.assigned_at)
    return milliseconds(since) + care.idle_after_s * 1000


def _set(draft: Draft, kind: str, asked: int | None, at_ms: int | None) -> None:
    if asked is None:
        return
    key = f"{kind}:{draft.now.id}"
    if at_ms is None:
        draft.turn.clear_timer(key)
    else:
        draft.turn.timer(key, max(at_ms, draft.turn.at_ms + 1))
