"""What somebody sends by WhatsApp through Twilio, as our events. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from connectors.api import Parsed, Request
from connectors.twilio.form import Form
from connectors.twilio.messaging.inbound import Arrival, parts_of
from connectors.twilio.messaging.inbound import parse as parse_messaging
from connectors.twilio.whatsapp.settings import TwilioWhatsAppSettings
from contracts.content import Location, Part, Postback, Unsupported
from contracts.identity import Claims, Profile
from contracts.ids import message_id
from contracts.inbound import Inbound, InboundIdentity, InboundMessage, Sender, Threading

PREFIX: Final = "whatsapp:"
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FACTS: Final = (
    "MessageType", "WaId", "Forwarded", "FrequentlyForwarded", "MessagingServiceSid", "ReferralBody",
    "ReferralHeadline", "ReferralSourceId", "ReferralSourceType", "ReferralSourceUrl", "ReferralCtwaClid",
)  # fmt: skip


def parse(request: Request, account: str, settings: TwilioWhatsAppSettings) -> Parsed:
    """What one verified POST says."""
    return parse_messaging(request, account, settings, PREFIX, _said)


def _said(arrival: Arrival) -> tuple[Inbound, ...]:
    form, sender = arrival.form, _sender(arrival.address, arrival.form)
    message = InboundMessage(
        arrival.sid,
        sender,
        _parts(form, message_id(arrival.account, arrival.sid)),
        # The thread is what a typing indicator names: the customer's last message.
        threading=Threading(thread=arrival.sid, quoted=form.get("OriginalRepliedMessageSid")),
        extra=_extra(form),
    )
    return (message, *_other_id(sender, form))


def _sender(address: str, form: Form) -> Sender:
    return Sender(address, verified=True, claims=_claims(address), profile=Profile(form.get("ProfileName")))


def _claims(address: str) -> Claims:
    """WhatsApp has proved that the number is theirs; who hides it comes with another kind of id."""
    return Claims(phone=address, phone_verified=True) if E164.fullmatch(address) else Claims()


def _other_id(sender: Sender, form: Form) -> tuple[InboundIdentity, ...]:
    """Who comes with number and user id may come with the id alone tomorrow. The proved number makes them one."""
    other = (form.get("ExternalUserId") or "").removeprefix(PREFIX)
    if not other or other == sender.address or sender.claims.phone is None:
        return ()
    return (InboundIdentity(msgspec.structs.replace(sender, address=other), None, "user_id"),)


def _parts(form: Form, message: str) -> tuple[Part, ...]:
    place = _place(form)
    if place is not None:
        return (place,)
    chosen = form.get("ButtonPayload") or form.get("ListId")
    if chosen is not None:
        return (Postback(chosen, form.get("ButtonText") or form.get("ListTitle") or form.get("Body")),)
    return parts_of(form, message) or (Unsupported((form.get("MessageType") or "empty")[:64]),)


def _place(form: Form) -> Location | None:
    latitude, longitude = _degrees(form.get("Latitude"), 90), _degrees(form.get("Longitude"), 180)
    if latitude is None or longitude is None:
        return None
    return Location(latitude, longitude, form.get("Label"), form.get("Address"))


def _degrees(text: str | None, most: float) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if -most <= value <= most else None


def _extra(form: Form) -> dict[str, Any]:
    facts: dict[str, Any] = dict(form.some(*_FACTS))
    metadata = form.get("ChannelMetadata")
    return facts if metadata is None else {**facts, "ChannelMetadata": metadata[:2_000]}
