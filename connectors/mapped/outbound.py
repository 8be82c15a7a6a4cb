"""Our messages by their API, as the settings say, and what their answers mean. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from connectors.api import (
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Uncertain,
    problem,
    retry_after,
)
from connectors.api.outcome import ProblemKind
from connectors.kit.degrade import as_text
from connectors.kit.http import interpret as by_status
from connectors.kit.json import BadJson, untyped
from connectors.kit.text import split
from connectors.mapped.paths import Misfit, Path, path
from connectors.mapped.settings import Answer, Call, MappedSettings, Send
from connectors.mapped.template import encoded, fill, filled, names, one_line
from contracts.attachment import Attachment
from contracts.codec import iso
from contracts.content import Audio, File, Image, Part, Text, Video

ENOUGH: Final = 300
"""Characters of their own words that are passed on."""
SECRETS: Final = frozenset({"token", "basic", "secret"})
_TYPES: Final = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}


def render(settings: MappedSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """A call for each piece that is left; for a text that is too long for them, several."""
    send = settings.send
    if send is None:
        return Failed(problem("config", "this account has no [send]: it only receives"))
    common = _common(settings, outbound)
    for call in (send, send.file) if send.file is not None else (send,):
        lacking = [name for name in names(call.url) if common.get(name, "") is None]
        if lacking:
            return Failed(problem("unsupported", f"its url needs {{{lacking[0]}}}, and the message has none"))
    calls: list[ProviderRequest] = []
    for number, piece in enumerate(outbound.pieces[outbound.done :], outbound.done):
        if send.file is not None and isinstance(piece, Image | Audio | Video | File):
            values = {**common, **_file(outbound, piece), "key": f"{outbound.key}-{number}"}
            calls.append(_request(send, send.file, values, 1))
            continue
        words = piece.text if isinstance(piece, Text) else as_text(piece, outbound.media)
        texts = split(words, send.text_limit, send.text_unit) if send.text_limit is not None else (words,)
        for count, text in enumerate(texts):
            values = {**common, "text": text, "key": f"{outbound.key}-{number}-{count}"}
            calls.append(_request(send, send, values, int(text is texts[-1])))
    return calls


class Reader:
    """What an account's answers mean; its paths prepared."""

    def __init__(self, answer: Answer) -> None:
        given = {"id": answer.id, "good": answer.good, "code": answer.code, "reason": answer.reason}
        self._paths: dict[str, Path] = {
            name: path(f"send.answer.{name}", text) for name, text in given.items() if text is not None
        }
        self._errors = answer.errors

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        """First their codes, then what HTTP says."""
        if response.failure is not None:
            return by_status(request, response)
        data = untyped(response.body)
        data = None if isinstance(data, BadJson) else data
        if data is None and 200 <= response.status < 300 and "good" in self._paths:
            return Uncertain("the answer is no JSON, so nobody knows whether it is a good one")
        kind = self._errors.get(self._text("code", data) or "") or self._errors.get(str(response.status))
        taken = 200 <= response.status < 300
        if kind == "sent" or (taken and kind is None and self._is_good(data)):
            return self._sent(data)
        if kind is None and not taken:
            return self._by_status(request, response, data)
        return self._failed(kind or "rejected", response, data)

    def _is_good(self, data: Any) -> bool:
        if "good" not in self._paths:
            return True
        try:
            return self._paths["good"].holds(data)
        except Misfit:
            return False

    def _sent(self, data: Any) -> Outcome:
        identifier = self._text("id", data)
        return Sent(()) if identifier is None else Sent((identifier[:512],))

    def _by_status(self, request: ProviderRequest, response: ProviderResponse, data: Any) -> Outcome:
        if 300 <= response.status < 400:
            return Failed(problem("rejected", "redirects are not followed; set the final url", str(response.status)))
        outcome = by_status(request, response)
        if isinstance(outcome, Failed) and outcome.problem.kind in ("rejected", "config", "recipient_gone"):
            return self._failed(outcome.problem.kind, response, data)
        return outcome

    def _failed(self, kind: Any, response: ProviderResponse, data: Any) -> Outcome:
        wanted: ProblemKind = kind
        code = self._text("code", data) or str(response.status)
        reason = self._text("reason", data)
        wait = retry_after(response) if wanted == "throttled" else None
        return Failed(problem(wanted, reason[:ENOUGH] if reason else None, code[:64]), wait)

    def _text(self, name: str, data: Any) -> str | None:
        try:
            return self._paths[name].text(data) if name in self._paths else None
        except Misfit:
            return None


def media_request(settings: MappedSettings, attachment: Attachment) -> ProviderRequest | None:
    """The file, with the account's headers where they may go."""
    if attachment.source is None:
        return None
    file = settings.receive.file
    try:
        where = urlsplit(attachment.source)
        ours = where.scheme == "https" and where.hostname in file.hosts
    except ValueError:
        return None
    headers = {name: one_line(fill(each, _ours(settings))) for name, each in file.headers.items()} if ours else {}
    return ProviderRequest("GET", attachment.source, secret_headers=headers, timeout_s=60.0, idempotent=True)


# -- values -----------------------------------------------------------------------------------------------------------


def _ours(settings: MappedSettings) -> dict[str, str | None]:
    username = settings.send.username if settings.send is not None else None
    token = settings.token.reveal() if settings.token is not None else None
    basic = base64.b64encode(f"{username or ''}:{token or ''}".encode()).decode()
    return {"token": token, "basic": basic, "username": username, "secret": settings.secret.reveal()}


def _common(settings: MappedSettings, outbound: Outbound) -> dict[str, str | None]:
    return {
        **_ours(settings),
        "id": outbound.message,
        "account": outbound.account,
        "conversation": outbound.conversation,
        "author": outbound.author_name,
        "to": outbound.reach.address,
        "thread": outbound.reach.thread,
        "reply_to": outbound.reply_to,
        "subject": outbound.subject,
        "time": iso(outbound.now),
    }


def _file(outbound: Outbound, piece: Part) -> dict[str, str | None]:
    assert isinstance(piece, Image | Audio | Video | File)
    link = outbound.media[piece.attachment.id]
    return {
        "text": getattr(piece, "caption", None),
        "file_url": link.url,
        "file_name": link.name,
        "file_type": link.media_type,
        "file_size": str(link.size),
    }


def _request(send: Send, call: Call, values: dict[str, str | None], covers: int) -> ProviderRequest:
    token = encoded(values.get("token") or "")
    headers = {name.lower(): one_line(fill(each, values)) for name, each in call.headers.items()}
    secret = {name.lower() for name, each in call.headers.items() if SECRETS & set(names(each))}
    body = _body(call, values)
    shown = {"content-type": _TYPES[call.format]} if body else {}
    return ProviderRequest(
        call.method,
        fill(call.url, values, encoded),
        {**shown, "user-agent": "Madoguchi", **{name: each for name, each in headers.items() if name not in secret}},
        {name: each for name, each in headers.items() if name in secret},
        body,
        covers,
        idempotent=send.idempotent,
        timeout_s=send.timeout_s,
        secret_part=token if "token" in names(call.url) else "",
    )


def _body(call: Call, values: dict[str, str | None]) -> bytes:
    if call.body is None:
        return b""
    if call.format == "text":
        return fill(str(call.body), values).encode("utf-8", "replace")
    made = filled(call.body, values)
    return urlencode(made).encode() if call.format == "form" else msgspec.json.encode(made)
