"""Webhooks as Twilio would send them for an SMS, signed with the account's own token."""

from __future__ import annotations

from connectors.api import Request
from connectors.twilio.simulate import encoded, sid, signed
from connectors.twilio.sms.settings import SmsSettings

SERVICE_NUMBER = "+15017122661"
"""Ours, where a service has it."""


def webhook(key: bytes, settings: SmsSettings, address: str, text: str, number: int, at_ms: int) -> Request:
    """One text message. The same arguments give the same bytes; another ``number`` is another message."""
    fields = told(settings, address, sid("SM", address, number, at_ms), {"Body": text})
    return signed(key, settings.webhook_url or "", encoded(fields.items()), at_ms)


def told(settings: SmsSettings, address: str, message: str, what: dict[str, str]) -> dict[str, str]:
    """A message's fields."""
    service = settings.messaging_service_sid
    return {
        "ToCountry": "JP",
        "SmsMessageSid": message,
        "NumMedia": "0",
        "SmsSid": message,
        "SmsStatus": "received",
        "Body": "",
        "FromCountry": "JP",
        "To": settings.phone_number or SERVICE_NUMBER,
        **({} if service is None else {"MessagingServiceSid": service}),
        "NumSegments": "1",
        "MessageSid": message,
        "AccountSid": settings.account_sid,
        "From": address,
        "ApiVersion": "2010-04-01",
        **what,
    }
