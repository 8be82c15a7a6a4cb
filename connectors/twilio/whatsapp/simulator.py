"""WhatsApp through Twilio, imitated: its messages, its window, templates, typing."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors.api import ProviderResponse
from connectors.testing.provider import HOUR, Call, json_answer
from connectors.twilio.messaging.simulator import MessagingSimulator
from connectors.twilio.simulate import encoded, sid
from connectors.twilio.whatsapp.inbound import PREFIX
from connectors.twilio.whatsapp.settings import TwilioWhatsAppSettings
from connectors.twilio.whatsapp.simulate import told
from contracts.codec import milliseconds
from contracts.content import Audio, File, Image, Location, Part, Postback, Text, Video

_SID: Final = re.compile(r"HX[0-9a-f]{32}")
_KINDS: Final = {Image: "image/jpeg", Audio: "audio/ogg", Video: "video/mp4", File: "application/pdf"}
_TYPES: Final = {Image: "image", Audio: "audio", Video: "video", File: "document"}


class TwilioWhatsAppSimulator(MessagingSimulator[TwilioWhatsAppSettings]):
    """One sender."""

    customer = "+818012345678"
    prefix = PREFIX

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "phone_number": "+14155238886", "typing_base": url}

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        what = self._what(part, number)
        if what is None:
            return None
        self.grant(customer, customer, 24 * HOUR)
        message = sid("MM" if "MediaUrl0" in what else "SM", customer, number, milliseconds(self.now))
        return encoded(told(self.settings, customer, message, what).items())

    def _what(self, part: Part, number: int) -> dict[str, str] | None:
        match part:
            case Text():
                return {"MessageType": "text", "Body": part.text}
            case Image() | Audio() | Video() | File():
                return {"MessageType": _TYPES[type(part)], **self.media_fields(number, _KINDS[type(part)])}
            case Location():
                place = {"Latitude": str(part.latitude), "Longitude": str(part.longitude), "Label": part.title or ""}
                return {"MessageType": "location", **place, "Address": part.address or ""}
            case Postback():
                label = part.label or part.value
                return {"MessageType": "button", "Body": label, "ButtonText": label, "ButtonPayload": part.value}
            case _:
                return None

    def refuses(self, address: str, form: dict[str, str]) -> tuple[int, str] | None:
        if "ContentSid" in form:
            return None if _SID.fullmatch(form["ContentSid"]) else (21655, "The ContentSid is invalid")
        return (
            None if self.spend(address) is not None else (63016, "Failed to send freeform message outside the window")
        )

    def elsewhere(self, call: Call, path: list[str]) -> ProviderResponse:
        if (call.method, path) == ("POST", ["v3", "Indicators", "Typing.json"]):
            told = call.json() or {}
            right = told.get("channel") == "WHATSAPP" and str(told.get("messageId"))[:2] in ("SM", "MM")
            return json_answer(200, {"success": True}) if right else self.no(400, 60200, "Invalid parameter")
        return super().elsewhere(call, path)
