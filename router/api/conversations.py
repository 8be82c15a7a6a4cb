"""Conversations: listing, reading, and everything an agent does to one."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web

from contracts import commands, streams
from contracts.content import Part, Text
from contracts.conversation import Context, Conversation, Status
from contracts.message import Message
from contracts.streams import DISPATCH
from router.api import find, writes
from router.api.call import Call
from router.api.context import context_of
from router.api.paging import Page, bounded, from_cursor, merged, to_cursor
from router.api.problems import ApiError, bad_input
from router.api.services import Invitation
from router.api.tables import AGENTS, CONVERSATION, LOG, STATUSES, by_status

_ROUNDS = 10
_SCAN = 100
_MOST_PARTS = 20
_MOST_TEXT = 100_000

Written = writes.Done | web.Response


class ConversationQuery(msgspec.Struct, frozen=True):
    """Which conversations. ``agent=me``: those of the token's agent."""

    status: Status | None = None
    agent: str | None = None
    queue: str | None = None
    contact: str | None = None
    limit: int = 50
    cursor: str | None = None


class MessageQuery(msgspec.Struct, frozen=True):
    """Which messages. ``order=newest`` (default) pages back in time, ``oldest`` forward."""

    order: str = "newest"
    limit: int = 50
    cursor: str | None = None


class NewMessage(msgspec.Struct, frozen=True):
    """An answer: ``text``, or ``parts``. Without a channel it goes back the way the customer used last."""

    text: str | None = None
    parts: tuple[Part, ...] = ()
    channel: str | None = None
    account: str | None = None
    address: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    provider_extra: dict[str, Any] | None = None
    bulk: bool = False
    """Said to many at once: answers of people go before it."""
    floor: int | None = None
    """As told with the assignment: refused when somebody else has got the conversation since."""


class NewNote(msgspec.Struct, frozen=True):
    """A note among colleagues: ``text``, or ``parts``."""

    text: str | None = None
    parts: tuple[Part, ...] = ()


class NewStatus(msgspec.Struct, frozen=True):
    """``until`` with ``snoozed`` only."""

    status: Status
    until: datetime | None = None


class Snooze(msgspec.Struct, frozen=True):
    until: datetime


class TagChange(msgspec.Struct, frozen=True):
    """Tags to add and to take away."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class AttributeChange(msgspec.Struct, frozen=True):
    """Attributes to set; null removes one."""

    attributes: dict[str, str | None]


class NewPriority(msgspec.Struct, frozen=True):
    """-100 to 100; higher goes first."""

    priority: int


class NewOwner(msgspec.Struct, frozen=True):
    """To a queue or to an agent, with a word for whoever takes it."""

    queue: str | None = None
    agent: str | None = None
    note: str | None = None


class Acting(msgspec.Struct, frozen=True):
    """``agent`` is needed only when the token is of no agent."""

    agent: str | None = None


class Declining(msgspec.Struct, frozen=True):
    agent: str | None = None
    reason: str | None = None


class Nothing(msgspec.Struct, frozen=True):
    """An empty object."""


# -- reading -------------------------------------------------------------------------------------------------------


async def list_conversations(call: Call) -> Page[Conversation]:
    """Newest activity first, over all shards."""
    query: ConversationQuery = call.query
    limit = bounded(query.limit)
    if query.contact is not None:
        return await _of_contact(call, query, limit)
    if query.agent is not None and query.status in (None, "open"):
        return await _of_agent(call, query)
    return await _by_time(call, query, limit)


async def _of_contact(call: Call, query: ConversationQuery, limit: int) -> Page[Conversation]:
    person = await find.living_contact(call.services, query.contact or "")
    found = await _load(call, [ref.id for ref in reversed(person.conversations)])
    return Page(tuple(one for one in found if _fits(one, query, _agent(call, query)))[:limit])


async def _of_agent(call: Call, query: ConversationQuery) -> Page[Conversation]:
    agent = _agent(call, query)
    rows = await call.services.state.rows(DISPATCH, AGENTS)
    held = (*rows[agent].work, *rows[agent].idle) if agent in rows else ()
    found = [one for one in await _load(call, list(held)) if _fits(one, query, agent)]
    return Page(tuple(sorted(found, key=_activity, reverse=True)))


async def _by_time(call: Call, query: ConversationQuery, limit: int) -> Page[Conversation]:
    place = from_cursor(query.cursor, tuple[int, str]) if query.cursor else None
    found: list[Conversation] = []
    agent = _agent(call, query)
    for _ in range(_ROUNDS):
        part = await _round(call, query.status, place)
        for id, score, one in part:
            place = (score, id)
            if one is not None and _fits(one, query, agent):
                found.append(one)
            if len(found) == limit:
                return Page(tuple(found), to_cursor(*place))
        if len(part) < _SCAN:
            return Page(tuple(found))
    return Page(tuple(found), to_cursor(*place) if place else None)


async def _round(
    call: Call, status: Status | None, place: tuple[int, str] | None
) -> list[tuple[str, int, Conversation | None]]:
    state = call.services.state
    before = None if place is None else place[0] + 1
    shards = [streams.conversation_shard(number) for number in range(state.shards)]
    indexes = [by_status(one) for one in ([status] if status else STATUSES)]
    lists = await asyncio.gather(
        *(state.index(shard, index, limit=_SCAN, before=before) for shard in shards for index in indexes)
    )
    pairs = merged(lists, place, _SCAN)
    values = await _values(call, [id for id, _ in pairs])
    return [(id, score, value) for (id, score), value in zip(pairs, values, strict=True)]


async def _values(call: Call, wanted: list[str]) -> list[Conversation | None]:
    keys = [(find.shard_of_conversation(call.services, id), CONVERSATION, id) for id in wanted]
    return list(await call.services.state.many(keys)) if keys else []


async def _load(call: Call, wanted: list[str]) -> list[Conversation]:
    return [one for one in await _values(call, wanted) if one is not None]


def _agent(call: Call, query: ConversationQuery) -> str | None:
    return call.acting_agent() if query.agent == "me" else query.agent


def _fits(one: Conversation, query: ConversationQuery, agent: str | None) -> bool:
    wanted = ((query.status, one.status), (agent, one.agent), (query.queue, one.queue))
    return all(asked is None or asked == has for asked, has in wanted)


def _activity(one: Conversation) -> datetime:
    return one.last_message_at or one.opened_at


async def get_conversation(call: Call) -> Conversation:
    return await find.conversation(call.services, call.path("id"))


async def get_context(call: Call) -> Context:
    return await context_of(call.services, await find.conversation(call.services, call.path("id")))


async def list_messages(call: Call) -> Page[Message]:
    """A page of the conversation's messages, in the asked order; both directions have a cursor."""
    query: MessageQuery = call.query
    limit, id = bounded(query.limit), call.path("id")
    await find.conversation(call.services, id)
    if query.order == "oldest":
        return await _onward(call, id, query, limit)
    if query.order == "newest":
        return await _backward(call, id, query, limit)
    raise bad_input(f"order is {query.order[:20]!r}", where="?order", expected="newest or oldest", status=400)


async def _onward(call: Call, id: str, query: MessageQuery, limit: int) -> Page[Message]:
    start = max(0, from_cursor(query.cursor, tuple[int])[0]) if query.cursor else 0
    named = await _log(call, id, start, start + limit)
    items = await find.messages(call.services, [(id, one) for one in named[:limit]])
    return Page(tuple(items), to_cursor(start + limit) if len(named) > limit else None)


async def _backward(call: Call, id: str, query: MessageQuery, limit: int) -> Page[Message]:
    # The place is counted from the beginning: messages that come meanwhile shift nothing.
    end = from_cursor(query.cursor, tuple[int])[0] if query.cursor else None
    if end is None:
        named, more = await _newest(call, id, limit)
    else:
        start = max(0, end - limit)
        named = await _log(call, id, start, end - 1) if end > 0 else []
        more = start
    items = await find.messages(call.services, [(id, one) for one in reversed(named)])
    return Page(tuple(items), to_cursor(more) if more > 0 else None)


async def _newest(call: Call, id: str, limit: int) -> tuple[list[str], int]:
    named = await _log(call, id, -limit, -1)
    total = (await find.conversation(call.services, id)).messages
    return named, total - len(named) if len(named) == limit else 0


async def _log(call: Call, id: str, start: int, stop: int) -> list[str]:
    found: list[str] = await call.services.state.log(
        find.shard_of_conversation(call.services, id), LOG, id, start, stop
    )
    return found


# -- saying something ----------------------------------------------------------------------------------------------


async def send_message(call: Call) -> Written:
    body: NewMessage = call.body
    command = await writes.command_id(call)
    return await _to_conversation(call, send_command(command, call.token.by, call.path("id"), body))


def send_command(id: str, by: str, conversation: str, body: NewMessage) -> commands.SendMessage:
    """The command for an answer. Raises ApiError 422."""
    check_target(body)
    return commands.SendMessage(
        id=id, by=by, conversation=conversation, message=writes.message_id(id), parts=parts_of(body.text, body.parts),
        channel=body.channel, account=body.account, address=body.address, subject=body.subject,
        reply_to=body.reply_to, extra=body.provider_extra, bulk=body.bulk, floor=body.floor,
    )  # fmt: skip


def check_target(body: NewMessage) -> None:
    """Raises ApiError 422 when the way is named by its end only."""
    if (body.account or body.address) and not body.channel:
        raise bad_input(
            "a target account or address needs its channel", where="$.channel", expected="the channel's name"
        )


async def add_note(call: Call) -> Written:
    body: NewNote = call.body
    command = await writes.command_id(call)
    return await _to_conversation(call, note_command(command, call.token.by, call.path("id"), body))


def note_command(id: str, by: str, conversation: str, body: NewNote) -> commands.AddNote:
    """The command for a note. Raises ApiError 422."""
    parts = parts_of(body.text, body.parts)
    return commands.AddNote(id=id, by=by, conversation=conversation, message=writes.message_id(id), parts=parts)


def parts_of(text: str | None, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """What is said. Raises ApiError 422 when it is nothing, both, or too much."""
    if (text is None) == (not parts):
        raise bad_input("give either text or parts", where="$", expected="text, or a list of parts that is not empty")
    if text is not None and not text.strip():
        raise bad_input("the text is empty", where="$.text", expected="words")
    said = parts or (Text(text or ""),)
    if len(said) > _MOST_PARTS or sum(len(part.text) for part in said if isinstance(part, Text)) > _MOST_TEXT:
        raise bad_input(
            "this is too much for one message", where="$", expected=f"{_MOST_PARTS} parts, {_MOST_TEXT} characters"
        )
    return said


# -- changing it ---------------------------------------------------------------------------------------------------


async def set_status(call: Call) -> Written:
    body: NewStatus = call.body
    return await _change_status(call, body.status, body.until)


async def snooze(call: Call) -> Written:
    body: Snooze = call.body
    return await _change_status(call, "snoozed", body.until)


async def _change_status(call: Call, status: Status, until: datetime | None) -> Written:
    check_until(status, until)
    id = await writes.command_id(call)
    command = commands.SetStatus(id=id, by=call.token.by, conversation=call.path("id"), status=status, until=until)
    return await _to_conversation(call, command)


def check_until(status: Status, until: datetime | None) -> None:
    """Raises ApiError 422 when the time and the status do not go together."""
    if (status == "snoozed") != (until is not None):
        raise bad_input(
            "until goes with snoozed, and only with it", where="$.until", expected="a time with a zone, with snoozed"
        )
    if until is not None and until.tzinfo is None:
        raise bad_input("until has no time zone", where="$.until", expected="for example 2026-11-21T09:30:00+09:00")


async def change_tags(call: Call) -> Written:
    body: TagChange = call.body
    _check_tags((*body.add, *body.remove), "$.add")
    id = await writes.command_id(call)
    command = commands.TagConversation(
        id=id, by=call.token.by, conversation=call.path("id"), add=body.add, remove=body.remove
    )
    return await _to_conversation(call, command)


def _check_tags(tags: tuple[str, ...], where: str) -> None:
    if not tags or len(tags) > 100 or any(not tag.strip() or len(tag) > 100 for tag in tags):
        raise bad_input("1 to 100 tags of 1 to 100 characters", where=where)


async def change_attributes(call: Call) -> Written:
    body: AttributeChange = call.body
    check_attributes(body.attributes)
    id = await writes.command_id(call)
    command = commands.TagConversation(
        id=id, by=call.token.by, conversation=call.path("id"), attributes=body.attributes
    )
    return await _to_conversation(call, command)


def check_attributes(attributes: dict[str, str | None]) -> None:
    """Raises ApiError 422 when there are none, too many, or too long ones."""
    if not attributes or len(attributes) > 100:
        raise bad_input("1 to 100 attributes at once", where="$.attributes")
    for name, value in attributes.items():
        if not 1 <= len(name) <= 100 or len(value or "") > 2_000:
            raise bad_input("names have 1 to 100 characters, values at most 2,000", where=f"$.attributes.{name[:100]}")


async def set_priority(call: Call) -> Written:
    body: NewPriority = call.body
    if not -100 <= body.priority <= 100:
        raise bad_input(f"priority is {body.priority}", where="$.priority", expected="-100 to 100")
    id = await writes.command_id(call)
    command = commands.SetPriority(id=id, by=call.token.by, conversation=call.path("id"), priority=body.priority)
    return await _to_conversation(call, command)


async def transfer(call: Call) -> Written:
    command = transfer_command(await writes.command_id(call), call.token.by, call.path("id"), call.body)
    return await _to_conversation(call, command)


def transfer_command(id: str, by: str, conversation: str, body: NewOwner) -> commands.Transfer:
    """The command for a transfer. Raises ApiError 422."""
    if (body.queue is None) == (body.agent is None):
        raise bad_input("give either a queue or an agent", where="$", expected="queue, or agent")
    return commands.Transfer(
        id=id, by=by, conversation=conversation, queue=body.queue, agent=body.agent, note=body.note
    )


async def _to_conversation(call: Call, command: commands.Command) -> Written:
    shard = find.shard_of_conversation(call.services, call.path("id"))
    return await writes.carry_out(call, shard, command)


# -- taking it -----------------------------------------------------------------------------------------------------


async def accept(call: Call) -> Written:
    body: Acting = call.body
    agent, id = call.acting_agent(body.agent), await writes.command_id(call)
    return await _to_dispatch(
        call, commands.AcceptOffer(id=id, by=call.token.by, conversation=call.path("id"), agent=agent)
    )


async def decline(call: Call) -> Written:
    body: Declining = call.body
    agent, id = call.acting_agent(body.agent), await writes.command_id(call)
    command = commands.DeclineOffer(
        id=id, by=call.token.by, conversation=call.path("id"), agent=agent, reason=body.reason
    )
    return await _to_dispatch(call, command)


async def claim(call: Call) -> Written:
    body: Acting = call.body
    agent, id = call.acting_agent(body.agent), await writes.command_id(call)
    return await _to_dispatch(
        call, commands.ClaimWork(id=id, by=call.token.by, conversation=call.path("id"), agent=agent)
    )


async def _to_dispatch(call: Call, command: commands.Command) -> Written:
    find.shard_of_conversation(call.services, call.path("id"))
    return await writes.carry_out(call, DISPATCH, command)


async def hand_over(call: Call) -> Invitation:
    """A code with which the customer goes on elsewhere, and links where a channel has them."""
    if call.services.invite is None:
        raise ApiError(501, "this service has no hand-over codes: no secret is configured")
    conversation = await find.conversation(call.services, call.path("id"))
    return await call.services.invite(conversation.contact, conversation.id)
