"""Something else than waiting: a call back, a voice mail, a mail. What dispatch takes, and what the customer picks."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final

from contracts.commands import RequestCallback, SetStatus, WorkDiverted
from contracts.content import Part, Postback, plain_text
from contracts.events import ConversationDiverted, ConversationTagged
from router.domain.conversation import line, notice, status, work
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE, joined
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONVERSATION
from router.domain.conversation.texts import CALLBACK, CALLBACK_WORDS
from router.domain.turn import Refusal, Turn

_AROUND: Final = " \t\n.,!?\"'「」『』()。、!?・~-"


def diverted(turn: Turn, rules: ConversationRules, command: WorkDiverted) -> None:
    """``WorkDiverted``: the customer is told; unless somebody has got the conversation, or it is over, by now."""
    conversation = turn.get(CONVERSATION, command.conversation)
    if conversation is None or conversation.status not in LIVE or conversation.agent is not None:
        return
    draft = Draft(turn, conversation, None)
    if command.to == "resolve":
        if command.text is not None:
            notice.say(draft, rules, command.text)
        end = SetStatus(conversation=conversation.id, status="resolved", by="policy")
        status.change(draft, rules, "resolved", end)
    else:
        draft.change(diverted=command.to, queue=command.queue)
        after = line.then(draft, "voicemail") if command.to == "voicemail" else ()
        notice.say(draft, rules, command.text or command.to, offer=command.to == CALLBACK, also=after)
        draft.emit(ConversationDiverted, to=command.to, queue=command.queue)
    draft.save()


def request_callback(turn: Turn, rules: ConversationRules, command: RequestCallback) -> None:
    """``RequestCallback``: the customer keeps their place; with a time that is still to come, nobody is asked for until
    then.

    Raises:
        Refusal: there is no such conversation, or it is over.
    """
    draft = Draft.of(turn, command.conversation, command.id)
    if draft.now.status not in LIVE:
        raise Refusal("conflict", "The conversation is over.")
    _call_back(draft, rules, command.by, command.at, command.address)
    draft.save()


def heard(draft: Draft, rules: ConversationRules, parts: tuple[Part, ...]) -> None:
    """The customer wrote while an offer is open: perhaps they take it."""
    if draft.now.diverted == CALLBACK and CALLBACK not in draft.now.tags and draft.now.agent is None and takes(parts):
        call_back(draft, rules)


def call_back(draft: Draft, rules: ConversationRules) -> None:
    """The customer asks for it, whether it was offered or not."""
    _call_back(draft, rules, "customer", None, None)


def takes(parts: tuple[Part, ...]) -> bool:
    """Whether this says yes to being called back: our button, or a plain word."""
    if any(isinstance(part, Postback) and part.value == CALLBACK for part in parts):
        return True
    words = unicodedata.normalize("NFKC", plain_text(parts)).casefold().strip(_AROUND)
    return " ".join(words.split()) in CALLBACK_WORDS


def _call_back(draft: Draft, rules: ConversationRules, by: str, at: datetime | None, address: str | None) -> None:
    now, turn = draft.now, draft.turn
    later = at if at is not None and at > turn.at and now.agent is None else None
    attributes = {**now.attributes, line.CALLBACK_ADDRESS: address} if address else now.attributes
    draft.change(diverted=CALLBACK, tags=joined(now.tags, (CALLBACK,)), attributes=attributes)
    draft.emit(ConversationDiverted, to=CALLBACK, queue=now.queue, callback_at=at, address=address)
    if (draft.now.tags, attributes) != (now.tags, now.attributes):
        draft.emit(ConversationTagged, tags=draft.now.tags, attributes=attributes, by=by)
    notice.say(draft, rules, "callback_noted", once=f"callback:{now.reopened}", also=line.then(draft, "ended"))
    if later is not None:
        status.put_off(draft, later, by)
    elif now.agent is None:
        work.update(draft, "callback")
