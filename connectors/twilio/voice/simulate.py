"""Webhooks as Twilio would send them for a call, signed with the account's own token."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from connectors.api import Request
from connectors.twilio.simulate import encoded, sid, signed
from connectors.twilio.voice.settings import VoiceSettings


def webhook(key: bytes, settings: VoiceSettings, address: str, text: str, number: int, at_ms: int) -> Request:
    """A caller who says what it is about. The same arguments give the same bytes."""
    call = sid("CA", address, number, at_ms)
    url = f"{settings.webhook_url or ''}/menu?{urlencode({'call': call, 'from': address, 'n': 1})}"
    made = signed(key, url, encoded(told(settings, address, call, {"SpeechResult": text}).items()), at_ms)
    return msgspec.structs.replace(made, path="/menu")


def told(settings: VoiceSettings, address: str, call: str, what: dict[str, str]) -> dict[str, str]:
    """A call's fields."""
    return {
        "AccountSid": settings.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": call,
        "CallStatus": "in-progress",
        "Called": settings.phone_number or "",
        "Caller": address,
        "Direction": "inbound",
        "From": address,
        "FromCountry": "JP",
        "To": settings.phone_number or "",
        **what,
    }
