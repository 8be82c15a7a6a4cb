"""Events as server-sent events, for consumers without Redis. The id of each is the token to resume after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from contracts import codec
from contracts.codec import CodecError, Unknown
from contracts.streams import all_shards
from router.api.call import Call
from router.api.filters import accepts, check_types
from router.api.following import closing, with_beats
from router.api.problems import ApiError, bad_input
from router.shards.tail import Entry, TokenError, TooSlow, decode_token

RETRY_MS = 2_000
_BEAT_S = 15.0
_SEND_S = 5.0


class EventQuery(msgspec.Struct, frozen=True):
    """Empty filters take all. ``types`` by commas, ``message.*`` for a family; ``after``: as ``Last-Event-ID``."""

    types: str | None = None
    conversation: str | None = None
    contact: str | None = None
    agent: str | None = None
    after: str | None = None


class Streams:
    """The open event streams of this copy."""

    def __init__(self) -> None:
        self.open: set[asyncio.Task[Any]] = set()


async def stream(call: Call) -> web.StreamResponse:
    """Runs until the client leaves, or falls too far behind; it then resumes by its last id."""
    query: EventQuery = call.query
    types = tuple(one.strip() for one in (query.types or "").split(",") if one.strip())
    check_types(types, "?types", 400)
    after = _after(call, query)
    streams = call.request.app[STREAMS].open
    if len(streams) >= call.services.limits.sse:
        raise ApiError(
            503, "too many event streams are open here", name="too-many-streams", headers={"Retry-After": "5"}
        )
    task = asyncio.current_task()
    assert task is not None
    streams.add(task)
    try:
        return await _run(call, after, accepts(types, query.conversation, query.contact, query.agent))
    finally:
        streams.discard(task)


STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


def _after(call: Call, query: EventQuery) -> str | None:
    after = call.request.headers.get("Last-Event-ID") or query.after
    if after is not None:
        check_token(after, call.services.state.shards)
    return after


def check_token(after: str, shards: int) -> None:
    """Raises ApiError 400 when the text is no resume token of this store."""
    try:
        decode_token(after, len(all_shards(shards)))
    except TokenError as error:
        raise bad_input(str(error), where="Last-Event-ID", expected="the id of an event", status=400) from None


async def _run(call: Call, after: str | None, accept: Callable[[Entry], bool]) -> web.StreamResponse:
    tail = call.services.tail
    await call.services.submitter.listen()  # the tail sleeps until somebody listens
    start = after or tail.now()
    answer = web.StreamResponse(headers={
        "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
    })  # fmt: skip
    await answer.prepare(call.request)
    # The id alone makes no event, but a client that is cut off now resumes from here.
    await _send(answer, f"retry: {RETRY_MS}\nid: {start}\n\n".encode())
    try:
        async with (
            closing(tail.follow(after=start, accept=accept)) as entries,
            closing(with_beats(entries, _BEAT_S)) as beats,
        ):
            async for entry in beats:
                await _send(answer, b": still here\n\n" if entry is None else frame(entry))
    except (TooSlow, TimeoutError, ConnectionError):
        pass  # the client went, or shall come again
    if call.request.transport is not None:
        call.request.transport.abort()
    return answer


async def _send(answer: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_SEND_S):
        await answer.write(data)


def frame(entry: Entry) -> bytes:
    """One event. Bytes that cannot be read are told as what they are, so that the reader's count is whole."""
    return f"id: {entry.token}\nevent: {entry.type}\ndata: ".encode() + event_json(entry) + b"\n\n"


def event_json(entry: Entry) -> bytes:
    """The event as JSON on one line."""
    return codec.to_json(event_plain(entry))


def event_plain(entry: Entry) -> Any:
    """The event as plain values."""
    try:
        event = entry.event
    except CodecError:
        event = None
    if event is None or isinstance(event, Unknown):
        return {"type": entry.type, "unreadable": event is None, "conversation": entry.conversation, "seq": entry.seq}
    return codec.to_plain(event)
