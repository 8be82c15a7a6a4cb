"""The WhatsApp connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from connectors.api import (
    NATIVE,
    Carry,
    ChoiceRule,
    Connector,
    Failed,
    Manifest,
    Outbound,
    Outcome,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Response,
    Verified,
    degraded,
    refused,
)
from connectors.meta import gate
from connectors.meta.whatsapp import inbound, lookups
from connectors.meta.whatsapp import outbound as outbound_calls
from connectors.meta.whatsapp.messages import CAPTION_LIMIT, DOCUMENT, MOST_ROWS, ROW_LABEL, TEXT_LIMIT
from connectors.meta.whatsapp.settings import WhatsAppSettings
from connectors.meta.whatsapp.simulate import webhook
from contracts.attachment import Attachment
from contracts.conversation import Reach


class WhatsAppConnector(Connector[WhatsAppSettings]):
    """One business phone number."""

    Settings = WhatsAppSettings
    simulator = "connectors.meta.whatsapp.simulator:WhatsAppSimulator"
    manifest = Manifest(
        name="whatsapp",
        title="WhatsApp",
        title_ja="WhatsApp",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": Carry("native", "JPEG and PNG up to 5 MB by an HTTPS link; otherwise a document, or a link"),
            "audio": Carry("native", "AAC, AMR, MP3, M4A and OGG up to 16 MB; otherwise a document, or a link"),
            "video": Carry("native", "MP4 and 3GP up to 16 MB; otherwise a document, or a link"),
            "file": Carry("native", "up to 100 MB by an HTTPS link; otherwise a text with a link"),
            "location": NATIVE,
            "contact_card": NATIVE,
            "sticker": degraded("its words"),
            "choice": Carry("native", "three buttons, a list of ten, or one link; otherwise numbered text"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": Carry("native", "the emoji as a text when the message is not known to WhatsApp"),
            "template": NATIVE,
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="characters",
        caption_limit=CAPTION_LIMIT,
        media=dict.fromkeys(("image", "audio", "video", "file"), DOCUMENT),
        choices=ChoiceRule(options=MOST_ROWS, label=ROW_LABEL, text=CAPTION_LIMIT),
        receipts=("sent", "delivered", "read", "failed"),
        reply_window_s=86_400,
        after_window="template",
        rate_per_second=80.0,
        rate_per_person=1 / 6,
        burst_per_person=45,
        typing=True,
        read_marks=True,
        max_body=4 * 1_048_576,
    )

    def __init__(self, account: str, settings: WhatsAppSettings) -> None:
        super().__init__(account, settings)
        self._keys = gate.keys_of(settings)

    def handshake(self, request: Request) -> Response | None:
        return gate.handshake(self.settings, request)

    def verify(self, request: Request) -> Verified | Refused:
        return gate.verify(self._keys, request)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings.phone_number_id)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound_calls.interpret(request, response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(self.settings, attachment)

    def media_location(self, attachment: Attachment, response: ProviderResponse) -> ProviderRequest | None:
        return lookups.media_location(self.settings, attachment, response)

    def typing_in(self, reach: Reach, on: bool) -> ProviderRequest | None:
        return lookups.typing_request(self.settings, reach.thread, on)

    def read_request(self, message_extra: dict[str, Any]) -> ProviderRequest | None:
        return lookups.read_request(self.settings, message_extra)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)

    def handover_link(self, text: str) -> str | None:
        if self.settings.phone_number is None:
            return None
        return f"https://wa.me/{self.settings.phone_number.lstrip('+')}?text={quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings.phone_number_id, address, text, number, at_ms)
