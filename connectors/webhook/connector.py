"""The webhook connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from connectors.api import (
    NATIVE,
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
)
from connectors.kit import standard_webhooks
from connectors.webhook import inbound, outbound
from connectors.webhook.settings import WebhookSettings
from contracts.attachment import Attachment
from contracts.codec import iso, moment
from contracts.content import KINDS
from contracts.ids import digest

_VERIFIED: Final = Verified()


class WebhookConnector(Connector[WebhookSettings]):
    """One other system that speaks Standard Webhooks."""

    Settings = WebhookSettings
    simulator = "connectors.webhook.simulator:WebhookSimulator"
    manifest = Manifest(
        name="webhook",
        title="Webhook",
        title_ja="Webhook",
        channel_class="custom",
        carries=dict.fromkeys(KINDS, NATIVE),
        batch=1_000,
        receipts=("sent", "delivered", "read", "failed"),
        idempotent=True,
    )

    def __init__(self, account: str, settings: WebhookSettings) -> None:
        super().__init__(account, settings)
        self._keys = settings.keys()

    def verify(self, request: Request) -> Verified | Refused:
        fault = standard_webhooks.fault(
            self._keys, request.headers, request.body, request.received_at, self.settings.tolerance_s
        )
        return _VERIFIED if fault is None else Refused(fault)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account)

    def render(self, message: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound.render(self.settings, message)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound.interpret(request, response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return None if attachment.source is None else ProviderRequest("GET", attachment.source, timeout_s=60.0)

    def handover_link(self, text: str) -> str | None:
        return None if self.settings.link is None else self.settings.link.replace("{text}", quote(text, safe=""))

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        """The same arguments give the same bytes; another ``number`` is another message."""
        at = moment(at_ms)
        body = msgspec.json.encode({"type": "message", "sender": {"id": address}, "text": text, "sent_at": iso(at)})
        signed = standard_webhooks.headers(self._keys, f"msg_{digest(address, str(number), str(at_ms))}", at, body)
        return Request("POST", "", {}, {"content-type": "application/json", **signed}, body, at, "")
