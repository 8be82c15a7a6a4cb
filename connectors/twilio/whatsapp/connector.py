"""The connector of WhatsApp through Twilio: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from connectors.api import (
    NATIVE,
    Carry,
    Failed,
    Manifest,
    Outbound,
    Parsed,
    ProviderRequest,
    Request,
    degraded,
    refused,
)
from connectors.twilio import rest
from connectors.twilio.messaging import outbound as outbound_calls
from connectors.twilio.messaging.connector import MessagingConnector
from connectors.twilio.whatsapp import inbound
from connectors.twilio.whatsapp.messages import RULES, content_of
from connectors.twilio.whatsapp.settings import TwilioWhatsAppSettings
from connectors.twilio.whatsapp.simulate import webhook
from contracts.content import Part
from contracts.conversation import Reach

TYPING_PATH: Final = "/v3/Indicators/Typing.json"


class TwilioWhatsAppConnector(MessagingConnector[TwilioWhatsAppSettings]):
    """One WhatsApp sender, or a Messaging Service with one."""

    Settings = TwilioWhatsAppSettings
    simulator = "connectors.twilio.whatsapp.simulator:TwilioWhatsAppSimulator"
    prefix = inbound.PREFIX
    manifest = Manifest(
        name="twilio_whatsapp",
        title="WhatsApp (Twilio)",
        title_ja="WhatsApp（Twilio）",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": Carry("native", "JPEG and PNG up to 5 MB; otherwise a text with a link"),
            "audio": Carry("native", "AAC, AMR, MP3, M4A and OGG up to 16 MB; otherwise a text with a link"),
            "video": Carry("native", "MP4 and 3GP up to 16 MB; otherwise a text with a link"),
            "file": Carry("native", "up to 16 MB; otherwise a text with a link"),
            "location": NATIVE,
            "contact_card": degraded("a text"),
            "sticker": degraded("its words"),
            "choice": degraded("a text with numbered lines; buttons need an approved template"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji"),
            "template": Carry("native", "by the Content SID that the settings have for it"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=outbound_calls.TEXT_LIMIT,
        text_unit="utf16",
        caption_limit=outbound_calls.TEXT_LIMIT,
        media=RULES,
        receipts=("sent", "delivered", "read", "failed"),
        reply_window_s=86_400,
        after_window="template",
        rate_per_second=80.0,
        typing=True,
        max_body=262_144,
    )

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings)

    def content_of(self, outbound: Outbound, piece: Part) -> outbound_calls.Content | Failed:
        return content_of(self.settings, outbound.media, piece)

    def typing_in(self, reach: Reach, on: bool) -> ProviderRequest | None:
        """Shown for 25 seconds or until we answer; it names the customer's last message, and marks it as read."""
        if not on or reach.thread is None:
            return None
        told = {"channel": "WHATSAPP", "messageId": reach.thread}
        return rest.post_json(self.settings, f"{self.settings.typing_base}{TYPING_PATH}", told)

    def handover_link(self, text: str) -> str | None:
        number = self.settings.phone_number
        return None if number is None else f"https://wa.me/{number.lstrip('+')}?text={quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings, address, text, number, at_ms)
