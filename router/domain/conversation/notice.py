"""What the service says by itself to a customer who waits: in their language, on the way they used last.

Such a message answers nobody and is answered by nobody: the customer waits on, no first response is timed, nothing is
reopened. What cannot reach the customer is not said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from contracts.commands import NotifyCustomer, SendMessage
from contracts.contact import Contact
from contracts.content import Choice, Option, Part, Text
from contracts.conversation import Reach
from contracts.events import ConversationDiverted, MessageQueued
from contracts.ids import MESSAGE as MESSAGE_ID
from contracts.ids import digest
from contracts.message import Message
from contracts.terms import Terms
from router.domain.conversation import deliver, permit
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import LIVE
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import AUTOMATIC, CONTACT, CONVERSATION, MESSAGE, TAIL
from router.domain.conversation.terms import terms_in
from router.domain.conversation.texts import BUILT_IN, CALLBACK, CALLBACK_LABEL
from router.domain.reply.target import identity_of
from router.domain.turn import Refusal, Turn

SYSTEM: Final = "system"
OFFERS: Final = frozenset({"alternative", "callback"})
"""Texts that offer to call back."""
VOICE: Final = "voice"
"""The channel class of the telephone."""
MOST_WAITING: Final = 20
"""Messages of a conversation that are waiting to be sent; with more, nothing is added to them."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def notify(turn: Turn, rules: ConversationRules, command: NotifyCustomer) -> None:
    """``NotifyCustomer``: for who waits. Once somebody has the conversation, news of the waiting is out of date."""
    conversation = turn.get(CONVERSATION, command.conversation)
    if conversation is None or conversation.status not in LIVE or conversation.agent is not None:
        return
    draft = Draft(turn, conversation, command.id)
    offer = command.text in OFFERS and CALLBACK not in conversation.tags
    if say(draft, rules, command.text, command.values, command.once, offer):
        if offer:
            draft.change(diverted=CALLBACK)
            draft.emit(ConversationDiverted, to=CALLBACK, queue=conversation.queue)
        draft.save()


def say(
    draft: Draft,
    rules: ConversationRules,
    name: str,
    values: Mapping[str, str] | None = None,
    once: str | None = None,
    offer: bool = False,
    also: tuple[Part, ...] = (),
) -> bool:
    """Says a text of the policy, or the built-in one; as an ``offer`` to call back it has a button, where the channel
    has any. ``also``: what happens after these words. False when it was said before, does not exist or cannot reach
    the customer."""
    turn, now = draft.turn, draft.now
    id = f"{MESSAGE_ID}_{digest(now.id, 'notice', once) if once else digest(turn.shard, turn.entry, name)}"
    reach = _way(draft)
    if reach is None or _rings(draft, reach) or len(now.sending) >= MOST_WAITING or turn.get(MESSAGE, id) is not None:
        return False
    parts = _parts(draft, rules, reach, name, values or {}, offer)
    if not parts or not _can_be_said(draft, rules, reach, id, parts):
        return False
    send(draft, message_of(draft, reach, id, (*parts, *also)))
    return True


def text_of(terms: Terms, name: str, languages: tuple[str | None, ...]) -> tuple[str, str] | None:
    """The text and its language: the first of the languages that the policy or we have it in, else any."""
    own, ours = terms.texts.get(name, {}), BUILT_IN.get(name, {})
    for language in languages:
        for known in (own, ours):
            found = _spoken(known, language)
            if found is not None:
                return known[found], found
    for known in (own, ours):
        if known:
            first = min(known)
            return known[first], first
    return None


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled. Values are put in as they are, never read as text with placeholders."""
    lines = [line for line in text.split("\n") if all(values.get(each) for each in _PLACEHOLDER.findall(line))]
    return "\n".join(_PLACEHOLDER.sub(lambda found: values[found[1]], line) for line in lines)


def languages_of(draft: Draft, rules: ConversationRules, account: str) -> tuple[str | None, ...]:
    """What to speak with the customer, best first."""
    contact = draft.turn.get(CONTACT, draft.now.contact)
    theirs = (draft.now.language, contact.language if contact is not None else None)
    return (*theirs, rules.languages.get(account), rules.language)


def _spoken(known: Mapping[str, str], language: str | None) -> str | None:
    """The spelling of the language among those that are known: ``ja-JP`` is found as ``ja`` too."""
    if language is None:
        return None
    tags = {each.casefold(): each for each in known}
    tag = language.replace("_", "-").casefold()
    while tag:
        if tag in tags:
            return tags[tag]
        tag = tag.rpartition("-")[0]
    return None


def _parts(
    draft: Draft, rules: ConversationRules, reach: Reach, name: str, values: Mapping[str, str], offer: bool
) -> tuple[Part, ...]:
    terms = terms_in(draft.turn)
    languages = languages_of(draft, rules, reach.account)
    found = text_of(terms, name, languages)
    if found is None:
        return ()
    text, language = found
    titles = terms.titles.get(draft.now.queue or "", {})
    title = _spoken(titles, language) or min(titles, default=None)
    words = filled(text, {**({"queue": titles[title]} if title else {}), **values})
    if not words.strip():
        return ()
    if not offer:
        return (Text(words),)
    label = CALLBACK_LABEL[_spoken(CALLBACK_LABEL, language) or "en"]
    return (Choice(words, (Option(label, CALLBACK),)),)


def _way(draft: Draft) -> Reach | None:
    """The way the customer used last, if it still leads to them and they want to hear from us."""
    theirs = [reach for reach in draft.now.reaches if not reach.ours]
    if not theirs:
        return None
    reach = max(theirs, key=lambda each: each.last_at)
    contact: Contact | None = draft.turn.get(CONTACT, draft.now.contact)
    identity = identity_of(contact, reach, reach)
    if identity is not None:
        return reach if identity.reachable else None
    return reach if contact is None or contact.merged_into is not None else None


def _rings(draft: Draft, reach: Reach) -> bool:
    """The telephone of an agent rings for the caller: words would cut that off."""
    return reach.channel_class == VOICE and draft.now.offered_to is not None


def _can_be_said(draft: Draft, rules: ConversationRules, reach: Reach, id: str, parts: tuple[Part, ...]) -> bool:
    """Whether the channel lets us, now."""
    command = SendMessage(conversation=draft.now.id, message=id, parts=parts)
    try:
        permit.check(draft.turn, rules, draft.now, command, reach)
    except Refusal:
        return False
    return True


def message_of(draft: Draft, reach: Reach, id: str, parts: tuple[Part, ...]) -> Message:
    """An automatic message, to be sent that way."""
    now, turn = draft.now, draft.turn
    return Message(
        id=id,
        conversation=now.id,
        contact=now.contact,
        seq=draft.seq + 1,
        direction="outbound",
        channel=reach.channel,
        account=reach.account,
        address=reach.address,
        parts=parts,
        at=turn.at,
        author=SYSTEM,
        state="queued",
        state_at=turn.at,
        flags=(AUTOMATIC,),
    )


def send(draft: Draft, message: Message) -> None:
    """Sends it, behind what is still to be sent."""
    turn, now = draft.turn, draft.now
    draft.emit(MessageQueued, message=message)
    turn.put(MESSAGE, message.id, message)
    turn.push("log", now.id, message.id)
    draft.change(
        tail=(*now.tail[1 - TAIL :], message.id),
        messages=now.messages + 1,
        last_message_at=turn.at,
        sending=(*now.sending, message.id),
    )
    if draft.now.sending[0] == message.id:
        deliver.begin(draft, message)
