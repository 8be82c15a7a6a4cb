"""Webhooks as Twilio would send them for WhatsApp, signed with the account's own token."""

from __future__ import annotations

from connectors.api import Request
from connectors.twilio.simulate import encoded, sid, signed
from connectors.twilio.whatsapp.inbound import PREFIX
from connectors.twilio.whatsapp.settings import TwilioWhatsAppSettings

SERVICE_NUMBER = "+14155238886"
"""Ours, where a service has it."""


def webhook(key: bytes, settings: TwilioWhatsAppSettings, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    fields = told(settings, address, sid("SM", address, number, at_ms), {"MessageType": "text", "Body": text})
    return signed(key, settings.webhook_url or "", encoded(fields.items()), at_ms)


def told(settings: TwilioWhatsAppSettings, address: str, message: str, what: dict[str, str]) -> dict[str, str]:
    """A message's fields."""
    return {
        "SmsMessageSid": message,
        "NumMedia": "0",
        "ProfileName": "山田花子",
        "SmsSid": message,
        "SmsStatus": "received",
        "Body": "",
        "To": f"{PREFIX}{settings.phone_number or SERVICE_NUMBER}",
        "NumSegments": "1",
        "MessageSid": message,
        "AccountSid": settings.account_sid,
        "From": f"{PREFIX}{address}",
        "ApiVersion": "2010-04-01",
        **({"WaId": address.lstrip("+")} if address.startswith("+") else {}),
        **what,
    }
