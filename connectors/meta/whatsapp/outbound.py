"""Our messages into WhatsApp's calls, and what WhatsApp answers into outcomes. Pure.

Each message is a call of its own, and there is no idempotency key: a lost answer is uncertain until a status comes,
which brings our own id back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.api import Failed, Outbound, Outcome, ProviderRequest, ProviderResponse, Sent, problem
from connectors.kit.json import BadJson, read
from connectors.meta import graph
from connectors.meta.whatsapp.errors import CODES
from connectors.meta.whatsapp.inbound import PHONE, USER_ID
from connectors.meta.whatsapp.messages import Message, messages_of
from connectors.meta.whatsapp.settings import WhatsAppSettings
from connectors.meta.whatsapp.tracking import mark


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold, in WhatsApp's own spelling."""

    preview_url: bool = False
    components: list[dict[str, Any]] = []


class AcceptedMessage(msgspec.Struct, frozen=True):
    id: str


class Accepted(msgspec.Struct, frozen=True):
    messages: tuple[AcceptedMessage, ...] = ()


_accepted: Final = msgspec.json.Decoder(Accepted)


def render(settings: WhatsAppSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """The calls for what is left of the message."""
    try:
        msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    calls: list[ProviderRequest] = []
    for piece in range(outbound.done, len(outbound.pieces)):
        messages = messages_of(outbound, outbound.pieces[piece], settings)
        if isinstance(messages, Failed):
            return messages
        last = len(messages) - 1
        calls += [_call(settings, outbound, piece, each, covers=int(n == last)) for n, each in enumerate(messages)]
    return calls


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What WhatsApp's answer means; see the table in this package's README."""
    if response.failure is None and 200 <= response.status < 300:
        accepted = read(response.body, _accepted)
        return Sent(() if isinstance(accepted, BadJson) else tuple(each.id for each in accepted.messages))
    return graph.failure_of(CODES, request, response)


def _call(settings: WhatsAppSettings, outbound: Outbound, piece: int, message: Message, covers: int) -> ProviderRequest:
    body = {"messaging_product": "whatsapp", **_target(outbound.reach.address), **message}
    if outbound.reply_to is not None and piece == 0 and message["type"] not in ("reaction", "template"):
        body["context"] = {"message_id": outbound.reply_to}
    body["biz_opaque_callback_data"] = mark(outbound, piece)
    return graph.post(settings, f"{graph.segment(settings.phone_number_id)}/messages", body, covers=covers)


def _target(address: str) -> dict[str, str]:
    """By phone number, by user id, or to a group."""
    if USER_ID.fullmatch(address):
        return {"recipient_type": "individual", "recipient": address}
    return {"recipient_type": "individual" if PHONE.fullmatch(address) else "group", "to": address}
