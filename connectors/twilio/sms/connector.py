"""The SMS connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from connectors.api import (
    NATIVE,
    Carry,
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
    Verified,
    degraded,
    refused,
)
from connectors.twilio import gate, rest
from connectors.twilio.messaging import outbound as outbound_calls
from connectors.twilio.sms import inbound
from connectors.twilio.sms.messages import OTHER, PICTURE, content_of
from connectors.twilio.sms.settings import SmsSettings
from connectors.twilio.sms.simulate import webhook
from contracts.attachment import Attachment
from contracts.content import Part

_MMS = "up to 500 kB by MMS, where the number has it; otherwise a text with a link"


class SmsConnector(Connector[SmsSettings]):
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

    def __init__(self, account: str, settings: SmsSettings) -> None:
        super().__init__(account, settings)
        self._keys = gate.keys_of(settings)

    def verify(self, request: Request) -> Verified | Refused:
        return gate.verify(self._keys, self.settings.webhook_url, request)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        def say(piece: Part) -> outbound_calls.Content | Failed:
            return content_of(self.settings, outbound.media, piece)

        return outbound_calls.render(self.settings, outbound, "", say)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound_calls.interpret(request, response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return rest.media_request(self.settings, attachment)

    def probe_request(self) -> ProviderRequest:
        return rest.probe_request(self.settings)

    def handover_link(self, text: str) -> str | None:
        number = self.settings.phone_number
        return None if number is None else f"sms:{number}?body={quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings, address, text, number, at_ms)
