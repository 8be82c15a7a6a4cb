"""What the connectors of SMS and WhatsApp share: proof, calls, answers and media. They differ in what is said."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from connectors.api import (
    Connector,
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Verified,
)
from connectors.twilio import gate, rest
from connectors.twilio.messaging.outbound import Content, interpret, render
from connectors.twilio.messaging.settings import MessagingSettings
from contracts.attachment import Attachment
from contracts.content import Part

S = TypeVar("S", bound=MessagingSettings)


class MessagingConnector(Connector[S]):
    """One number or sender, or one Messaging Service."""

    prefix: ClassVar[str] = ""
    """What stands before every address, for example ``whatsapp:``."""

    def __init__(self, account: str, settings: S) -> None:
        super().__init__(account, settings)
        self._keys = gate.keys_of(settings)

    @abstractmethod
    def content_of(self, outbound: Outbound, piece: Part) -> Content | Failed:
        """The parameters of the call that say one piece."""

    def verify(self, request: Request) -> Verified | Refused:
        return gate.verify(self._keys, self.settings.webhook_url, request)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return render(self.settings, outbound, self.prefix, lambda piece: self.content_of(outbound, piece))

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return interpret(request, response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return rest.media_request(self.settings, attachment)

    def probe_request(self) -> ProviderRequest:
        return rest.probe_request(self.settings)
