"""The mapped connector: what it declares, and where each of its questions is answered."""

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
from connectors.mapped import inbound, outbound, proof
from connectors.mapped.settings import Answer, MappedSettings
from contracts.attachment import Attachment

_FILE = Carry("native", "by the account's own call for files; without one a text with an expiring link")


class MappedConnector(Connector[MappedSettings]):
    """One other system, described by configuration."""

    Settings = MappedSettings
    simulator = "connectors.mapped.simulator:ChatSimulator"
    manifest = Manifest(
        name="mapped",
        title="Mapped webhook",
        title_ja="設定だけのWebhook",
        channel_class="custom",
        carries={
            "text": NATIVE,
            "image": _FILE,
            "audio": _FILE,
            "video": _FILE,
            "file": _FILE,
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("its text"),
            "choice": degraded("a text with numbered lines"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji as a text"),
            "template": degraded("its text"),
            "call": refused("a call cannot be sent as a message"),
        },
        receipts=("sent", "delivered", "read", "failed"),
    )

    def __init__(self, account: str, settings: MappedSettings) -> None:
        super().__init__(account, settings)
        self._keys = settings.keys()
        self._events = inbound.Reader(settings.receive, account)
        self._answers = outbound.Reader(settings.send.answer if settings.send is not None else Answer())

    def verify(self, request: Request) -> Verified | Refused:
        return proof.verify(self.settings.verify, self._keys, request)

    def parse(self, request: Request) -> Parsed:
        return self._events.parse(request)

    def render(self, message: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound.render(self.settings, message)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return self._answers.interpret(request, response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return outbound.media_request(self.settings, attachment)

    def handover_link(self, text: str) -> str | None:
        return None if self.settings.link is None else self.settings.link.replace("{text}", quote(text, safe=""))
