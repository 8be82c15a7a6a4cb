"""Before an answer is taken: can it be said this way, now? Else it is refused at once, with what could be done."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.commands import SendMessage
from contracts.contact import Contact
from contracts.content import Part
from contracts.conversation import Conversation, Reach
from contracts.reply import Way
from router.domain.conversation.listing import is_here
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import CONTACT, CONVERSATION
from router.domain.conversation.terms import terms_in
from router.domain.reply.judge import judge, ranked
from router.domain.reply.target import identity_of, key_of
from router.domain.reply.ways import heard_last, way_of, ways_of
from router.domain.turn import Reader, Refusal, Turn


def check(turn: Turn, rules: ConversationRules, now: Conversation, command: SendMessage, reach: Reach) -> None:
    """Raises Refusal when the policy says so; its problem names the ways that can say it, the best first."""
    facts = rules.reply
    if reach.account not in facts.channels:
        return
    contact = turn.get(CONTACT, now.contact)
    if reach.ours:
        reach = _heard(turn, contact, now, reach)
    person = is_person(turn, rules, command.by)
    way = way_of(facts, reach, identity_of(contact, reach, reach), turn.at, person=person)
    verdict = judge(facts, way, command.parts, turn.at, language=spoken(now, contact))
    if not verdict.allowed:
        others = alternatives(turn, rules, now, command.parts, person, besides=way)
        raise Refusal(verdict.kind or "rejected", verdict.sentence or "", others)


def alternatives(
    turn: Turn,
    rules: ConversationRules,
    now: Conversation,
    parts: tuple[Part, ...],
    person: bool,
    besides: Way | None = None,
) -> tuple[str, ...]:
    """The customer's ways that can say it, as identity keys."""
    contact = turn.get(CONTACT, now.contact)
    if contact is None or not rules.reply.channels:
        return ()
    ways = ways_of(rules.reply, contact, reaches(turn, contact, now), turn.at, person=person)
    found = ranked(rules.reply, ways, parts, turn.at, language=spoken(now, contact), besides=besides)
    return tuple(f"{way.channel}:{way.account}:{way.address}" for way in found)


def reaches(turn: Turn, contact: Contact | None, now: Conversation) -> Iterable[Reach]:
    """The ways of the customer's conversations in this shard, those of this one last."""
    for ref in contact.conversations if contact is not None else ():
        if ref.id != now.id and is_here(turn, ref.id):
            earlier = turn.get(CONVERSATION, ref.id)
            yield from earlier.reaches if earlier is not None else ()
    yield from now.reaches


def is_person(reader: Reader, rules: ConversationRules, by: str) -> bool:
    """Whether a person answers, and no program: only they give a first response, and some channels let them longer."""
    return by.startswith(rules.agent_prefix) and by.removeprefix(rules.agent_prefix) not in terms_in(reader).bots


def spoken(now: Conversation, contact: Contact | None) -> str | None:
    """The customer's language, where it is known."""
    return now.language or (contact.language if contact is not None else None)


def _heard(turn: Turn, contact: Contact | None, now: Conversation, reach: Reach) -> Reach:
    """The way as the customer last used it, perhaps in another conversation."""
    for other in reaches(turn, contact, now):
        if key_of(other) == key_of(reach):
            reach = heard_last(other, reach) if not reach.ours else heard_last(reach, other)
    return reach
