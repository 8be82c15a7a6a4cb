"""An event as Slack would send it, signed with the account's own secret."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import Request
from connectors.slack.signature import signature
from contracts.codec import moment

TEAM = "T0000SAMPLE"
BOT = "U0000000BOT"
APP = "A0000SAMPLE"


def webhook(key: bytes, team: str | None, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    event = {"type": "message", **place(address), "text": text, "ts": f"{at_ms // 1_000}.{number % 1_000_000:06d}"}
    body = msgspec.json.encode(envelope(event, f"Ev{number:08d}", at_ms // 1_000, team))
    seconds = str(at_ms // 1_000)
    headers = {
        "content-type": "application/json",
        "x-slack-request-timestamp": seconds,
        "x-slack-signature": signature(key, seconds, body),
    }
    return Request("POST", "", {}, headers, body, moment(at_ms), "")


def place(address: str) -> dict[str, Any]:
    """A person writes directly; a channel's address is written to by somebody in it."""
    if address[:1] in ("C", "G"):
        return {"channel": address, "channel_type": "channel", "user": "U00CUSTOMER"}
    return {"channel": "D" + address[1:], "channel_type": "im", "user": address}


def envelope(event: dict[str, Any], event_id: str, seconds: int, team: str | None) -> dict[str, Any]:
    """The body around an event."""
    own = {"enterprise_id": None, "team_id": team or TEAM, "user_id": BOT, "is_bot": True}
    return {
        "token": "legacy",
        "team_id": team or TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": seconds,
        "authorizations": [own],
        "is_ext_shared_channel": False,
    }
