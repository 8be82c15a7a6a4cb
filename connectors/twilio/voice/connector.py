"""The connector of the telephone: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from connectors.twilio.messaging.outbound import TEXT_LIMIT
from connectors.twilio.voice import inbound
from connectors.twilio.voice import outbound as outbound_calls
from connectors.twilio.voice.settings import VoiceSettings
from connectors.twilio.voice.simulate import webhook
from contracts.attachment import Attachment

_LINK = "an SMS with a link"


class VoiceConnector(Connector[VoiceSettings]):
    """One telephone number."""

    Settings = VoiceSettings
    simulator = "connectors.twilio.voice.simulator:VoiceSimulator"
    manifest = Manifest(
        name="twilio_voice",
        title="Telephone (Twilio)",
        title_ja="電話（Twilio）",
        channel_class="voice",
        carries={
            "text": Carry("native", "spoken to who waits; what an agent writes goes as an SMS"),
            "image": degraded(_LINK),
            "audio": degraded(_LINK),
            "video": degraded(_LINK),
            "file": degraded(_LINK),
            "location": degraded("an SMS with a link to a map"),
            "contact_card": degraded("an SMS"),
            "sticker": degraded("its words"),
            "choice": Carry("native", "keys to press for who waits; an SMS with numbered lines from an agent"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji"),
            "template": degraded("an SMS"),
            "call": NATIVE,
        },
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        receipts=("sent", "delivered", "failed"),
        billed_push=True,
        rate_per_second=10.0,
        verified_addresses=False,
        grouping="thread",
        max_body=262_144,
    )

    def __init__(self, account: str, settings: VoiceSettings) -> None:
        super().__init__(account, settings)
        self._keys = gate.keys_of(settings)

    def verify(self, request: Request) -> Verified | Refused:
        return gate.verify(self._keys, self.settings.webhook_url, request)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound_calls.interpret(request, response)

    def invited(self, address: str, code: str, links: Mapping[str, str]) -> Sequence[ProviderRequest]:
        return outbound_calls.invited(self.settings, address, code, links)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return rest.media_request(self.settings, attachment)

    def probe_request(self) -> ProviderRequest:
        return rest.probe_request(self.settings)

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings, address, text, number, at_ms)
