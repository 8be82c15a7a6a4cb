"""Our messages into LINE's calls, and what LINE answers into outcomes. Pure.

A reply token goes first: replies are free of quota. What it cannot take, and everything without a token, is pushed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from connectors.api import Failed, Outbound, Outcome, ProviderRequest, ProviderResponse, Sent, Uncertain, problem
from connectors.kit.http import interpret as by_status
from connectors.kit.http import retry_after
from connectors.kit.json import BadJson, read
from connectors.line.messages import messages_of
from connectors.line.settings import LineSettings

MOST: Final = 5
"""Messages in one call."""
REPLY: Final = "/v2/bot/message/reply"
PUSH: Final = "/v2/bot/message/push"
ENOUGH: Final = 300
"""Characters of LINE's own words that are passed on."""

Messages = list[dict[str, Any]]


class Sender(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Another name or picture for this message; the name has at most 20 characters."""

    name: str | None = None
    icon_url: str | None = None


class Extra(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold, in LINE's own spelling."""

    notification_disabled: bool = False
    quote_token: str | None = None
    """Quotes the message it belongs to (inbound ``extra.quote_token``), in the first text or sticker."""
    sender: Sender | None = None


class _Call(msgspec.Struct):
    """One call in the making. It begins with message ``offset`` of piece ``piece`` and ends ``covers`` pieces."""

    piece: int
    offset: int
    messages: Messages
    covers: int = 0


class SentMessage(msgspec.Struct, frozen=True):
    id: str


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a reply or push."""

    sent_messages: tuple[SentMessage, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """The body of an error."""

    message: str = ""
    details: tuple[Mapping[str, Any], ...] = ()


_accepted: Final = msgspec.json.Decoder(Accepted)
_refusal: Final = msgspec.json.Decoder(Refusal)


def render(settings: LineSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """The calls for what is left of the message; the first spends the reply token where there is one."""
    try:
        extra = msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    calls = _calls(settings, outbound, extra)
    return [_request(settings, outbound, extra, call, number) for number, call in enumerate(calls)]


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What LINE's answer means; see the table in this package's README."""
    if response.failure is None and (response.status == 409 or 200 <= response.status < 300):
        return Sent(_ids(response))
    if request.uses_token and (response.failure in ("timeout", "reset") or response.status >= 500):
        return Uncertain(response.failure or f"LINE answered {response.status}")
    if response.failure is None and response.status in (400, 415, 429):
        return _refused(request, response)
    return by_status(request, response)


# -- calls ----------------------------------------------------------------------------------------------------------


def _calls(settings: LineSettings, outbound: Outbound, extra: Extra) -> list[_Call]:
    """The messages of all pieces that are left, five to a call; only a piece of more than five is spread over calls.

    So each attempt makes the same calls from where the one before it ended, and the retry keys stay true.
    """
    calls: list[_Call] = []
    last = len(outbound.pieces) - 1
    quote = extra.quote_token if outbound.done == 0 else None
    for piece in range(outbound.done, len(outbound.pieces)):
        messages = messages_of(outbound, outbound.pieces[piece], piece == last, settings)
        quote = _decorate(messages, extra, quote)
        if calls and len(calls[-1].messages) + len(messages) <= MOST:
            calls[-1].messages.extend(messages)
        else:
            calls.extend(_Call(piece, at, messages[at : at + MOST]) for at in range(0, len(messages), MOST))
        calls[-1].covers += 1
    return calls


def _decorate(messages: Messages, extra: Extra, quote: str | None) -> str | None:
    """Adds sender and quote token; gives the quote token back while no message could take it."""
    for message in messages:
        if quote is not None and message["type"] in ("text", "sticker"):
            message["quoteToken"], quote = quote, None
        if extra.sender is not None:
            message["sender"] = msgspec.to_builtins(extra.sender)
    return quote


def _request(settings: LineSettings, outbound: Outbound, extra: Extra, call: _Call, number: int) -> ProviderRequest:
    replies = number == 0 and outbound.token is not None
    target = {"replyToken": outbound.token} if replies else {"to": outbound.reach.address}
    body = {**target, "messages": call.messages, "notificationDisabled": extra.notification_disabled}
    key = {} if replies else {"x-line-retry-key": retry_key(outbound.key, call.piece, call.offset)}
    return ProviderRequest(
        "POST",
        settings.api_base + (REPLY if replies else PUSH),
        {"content-type": "application/json", **key},
        {"authorization": f"Bearer {settings.channel_access_token.reveal()}"},
        msgspec.json.encode(body),
        covers=call.covers,
        uses_token=replies,
        idempotent=not replies,
    )


def retry_key(key: str, piece: int, offset: int) -> str:
    """The same for every attempt at the same messages: LINE carries out a repeated push with it only once."""
    return key if piece == offset == 0 else str(uuid5(UUID(key), f"{piece}.{offset}"))


# -- answers --------------------------------------------------------------------------------------------------------


def _ids(response: ProviderResponse) -> tuple[str, ...]:
    accepted = read(response.body, _accepted)
    return () if isinstance(accepted, BadJson) else tuple(each.id for each in accepted.sent_messages)


def _refused(request: ProviderRequest, response: ProviderResponse) -> Failed:
    refusal = read(response.body, _refusal)
    said = "" if isinstance(refusal, BadJson) else _words(refusal)
    code = str(response.status)
    if response.status == 429:
        return _too_many(response, said)
    if request.uses_token and "invalid reply token" in said.lower():
        return Failed(problem("window_closed", said, code), fallback=True)
    if said.startswith("Failed to send messages"):
        return Failed(problem("recipient_gone", said, code))
    return Failed(problem("rejected", said or None, code))


def _too_many(response: ProviderResponse, said: str) -> Failed:
    """One status, two meanings: the rate of calls, or the month's quota of pushed messages."""
    if "monthly limit" in said.lower():
        return Failed(problem("rejected", "the month's quota of pushed messages is used up", "429"))
    return Failed(problem("throttled", said or None, "429"), retry_after(response))


def _words(refusal: Refusal) -> str:
    details = [f"{each.get('property', '')}: {each.get('message', '')}" for each in refusal.details]
    return "; ".join([refusal.message, *details])[:ENOUGH]
