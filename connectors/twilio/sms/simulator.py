"""Twilio's SMS, imitated: messages, MMS, opting out, and its way of sending, strictly."""

from __future__ import annotations

from typing import Any, Final

from connectors.twilio.messaging.simulator import MessagingSimulator
from connectors.twilio.simulate import encoded, sid
from connectors.twilio.sms.settings import SmsSettings
from connectors.twilio.sms.simulate import told
from contracts.codec import milliseconds
from contracts.content import Audio, File, Image, Part, Text, Video

_KINDS: Final = {Image: "image/jpeg", Audio: "audio/mpeg", Video: "video/mp4", File: "application/pdf"}


class SmsSimulator(MessagingSimulator[SmsSettings]):
    """One number."""

    customer = "+818012345678"

    def __init__(self, settings: SmsSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.stopped: set[str] = set()
        """Who wrote STOP."""

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "phone_number": "+815012345678"}

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        match part:
            case Text():
                what = {"Body": part.text}
                self._wishes(customer, part.text.strip().casefold())
            case Image() | Audio() | Video() | File():
                what = self.media_fields(number, _KINDS[type(part)])
            case _:
                return None
        message = sid("MM" if "MediaUrl0" in what else "SM", customer, number, milliseconds(self.now))
        return encoded(told(self.settings, customer, message, what).items())

    def _wishes(self, customer: str, word: str) -> None:
        if word in self.settings.stop_words:
            self.stopped.add(customer)
        elif word in self.settings.start_words:
            self.stopped.discard(customer)

    def refuses(self, address: str, form: dict[str, str]) -> tuple[int, str] | None:
        return (21610, "Attempt to send to unsubscribed recipient") if address in self.stopped else None
