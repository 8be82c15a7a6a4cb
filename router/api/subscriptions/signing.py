"""Standard Webhooks 1.0.0: ``webhook-id``, ``webhook-timestamp``, and ``webhook-signature`` over both and the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from contracts import codec, ids

_PREFIX: Final = "whsec_"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def headers(id: str, timestamp: int, body: bytes, signed_with: tuple[str, ...]) -> dict[str, str]:
    """The three headers; one signature per secret, so that a secret can be changed without a gap."""
    signatures = " ".join(sign(id, timestamp, body, secret) for secret in signed_with)
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def sign(id: str, timestamp: int, body: bytes, secret: str) -> str:
    """``v1,`` and the HMAC-SHA256 in base64; the key is what the secret's base64 stands for."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    made = hmac.new(key, b"%s.%d." % (id.encode("ascii"), timestamp) + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode("ascii")


def webhook_id(event: str) -> str:
    """The event's id, in letters that cannot blur where the signed id ends; the same on every attempt."""
    return event if _PLAIN.fullmatch(event) else f"ev_{ids.digest('event', event)}"


def body_of(data: bytes) -> bytes:
    """``{"type", "timestamp", "data"}`` as JSON; the same bytes on every attempt."""
    event = codec.decode_event(data)
    if isinstance(event, codec.Unknown):
        return codec.to_json({"type": event.type, "timestamp": None, "data": {}})
    return codec.to_json({"type": codec.tag_of(event), "timestamp": event.at, "data": event})
