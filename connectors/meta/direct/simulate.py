"""Webhooks as Meta would send them for direct messages."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import Request
from connectors.meta.direct.dialect import Dialect
from connectors.meta.simulate import signed
from contracts.ids import digest


def webhook(key: bytes, dialect: Dialect, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    message = {"mid": mid(address, number, at_ms), "text": text}
    return signed(key, enveloped(dialect, told(dialect, address, at_ms, message=message)), at_ms)


def enveloped(dialect: Dialect, item: dict[str, Any]) -> bytes:
    """A body with one event."""
    entry = {"id": dialect.own_id, "time": item["timestamp"], "messaging": [item]}
    return msgspec.json.encode({"object": dialect.object, "entry": [entry]})


def told(dialect: Dialect, address: str, at_ms: int, **what: Any) -> dict[str, Any]:
    """An event of a person."""
    return {"sender": {"id": address}, "recipient": {"id": dialect.own_id}, "timestamp": at_ms, **what}


def echoed(dialect: Dialect, address: str, at_ms: int, message: dict[str, Any]) -> dict[str, Any]:
    """A message of ours, told back: sender and recipient are the other way round."""
    parties = {"sender": {"id": dialect.own_id}, "recipient": {"id": address}}
    return {**parties, "timestamp": at_ms, "message": {**message, "is_echo": True}}


def mid(*seed: str | int) -> str:
    """An id like Meta's."""
    return "m_" + digest(*map(str, seed))
