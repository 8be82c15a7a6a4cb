"""What somebody sends by SMS or MMS, as our events. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors.api import Parsed, Request
from connectors.twilio.form import Form
from connectors.twilio.messaging.inbound import Arrival, parts_of
from connectors.twilio.messaging.inbound import parse as parse_messaging
from connectors.twilio.sms.settings import SmsSettings
from contracts.content import Text
from contracts.identity import Claims
from contracts.ids import message_id
from contracts.inbound import Inbound, InboundIdentity, InboundMessage, Sender

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FACTS: Final = (
    "MessagingServiceSid", "To", "NumSegments", "OptOutType", "FromCity", "FromState", "FromZip", "FromCountry",
)  # fmt: skip


def parse(request: Request, account: str, settings: SmsSettings) -> Parsed:
    """What one verified POST says."""

    def said(arrival: Arrival) -> tuple[Inbound, ...]:
        return _said(arrival, settings)

    return parse_messaging(request, account, settings, "", said)


def _said(arrival: Arrival, settings: SmsSettings) -> tuple[Inbound, ...]:
    """A message. One that says STOP is read by people too, and then nothing more is sent."""
    form, sender = arrival.form, _sender(arrival.address)
    parts = parts_of(form, message_id(arrival.account, arrival.sid)) or (Text(""),)
    message = InboundMessage(arrival.sid, sender, parts, extra=_extra(form))
    wish = _wish(form, settings)
    if wish is None:
        return (message,)
    reason = "opted_in" if wish else "opted_out"
    return (message, InboundIdentity(Sender(sender.address, verified=sender.verified), wish, reason))


def _sender(address: str) -> Sender:
    """A telephone number is its owner's; short codes and names are not anybody's."""
    if E164.fullmatch(address) is None:
        return Sender(address)
    return Sender(address, verified=True, claims=Claims(phone=address, phone_verified=True))


def _extra(form: Form) -> dict[str, Any]:
    return dict(form.some(*_FACTS))


def _wish(form: Form, settings: SmsSettings) -> bool | None:
    """Whether they want to hear from us: as Twilio says, or by the word alone; None when they say nothing of that."""
    told = (form.get("OptOutType") or "").upper()
    if told:
        return {"STOP": False, "START": True}.get(told)
    word = (form.get("Body") or "").strip().casefold()
    if word in settings.stop_words:
        return False
    return True if word in settings.start_words else None
