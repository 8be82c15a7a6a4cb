"""A webhook as LINE would send it, signed with the account's own secret."""

from __future__ import annotations

import msgspec

from connectors.api import Request
from connectors.kit.signatures import hmac_sha256_base64
from contracts.codec import moment
from contracts.ids import digest

BOT = "U" + "0" * 32


def webhook(key: bytes, bot: str | None, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    seed = digest(address, str(number), str(at_ms))
    event = {
        "type": "message",
        "message": {
            "type": "text",
            "id": str(500_000_000_000_000_000 + number),
            "quoteToken": digest(seed, "quote"),
            "text": text,
        },
        "webhookEventId": ulid(at_ms, seed),
        "deliveryContext": {"isRedelivery": False},
        "timestamp": at_ms,
        "source": source(address),
        "replyToken": digest(seed, "reply"),
        "mode": "active",
    }
    body = msgspec.json.encode({"destination": bot or BOT, "events": [event]})
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "LineBotWebhook/2.0",
        "x-line-signature": hmac_sha256_base64(key, body).decode(),
    }
    return Request("POST", "", {}, headers, body, moment(at_ms), "")


def source(address: str) -> dict[str, str]:
    """The source object of a user, group or room by the first letter of its id."""
    kind = {"C": "group", "R": "room"}.get(address[:1], "user")
    return {"type": kind, f"{kind}Id": address}


def ulid(at_ms: int, seed: str) -> str:
    """26 letters: ten for the milliseconds, the rest from the seed (LINE's are random there)."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    time = "".join(digits[at_ms >> 5 * place & 31] for place in reversed(range(10)))
    return time + "".join(digits[ord(letter) % 32] for letter in seed[:16])
