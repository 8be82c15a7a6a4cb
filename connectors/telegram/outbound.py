"""Our messages into calls of the Bot API, and what Telegram answers into outcomes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.api import (
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Then,
    Uncertain,
    problem,
)
from connectors.api.outcome import ProblemKind
from connectors.kit.http import interpret as by_status
from connectors.kit.json import BadJson, read
from connectors.telegram import payload as telegram
from connectors.telegram.inbound import GENERAL, provider_id
from connectors.telegram.messages import Call, Upload, calls_of
from connectors.telegram.settings import TelegramSettings

ENOUGH: Final = 300
"""Characters of Telegram's own words that are passed on."""
UPLOAD_S: Final = 120.0

REFUSALS: Final[tuple[tuple[int, str, ProblemKind], ...]] = (
    (400, "chat not found", "recipient_gone"),
    (400, "user not found", "recipient_gone"),
    (400, "peer_id_invalid", "recipient_gone"),
    (400, "group chat was upgraded", "recipient_gone"),
    (400, "message is too long", "too_large"),
    (400, "caption is too long", "too_large"),
    (400, "file is too big", "too_large"),
    (400, "chat_write_forbidden", "opted_out"),
    (400, "not enough rights", "opted_out"),
    (400, "have no rights to send", "opted_out"),
    (400, "", "rejected"),
    (401, "", "config"),
    (403, "user is deactivated", "recipient_gone"),
    (403, "was kicked", "recipient_gone"),
    (403, "is not a member", "recipient_gone"),
    (403, "chat was deleted", "recipient_gone"),
    (403, "messages to bots", "recipient_gone"),
    (403, "", "opted_out"),
    (404, "", "config"),
    (409, "", "config"),
    (413, "", "too_large"),
)
"""Status, a piece of the description in lower case, and what it means; the first that fits counts. A 404 is a token
that is none; the 403s are all about the recipient (blocked, never begun, left)."""

_answer: Final = msgspec.json.Decoder(telegram.Answer)
_sent: Final = msgspec.json.Decoder(telegram.Sent | list[telegram.Sent])


class Extra(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold, in Telegram's own spelling."""

    disable_notification: bool | None = None
    protect_content: bool | None = None
    link_preview_options: dict[str, Any] | None = None
    reply_markup: dict[str, Any] | None = None
    """A keyboard of any kind, with the last call."""


class Memo(msgspec.Struct, frozen=True):
    """What a call was made of, so that it can be made again for another chat."""

    call: Call
    boundary: str


def render(settings: TelegramSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """The calls for what is left of the message."""
    try:
        extra = msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    calls = calls_of(outbound)
    last = len(calls) - 1
    return [
        request(settings, Memo(_addressed(outbound, extra, call, number == 0, number == last), outbound.key))
        for number, call in enumerate(calls)
    ]


def interpret(settings: TelegramSettings, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
    """What Telegram's answer means; see the table in this package's README."""
    if response.failure is not None:
        return by_status(request, response)
    answer = read(response.body, _answer)
    if isinstance(answer, BadJson):
        return Uncertain("no answer of Telegram") if response.status < 300 else _by_status(request, response)
    if answer.ok and response.status < 300:
        return Sent(_ids(answer.result))
    return _refused(settings, request, response, answer)


def request(settings: TelegramSettings, memo: Memo) -> ProviderRequest:
    """The call as HTTP: JSON, or a form when files go along. There is no idempotency key."""
    call, token = memo.call, settings.token.reveal()
    url = f"{settings.api_base}/bot{token}/{call.method}"
    if not call.uploads:
        headers, body = {"content-type": "application/json"}, msgspec.json.encode(call.fields)
    else:
        headers = {"content-type": f"multipart/form-data; boundary={memo.boundary}"}
        body = _form(call.fields, call.uploads, memo.boundary)
    timeout = UPLOAD_S if call.uploads else 15.0
    return ProviderRequest(
        "POST", url, headers, body=body, covers=call.covers, timeout_s=timeout, memo=memo, secret_part=token
    )


def chat_of(address: str) -> int | str:
    """Telegram's ids are numbers, public channels have ``@names``."""
    return int(address) if address.removeprefix("-").isdecimal() and address.isascii() else address


def thread_of(thread: str | None) -> int | None:
    """The topic that a reach's thread names, unless it is the general one."""
    number = (thread or "").rpartition("/")[2]
    return int(number) if number.isascii() and number.isdecimal() and int(number) != GENERAL else None


# -- calls ----------------------------------------------------------------------------------------------------------


def _addressed(outbound: Outbound, extra: Extra, call: Call, first: bool, last: bool) -> Call:
    fields: dict[str, Any] = {"chat_id": chat_of(outbound.reach.address)}
    if call.method == "setMessageReaction":
        return msgspec.structs.replace(call, fields={**fields, **call.fields})
    thread = thread_of(outbound.reach.thread)
    if thread is not None:
        fields["message_thread_id"] = thread
    fields |= call.fields
    if first and outbound.done == 0 and (answered := _answered(outbound)) is not None:
        fields["reply_parameters"] = {"message_id": answered, "allow_sending_without_reply": True}
    more = msgspec.to_builtins(extra)
    if not last or call.method == "sendMediaGroup":
        more.pop("reply_markup", None)
    if call.method != "sendMessage":
        more.pop("link_preview_options", None)
    return msgspec.structs.replace(call, fields={**fields, **more})


def _answered(outbound: Outbound) -> int | None:
    """The message that is answered, if it is one of this chat."""
    chat, _, number = (outbound.reply_to or "").rpartition("/")
    return int(number) if chat == outbound.reach.address and number.isascii() and number.isdecimal() else None


def _form(fields: dict[str, Any], uploads: tuple[Upload, ...], boundary: str) -> bytes:
    """multipart/form-data: values that are no text as JSON."""
    mark = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for name, value in fields.items():
        text = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
        pieces += [mark, f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode(), text, b"\r\n"]
    for file in uploads:
        head = (
            f'Content-Disposition: form-data; name="{file.name}"; filename="{_quoted(file.filename)}"\r\n'
            f"Content-Type: {_quoted(file.media_type)}\r\n\r\n"
        )
        pieces += [mark, head.encode("utf-8", "replace"), file.data, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _quoted(text: str) -> str:
    """As browsers write names in forms."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


# -- answers --------------------------------------------------------------------------------------------------------


def _ids(result: msgspec.Raw) -> tuple[str, ...]:
    """Of a message or an album; other calls answer with ``true``."""
    sent = read(bytes(result), _sent)
    if isinstance(sent, BadJson):
        return ()
    messages = sent if isinstance(sent, list) else [sent]
    return tuple(provider_id(each.chat.id, each.message_id) for each in messages)


def _refused(
    settings: TelegramSettings, sent: ProviderRequest, response: ProviderResponse, answer: telegram.Answer
) -> Outcome | Then:
    said, code = answer.description[:ENOUGH], str(answer.error_code or response.status)
    moved = answer.parameters.migrate_to_chat_id
    if moved is not None and isinstance(sent.memo, Memo):
        return Then(_elsewhere(settings, sent.memo, moved))
    if code == "429":
        return Failed(problem("throttled", said or None, code), answer.parameters.retry_after, person=True)
    if "message is not modified" in said.lower():
        return Sent()
    for status, words, kind in REFUSALS:
        if code == str(status) and words in said.lower():
            return Failed(problem(kind, said or None, code))
    return _by_status(sent, response)


def _elsewhere(settings: TelegramSettings, memo: Memo, chat: int) -> ProviderRequest:
    """The same call to the supergroup that the group has become; what it answered is not there any more."""
    fields = {**memo.call.fields, "chat_id": chat}
    fields.pop("reply_parameters", None)
    return request(settings, Memo(msgspec.structs.replace(memo.call, fields=fields), memo.boundary))


def _by_status(sent: ProviderRequest, response: ProviderResponse) -> Outcome:
    """Answers of proxies. After a 504 the message may have been sent."""
    if response.status == 504:
        return Uncertain("Telegram answered 504")
    outcome = by_status(sent, response)
    if isinstance(outcome, Failed) and response.status in (403, 404):
        return Failed(problem("opted_out" if response.status == 403 else "config", code=str(response.status)))
    return outcome
