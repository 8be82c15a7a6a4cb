"""Our messages as signed webhooks to the other system, and what its answers mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.api import (
    Failed,
    MediaLink,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    problem,
)
from connectors.kit import standard_webhooks
from connectors.kit.http import interpret as by_status
from connectors.kit.json import BadJson, read
from connectors.webhook.settings import WebhookSettings
from contracts.codec import to_json, to_plain
from contracts.content import Part


class Answer(msgspec.Struct, frozen=True):
    """What the other system may answer: its own id of the message, for later receipts."""

    id: str | None = None


_answer: Final = msgspec.json.Decoder(Answer)


def render(settings: WebhookSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """One call for the whole message. A retry has the same id and body, and a time and signature of its own."""
    if settings.url is None:
        return Failed(problem("config", "this webhook account has no url to send to"))
    body = to_json(body_of(outbound))
    headers = standard_webhooks.headers(settings.keys(), outbound.key, outbound.now, body)
    return [
        ProviderRequest(
            "POST",
            settings.url,
            {"content-type": "application/json", "user-agent": "Madoguchi", **headers},
            body=body,
            covers=len(outbound.pieces) - outbound.done,
            idempotent=True,
            timeout_s=20.0,
        )
    ]


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """2xx sent; 410 and 401/403 stop the account; 404 is an unknown customer; redirects are never followed."""
    if response.failure is None and 200 <= response.status < 300:
        answer = read(response.body, _answer)
        return Sent() if isinstance(answer, BadJson) or answer.id is None else Sent((answer.id,))
    if response.failure is None and response.status == 410:
        return Failed(problem("config", "the receiver says that this webhook is gone", "410"))
    if response.failure is None and 300 <= response.status < 400:
        return Failed(problem("rejected", "redirects are not followed; set the final url", str(response.status)))
    return by_status(request, response)


def body_of(outbound: Outbound) -> dict[str, Any]:
    """The body as documented in the README; empty fields are left out."""
    fields = {
        "type": "message",
        "id": outbound.message,
        "conversation": outbound.conversation,
        "account": outbound.account,
        "to": outbound.reach.address,
        "thread": outbound.reach.thread,
        "reply_to": outbound.reply_to,
        "subject": outbound.subject,
        "author_name": outbound.author_name,
        "automatic": outbound.automatic or None,
        "parts": [_plain(each, outbound.media) for each in outbound.pieces[outbound.done :]],
        "extra": dict(outbound.extra) if outbound.extra else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _plain(part: Part, media: Mapping[str, MediaLink]) -> dict[str, Any]:
    """The part in the contract's own form; an attachment only as what a receiver can use."""
    plain: dict[str, Any] = to_plain(part)
    for name in ("attachment", "recording"):
        if name in plain:
            link = media[plain[name]["id"]]
            plain[name] = {"id": plain[name]["id"], **to_plain(link)}
    return plain
