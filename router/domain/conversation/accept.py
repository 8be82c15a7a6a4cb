"""A customer's message joins a conversation: the hot path."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from contracts.contact import Contact
from contracts.content import Text, plain_text
from contracts.conversation import Conversation, Reach
from contracts.events import ConversationOpened, ConversationTagged, MessageReceived
from contracts.ids import CONVERSATION as CONVERSATION_ID
from contracts.ids import message_id
from contracts.inbound import InboundMessage
from contracts.message import Message
from router.domain.conversation import album, call, care, divert, notice, status, work
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.choose import choose, grouping_key
from router.domain.conversation.draft import Draft
from router.domain.conversation.fetch import fetch
from router.domain.conversation.hear import hear
from router.domain.conversation.listing import LIVE, bounded, is_here, preferred
from router.domain.conversation.tables import (
    AUTOMATIC,
    CONTACT,
    CONVERSATION,
    MESSAGE,
    TAIL,
    TRACE,
    Trace,
)
from router.domain.conversation.watch import cares, watch


def seen(arrival: Arrival) -> bool:
    """Whether the message was taken before: it is here, or was passed on from here."""
    if arrival.turn.get(MESSAGE, arrival.message_id) is not None:
        return True
    trace = arrival.trace = arrival.turn.get(TRACE, arrival.message_id)
    if trace is None:
        return False
    if arrival.command.home is None:
        return trace.relayed or trace.conversation is not None
    return trace.conversation is not None and not arrival.final


def message(arrival: Arrival, contact: Contact) -> None:
    """``InboundMessage``, at the contact's home or the conversation's shard."""
    if arrival.command.home is not None and seen(arrival):
        return
    if album.join(arrival):
        return
    turn = arrival.turn
    chosen = choose(arrival, contact)
    if chosen is not None and not is_here(turn, chosen):
        if not arrival.final:
            album.follow(arrival, chosen)
            turn.put(TRACE, arrival.message_id, replace(arrival.trace or Trace(), conversation=chosen))
            arrival.relay(chosen)
            return
        chosen = None
    found = turn.get(CONVERSATION, chosen) if chosen is not None else None
    automatic = AUTOMATIC in arrival.event.flags
    draft = _opened(arrival, contact) if found is None else Draft(turn, found, arrival.command.id)
    begins = found is None
    if not automatic and draft.now.status != "open":
        begins = _stir(draft) or begins
    if draft.now.idle and not automatic:
        care.wake(draft)
    known = draft.now.language
    _append(draft, arrival, automatic)
    if "handover" in arrival.flags:
        _prefer(arrival, draft.now)
    if begins:
        work.opening(draft, _words(arrival.event))
    elif draft.now.agent is None and (arrival.event.attributes or (known is None and draft.now.language is not None)):
        work.update(draft, "enriched")


def _stir(draft: Draft) -> bool:
    """What waited, slept or was resolved is open again: whether an agent has to be asked for."""
    if draft.now.status in LIVE:
        status.awaken(draft)
        return False
    status.reopen(draft, "customer wrote")
    return True


def _prefer(arrival: Arrival, conversation: Conversation) -> None:
    """The customer took this conversation along: what they write from now on joins it too."""
    contact = arrival.turn.get(CONTACT, conversation.contact)
    if contact is not None:
        arrival.turn.put(CONTACT, contact.id, replace(contact, conversations=preferred(contact, conversation.id)))


def _opened(arrival: Arrival, contact: Contact) -> Draft:
    event, turn = arrival.event, arrival.turn
    language = hear(arrival, contact.id, None)
    conversation = Conversation(
        id=turn.new_id(CONVERSATION_ID),
        contact=contact.id,
        seq=0,
        status="open",
        opened_at=turn.at,
        subject=event.subject,
        language=language,
        key=grouping_key(arrival),
    )
    draft = Draft(turn, conversation, arrival.command.id, new=True)
    draft.emit(
        ConversationOpened,
        channel=arrival.command.channel,
        account=arrival.command.account,
        subject=event.subject,
        language=language,
    )
    return draft


def _append(draft: Draft, arrival: Arrival, automatic: bool) -> None:
    turn, event, now = arrival.turn, arrival.event, draft.now
    message = _message(arrival, now, draft.seq + 1)
    draft.emit(MessageReceived, message=message)
    turn.put(MESSAGE, message.id, message)
    turn.push("log", now.id, message.id)
    album.begin(arrival, message)
    if type(event.parts[0] if event.parts else None) is not Text or len(event.parts) > 1:
        fetch(turn, message)
    waiting = now.waiting_since
    changes = {
        "tail": (*now.tail[1 - TAIL :], message.id),
        "messages": now.messages + 1,
        "last_message_at": message.at,
        "last_sent_at": _later(now.last_sent_at, event.sent_at),
        "waiting_since": message.at if waiting is None and not automatic else waiting,
        "reaches": _reached(arrival, now.reaches),
        "subject": now.subject or event.subject,
        "language": hear(arrival, now.contact, now.language),
    }
    if event.attributes:
        changes["attributes"] = {**now.attributes, **event.attributes}
        draft.emit(ConversationTagged, tags=now.tags, attributes=changes["attributes"], by="customer")
    by_voice = arrival.command.channel_class == notice.VOICE
    if not automatic and (by_voice or now.diverted is not None or (waiting is None and cares(turn, now))):
        draft.change(**changes)
        _heard(draft, arrival)
        draft.save()
    else:
        draft.save(**changes)


def _heard(draft: Draft, arrival: Arrival) -> None:
    """Somebody has to answer from now on, or an offer is open that this may take."""
    if arrival.command.channel_class == notice.VOICE:
        call.heard(draft, arrival)
    elif draft.now.diverted is not None:
        divert.heard(draft, arrival.rules, arrival.event.parts)
    watch(draft)


def _message(arrival: Arrival, now: Conversation, seq: int) -> Message:
    command, event, trace = arrival.command, arrival.event, arrival.trace
    sender, sent_at = event.sender, event.sent_at
    message = Message(
        id=arrival.message_id,
        conversation=now.id,
        contact=now.contact,
        seq=seq,
        direction="inbound",
        channel=command.channel,
        account=command.account,
        address=sender.address,
        parts=event.parts,
        at=arrival.at,
        sent_at=sent_at,
        late=sent_at is not None and now.last_sent_at is not None and sent_at < now.last_sent_at,
        author=sender.author,
        author_name=sender.author_name,
        subject=event.subject,
        language=event.language,
        provider_id=event.provider_id,
        reply_to=_quoted(arrival) if event.threading.quoted else None,
        raw=arrival.raw,
        extra=event.extra,
        flags=(*event.flags, *arrival.flags) if arrival.flags else event.flags,
    )
    return message if trace is None else _overtaken(message, trace)


def _overtaken(message: Message, trace: Trace) -> Message:
    """An edit or unsend of it came before the message itself."""
    if trace.address != message.address:
        return message
    if trace.unsent_at is not None:
        return replace(message, parts=(), subject=None, unsent_at=trace.unsent_at)
    if trace.parts is not None and trace.edited_at is not None:
        return replace(message, parts=trace.parts, edited_at=trace.edited_at)
    return message


def _quoted(arrival: Arrival) -> str | None:
    """Our id of the message that is quoted."""
    key = message_id(arrival.command.account, arrival.event.threading.quoted)
    if arrival.turn.get(MESSAGE, key) is not None:
        return key
    trace = arrival.turn.get(TRACE, key)
    return trace.message if trace is not None else None


def _reached(arrival: Arrival, reaches: tuple[Reach, ...]) -> tuple[Reach, ...]:
    """The ways to the customer, the one just used last."""
    command, address = arrival.command, arrival.event.sender.address
    for reach in reversed(reaches):
        if reach.address == address and reach.account == command.account and reach.channel == command.channel:
            fresh = _reach(arrival, reach)
            return (fresh,) if len(reaches) == 1 else (*(each for each in reaches if each is not reach), fresh)
    return (*reaches, _reach(arrival, None))


def _reach(arrival: Arrival, old: Reach | None) -> Reach:
    command, event = arrival.command, arrival.event
    threading = event.threading
    mail = command.channel_class == "email"
    thread = threading.thread or (event.provider_id if mail else old.thread if old else None)
    references: tuple[str, ...] = ()
    if mail or threading.references:
        references = bounded(_chain(event, old))
    return Reach(
        channel=command.channel,
        account=command.account,
        address=event.sender.address,
        last_at=arrival.at,
        reply=event.reply or (old.reply if old else None),
        thread=thread,
        references=references,
        channel_class=command.channel_class,
    )


def _chain(event: InboundMessage, old: Reach | None) -> tuple[str, ...]:
    """The message's own references from the oldest on, and itself; without any, what we knew goes on."""
    earlier = tuple(reversed(event.threading.references)) or (old.references if old else ())
    return (*(each for each in earlier if each != event.provider_id), event.provider_id)


def _later(first: datetime | None, second: datetime | None) -> datetime | None:
    return second if first is None or (second is not None and second > first) else first


def _words(event: InboundMessage) -> str:
    words = plain_text(event.parts)
    return f"{event.subject}\n{words}" if event.subject else words
