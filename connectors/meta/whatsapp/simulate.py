"""Webhooks as WhatsApp would send them, signed with the account's own secret."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.api import Request
from connectors.meta.simulate import signed
from connectors.meta.whatsapp.inbound import OBJECT, USER_ID
from contracts.ids import digest

ACCOUNT: Final = "102290129340398"
"""A WhatsApp business account."""


def webhook(key: bytes, number_id: str, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    message = told(address, wamid(address, number, at_ms), at_ms, "text", {"body": text})
    body = enveloped(number_id, {"contacts": [contact(address)], "messages": [message]})
    return signed(key, body, at_ms)


def enveloped(number_id: str, value: dict[str, Any]) -> bytes:
    """A body with one change."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number_id}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return msgspec.json.encode({"object": OBJECT, "entry": [{"id": ACCOUNT, "changes": [change]}]})


def told(address: str, message: str, at_ms: int, kind: str, what: Any) -> dict[str, Any]:
    """A message of a customer with its id."""
    who = {"from_user_id": address} if USER_ID.fullmatch(address) else {"from": address}
    return {**who, "id": message, "timestamp": str(at_ms // 1_000), "type": kind, kind: what}


def contact(address: str) -> dict[str, Any]:
    """How WhatsApp shows the customer."""
    who = {"user_id": address} if USER_ID.fullmatch(address) else {"wa_id": address}
    return {"profile": {"name": "山田花子"}, **who}


def wamid(*seed: str | int) -> str:
    """An id like WhatsApp's."""
    return "wamid.HBgM" + digest(*map(str, seed)).upper()
