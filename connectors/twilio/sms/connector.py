"""The SMS connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from urllib.parse import quote

from connectors.api import (
    NATIVE,
    Carry,
    Failed,
    Manifest,
    Outbound,
    Parsed,
    Request,
    degraded,
    refused,
)
from connectors.twilio.messaging import outbound as outbound_calls
from connectors.twilio.messaging.connector import MessagingConnector
from connectors.twilio.sms import inbound
from connectors.twilio.sms.messages import OTHER, PICTURE, content_of
from connectors.twilio.sms.settings import SmsSettings
from connectors.twilio.sms.simulate import webhook
from contracts.content import Part

_MMS = "up to 500 kB by MMS, where the number has it; otherwise a text with a link"


class SmsConnector(MessagingConnector[SmsSettings]):
    """One number, or one Messaging Service."""

    Settings = SmsSettings
    simulator = "connectors.twilio.sms.simulator:SmsSimulator"
    manifest = Manifest(
        name="twilio_sms",
        title="SMS (Twilio)",
        title_ja="SMS（Twilio）",
        channel_class="sms",
        carries={
            "text": NATIVE,
            "image": Carry("native", "JPEG, PNG and GIF up to 5 MB by MMS, where the number has it; otherwise a link"),
            "audio": Carry("native", _MMS),
            "video": Carry("native", _MMS),
            "file": Carry("native", _MMS),
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("its words"),
            "choice": degraded("a text with numbered lines"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji"),
            "template": degraded("a text"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=outbound_calls.TEXT_LIMIT,
        text_unit="utf16",
        caption_limit=outbound_calls.TEXT_LIMIT,
        media={"image": PICTURE, "audio": OTHER, "video": OTHER, "file": OTHER},
        receipts=("sent", "delivered", "failed"),
        billed_push=True,
        max_body=262_144,
    )

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings)

    def content_of(self, outbound: Outbound, piece: Part) -> outbound_calls.Content | Failed:
        return content_of(self.settings, outbound.media, piece)

    def handover_link(self, text: str) -> str | None:
        number = self.settings.phone_number
        return None if number is None else f"sms:{number}?body={quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings, address, text, number, at_ms)
