"""A webhook as X would send it (X Activity API), signed with the account's own secret."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import Request
from connectors.kit.signatures import hmac_sha256_base64
from contracts.codec import moment


def webhook(key: bytes, me: str, address: str, text: str, number: int, at_ms: int) -> Request:
    """One direct message. The same arguments give the same bytes; another ``number`` is another message."""
    sender = address if address.isascii() and address.isdigit() else "2222222222222222222"
    message = direct_message(sender, me, 2_080_000_000_000_000_000 + number, at_ms, {"text": text})
    body = activity("dm.received", me, {"direct_message_events": [message]}, number)
    return Request("POST", "", {}, signed(key, body), body, moment(at_ms), "")


def signed(key: bytes, body: bytes) -> dict[str, str]:
    """The headers."""
    signature = f"sha256={hmac_sha256_base64(key, body).decode()}"
    return {"content-type": "application/json", "x-twitter-webhooks-signature": signature}


def activity(kind: str, me: str, payload: dict[str, Any], number: int, **more: Any) -> bytes:
    """The envelope of the X Activity API."""
    data = {"event_uuid": str(number), "filter": {"user_id": me}, "event_type": kind, "tag": "madoguchi"}
    return msgspec.json.encode({"data": {**data, "payload": payload, **more}})


def direct_message(sender: str, to: str, number: int, at_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    """An event of ``direct_message_events``."""
    created = {"target": {"recipient_id": to}, "sender_id": sender, "message_data": data}
    return {"type": "message_create", "id": str(number), "created_timestamp": str(at_ms), "message_create": created}
