"""A webhook as Telegram would send it."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import Request
from contracts.codec import moment


def webhook(secret: str, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    message = {"message_id": number, **origin(address), "date": at_ms // 1_000, "text": text}
    body = msgspec.json.encode({"update_id": 700_000_000 + number, "message": message})
    headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": secret}
    return Request("POST", "", {}, headers, body, moment(at_ms), "")


def origin(address: str) -> dict[str, Any]:
    """Chat and sender by the address: a negative number is a group, anything else a person."""
    number = int(address) if address.removeprefix("-").isdecimal() and address.isascii() else 5_000_000
    person = {"id": abs(number), "is_bot": False, "first_name": "Customer", "language_code": "ja"}
    if number < 0:
        person["id"] = 6_000_000
        return {"from": person, "chat": {"id": number, "type": "supergroup", "title": "Group"}}
    return {"from": person, "chat": {"id": number, "type": "private", "first_name": "Customer"}}
