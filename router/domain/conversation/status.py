"""Where a conversation stands: open, waiting, snoozed, resolved, closed."""

from __future__ import annotations

from datetime import datetime

from contracts.codec import milliseconds
from contracts.commands import SetStatus
from contracts.conversation import Conversation, Status
from contracts.events import ConversationReopened, ConversationStatusChanged, ConversationTagged
from router.domain.conversation import consult, work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION
from router.domain.conversation.texts import CALLBACK
from router.domain.conversation.watch import watch
from router.domain.turn import Refusal, Turn

SNOOZE = "snooze"
CLOSE = "close"


def set_status(turn: Turn, rules: ConversationRules, command: SetStatus) -> None:
    """``SetStatus``. Closed is for good; what was resolved can be opened or closed."""
    draft = Draft.of(turn, command.conversation, command.id)
    now = draft.now
    if now.status == command.status and command.status != "snoozed":
        return
    if now.status == "closed":
        raise Refusal("conflict", "The conversation is closed for good.")
    if now.status == "resolved" and command.status not in ("open", "closed"):
        raise Refusal("conflict", "The conversation is resolved: open it first.")
    if command.status == "snoozed" and (command.until is None or command.until <= turn.at):
        raise Refusal("invalid", "A snooze needs a time to come.")
    if now.status == "resolved" and command.status == "open":
        reopen(draft, command.by)
        work.opening(draft, "")
    else:
        change(draft, rules, command.status, command)
    draft.save()
    work.rank(draft)


def change(draft: Draft, rules: ConversationRules, status: Status, command: SetStatus) -> None:
    """Sets the status, with all that hangs on it: timers, and the agent's work."""
    turn, previous = draft.turn, draft.now.status
    until = command.until if status == "snoozed" else None
    _wake(draft)
    if until is not None:
        turn.timer(f"{SNOOZE}:{draft.now.id}", milliseconds(until))
    draft.change(status=status, snoozed_until=until)
    draft.emit(ConversationStatusChanged, status=status, previous=previous, until=until, by=command.by)
    if status == "snoozed" and draft.now.callback_at is not None:
        draft.change(callback_at=until)
    elif status in LIVE:
        _line_up(draft)
    if status == "resolved":
        _resolve(draft, rules)
    elif status == "closed":
        turn.clear_timer(f"{CLOSE}:{draft.now.id}")
    if status not in LIVE and previous in LIVE:
        draft.change(waiting_since=None)
        _forget_callback(draft, command.by)
        consult.over(draft)
        work.release(draft, status)
    else:
        watch(draft)


def awaken(draft: Draft) -> None:
    """The customer wrote: what waited or slept is open again."""
    previous = draft.now.status
    if previous == "open":
        return
    _wake(draft)
    draft.change(status="open", snoozed_until=None)
    draft.emit(ConversationStatusChanged, status="open", previous=previous, by="customer")
    _line_up(draft)


def reopen(draft: Draft, reason: str) -> None:
    """A resolved conversation begins again; asking for an agent is the caller's."""
    draft.turn.clear_timer(f"{CLOSE}:{draft.now.id}")
    draft.change(status="open", resolved_at=None, reopened=draft.now.reopened + 1, summary=None, sla=None)
    draft.emit(ConversationReopened, reason=reason)


def snooze_over(turn: Turn, rules: ConversationRules, id: str) -> None:
    """The timer of a snooze came due."""
    conversation = _in(turn, id, "snoozed")
    if conversation is not None:
        draft = Draft(turn, conversation, None)
        draft.change(status="open", snoozed_until=None)
        draft.emit(ConversationStatusChanged, status="open", previous="snoozed")
        _line_up(draft)
        watch(draft, woke=True)
        draft.save()


def close_due(turn: Turn, rules: ConversationRules, id: str) -> None:
    """Nothing was said for long after it was resolved."""
    conversation = _in(turn, id, "resolved")
    if conversation is not None:
        draft = Draft(turn, conversation, None)
        draft.change(status="closed")
        draft.emit(ConversationStatusChanged, status="closed", previous="resolved")
        draft.save()


def put_off(draft: Draft, until: datetime, by: str) -> None:
    """The customer wants to be called back later: until then nobody is asked for, and its place is kept."""
    turn, previous = draft.turn, draft.now.status
    _wake(draft)
    turn.timer(f"{SNOOZE}:{draft.now.id}", milliseconds(until))
    draft.change(status="snoozed", snoozed_until=until, callback_at=until)
    draft.emit(ConversationStatusChanged, status="snoozed", previous=previous, until=until, by=by)
    work.release(draft, "callback")


def _line_up(draft: Draft) -> None:
    """What was put off needs an agent from now on."""
    if draft.now.callback_at is not None:
        draft.change(callback_at=None)
        work.line_up(draft, "callback")


def _forget_callback(draft: Draft, by: str) -> None:
    """It was called back, or needs not be: another time it may be offered again."""
    now = draft.now
    draft.change(diverted=None, callback_at=None)
    if CALLBACK in now.tags:
        draft.change(tags=tuple(tag for tag in now.tags if tag != CALLBACK))
        draft.emit(ConversationTagged, tags=draft.now.tags, attributes=now.attributes, by=by)


def _resolve(draft: Draft, rules: ConversationRules) -> None:
    draft.change(resolved_at=draft.turn.at)
    if rules.close_after_s is not None:
        draft.turn.timer(f"{CLOSE}:{draft.now.id}", draft.turn.at_ms + rules.close_after_s * 1000)


def _wake(draft: Draft) -> None:
    if draft.now.status == "snoozed":
        draft.turn.clear_timer(f"{SNOOZE}:{draft.now.id}")


def _in(turn: Turn, id: str, status: Status) -> Conversation | None:
    conversation = turn.get(CONVERSATION, id)
    return conversation if conversation is not None and conversation.status == status else None
