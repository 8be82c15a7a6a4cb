"""Albums: several items that the customer sent as one. Each arrives by itself, nobody knows how many there are, and in
any order; the first one begins the message, the others join it in their places."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from contracts.content import Part
from contracts.events import MessageEdited
from contracts.message import Message
from router.domain.conversation.arrival import Arrival
from router.domain.conversation.draft import Draft
from router.domain.conversation.fetch import fetch
from router.domain.conversation.listing import is_here
from router.domain.conversation.tables import ALBUM, CONVERSATION, MESSAGE, TRACE, AlbumItem, AlbumRow, Trace
from router.domain.turn import Turn

FLAG = "album"
"""Flag of a message that several items have made."""
MOST = 100
"""Items of one album; what comes beyond is a message of its own."""


def begin(arrival: Arrival, message: Message) -> None:
    """The first item to arrive has become this message."""
    if arrival.event.album is not None:
        item = AlbumItem(arrival.event.album.position, message.id, len(message.parts), message.edited_at)
        arrival.turn.put(ALBUM, _key(arrival), AlbumRow(message.conversation, message.id))
        arrival.turn.put(ALBUM, message.id, AlbumRow(message.conversation, message.id, (item,)))


def follow(arrival: Arrival, conversation: str) -> None:
    """The first item was passed on to a conversation in another shard: the others go there too."""
    if arrival.event.album is not None:
        arrival.turn.put(ALBUM, _key(arrival), AlbumRow(conversation))


def join(arrival: Arrival) -> bool:
    """Whether the item joined (or follows) the one that came before it; if not, it begins a message."""
    if arrival.event.album is None:
        return False
    turn = arrival.turn
    row = turn.get(ALBUM, _key(arrival))
    if row is None:
        return False
    if not is_here(turn, row.conversation):
        if arrival.final:
            return False
        turn.put(TRACE, arrival.message_id, replace(arrival.trace or Trace(), conversation=row.conversation))
        arrival.relay(row.conversation)
        return True
    message = turn.get(MESSAGE, row.message) if row.message is not None else None
    items = _items(turn, message)
    if message is None or not items or message.unsent_at is not None or len(items) >= MOST:
        return False
    if all(each.id != arrival.message_id for each in items):
        _take_in(arrival, message, items)
    return True


def part_of(turn: Turn, message: Message, id: str) -> AlbumItem | None:
    """The item of the message that the provider's message ``id`` is; None when the message is no album."""
    if FLAG not in message.flags:
        return None
    return next((each for each in _items(turn, message) if each.id == id), None)


def changed(turn: Turn, message: Message, item: AlbumItem, parts: tuple[Part, ...], at: datetime) -> tuple[Part, ...]:
    """What the whole message says when this item of it says something else (or nothing)."""
    items = _items(turn, message)
    fresh = tuple(replace(each, parts=len(parts), edited_at=at) if each is item else each for each in items)
    turn.put(ALBUM, message.id, AlbumRow(message.conversation, message.id, fresh))
    start = sum(each.parts for each in items[: items.index(item)])
    return (*message.parts[:start], *parts, *message.parts[start + item.parts :])


def _take_in(arrival: Arrival, message: Message, items: tuple[AlbumItem, ...]) -> None:
    turn, event = arrival.turn, arrival.event
    if FLAG not in message.flags:  # until now an edit of the only item was one of the whole message
        items = (replace(items[0], parts=len(message.parts), edited_at=message.edited_at),)
    trace = arrival.trace or Trace()
    parts, edited_at = _as_it_stands(arrival, trace, message.address)
    turn.put(TRACE, arrival.message_id, replace(trace, message=message.id, conversation=message.conversation))
    item = AlbumItem(event.album.position, arrival.message_id, len(parts), edited_at)
    fresh = tuple(sorted((*items, item), key=lambda each: each.position))
    turn.put(ALBUM, message.id, AlbumRow(message.conversation, message.id, fresh))
    start = sum(each.parts for each in fresh[: fresh.index(item)])
    whole = (*message.parts[:start], *parts, *message.parts[start:])
    flags = message.flags if FLAG in message.flags else (*message.flags, FLAG)
    turn.put(MESSAGE, message.id, replace(message, parts=whole, flags=flags))
    fetch(turn, replace(message, parts=parts))
    conversation = turn.get(CONVERSATION, message.conversation)
    if conversation is not None:
        draft = Draft(turn, conversation, arrival.command.id)
        at = event.sent_at or arrival.at
        draft.emit(MessageEdited, message_id=message.id, parts=whole, edited_at=at, joined=True)
        draft.save()


def _as_it_stands(arrival: Arrival, trace: Trace, address: str) -> tuple[tuple[Part, ...], datetime | None]:
    """The item's content; an edit or unsend of it may have come before it."""
    if trace.address == address and trace.unsent_at is not None:
        return (), trace.unsent_at
    if trace.address == address and trace.parts is not None:
        return trace.parts, trace.edited_at
    return arrival.event.parts, None


def _items(turn: Turn, message: Message | None) -> tuple[AlbumItem, ...]:
    row = turn.get(ALBUM, message.id) if message is not None else None
    return row.items if row is not None else ()


def _key(arrival: Arrival) -> str:
    return f"{arrival.key}/{arrival.event.album.id}"
