"""The line to a caller: is anybody on it, and what is to happen there, as an automatic message with a ``call`` part."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from contracts.content import Call, Part
from contracts.conversation import Conversation, Reach
from contracts.ids import MESSAGE as MESSAGE_ID
from contracts.ids import digest, message_id
from contracts.message import Message
from router.domain.conversation.draft import Draft
from router.domain.conversation.notice import VOICE, message_of, send
from router.domain.conversation.tables import MESSAGE
from router.domain.conversation.texts import CALLBACK
from router.domain.turn import Reader

ON_THE_LINE: Final = frozenset({"ringing", "waiting", "answered"})
NO_CALL: Final = Call("ended")
CALLBACK_ADDRESS: Final = "callback_address"
"""The attribute that says where the customer wants to be called back."""


def put_through(draft: Draft, agent: str, to: str | None, until_ms: int | None) -> None:
    """The caller is put through to an agent, until then at the latest. Who is to be called back is called, and the
    agent first; who has hung up is not."""
    reach = way(draft.now)
    if reach is None:
        return
    waits = is_waiting(draft.turn, reach)
    if not waits and CALLBACK not in draft.now.tags:
        return
    if to is None:
        if waits and draft.now.agent == agent:  # they have no telephone: better a word than music for ever
            _say(draft, reach, Call("voicemail"))
        return
    ring_s = None if until_ms is None else max(1, (until_ms - draft.turn.at_ms) // 1000)
    _say(draft, reach, Call("ringing", agent=agent, to=to, ring_s=ring_s, fresh=not waits))


def then(draft: Draft, state: str) -> tuple[Part, ...]:
    """What happens to a caller after some words: ``voicemail`` or ``ended``; nothing to who is not on the line."""
    reach = way(draft.now)
    if reach is None or not is_waiting(draft.turn, reach):
        return ()
    return (Call("voicemail") if state == "voicemail" else Call("ended"),)


def way(conversation: Conversation) -> Reach | None:
    """The line, when the customer used it last."""
    theirs = [reach for reach in conversation.reaches if not reach.ours]
    latest = max(theirs, key=lambda each: each.last_at, default=None)
    return latest if latest is not None and latest.channel_class == VOICE else None


def is_waiting(reader: Reader, reach: Reach) -> bool:
    """Whether the customer is on the line and talks with nobody."""
    message = reader.get(MESSAGE, message_id(reach.account, reach.thread)) if reach.thread else None
    return message is not None and call_in(message).state in ("ringing", "waiting")


def call_in(message: Message) -> Call:
    """The call that the message is about; of any other message one that is over."""
    return next((part for part in message.parts if isinstance(part, Call)), NO_CALL)


def _say(draft: Draft, reach: Reach, call: Call) -> None:
    turn, now = draft.turn, draft.now
    id = f"{MESSAGE_ID}_{digest(turn.shard, turn.entry, 'call', now.id)}"
    message = message_of(draft, reach, id, (call,))
    elsewhere = now.attributes.get(CALLBACK_ADDRESS) if call.fresh else None
    if elsewhere is not None:
        message = replace(message, address=elsewhere)
    send(draft, replace(message, extra={"call": reach.thread}))
