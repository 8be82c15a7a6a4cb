"""What the connectors of Messenger and Instagram do alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from connectors.api import (
    Connector,
    Failed,
    Outbound,
    Outcome,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Response,
    Verified,
)
from connectors.meta import gate
from connectors.meta.direct import inbound, lookups
from connectors.meta.direct import outbound as outbound_calls
from connectors.meta.direct.dialect import Dialect
from connectors.meta.direct.settings import DirectSettings
from connectors.meta.direct.simulate import webhook
from contracts.attachment import Attachment
from contracts.identity import Profile

S = TypeVar("S", bound=DirectSettings)


class DirectConnector(Connector[S]):
    """One page or account. A subclass makes the dialect and says which fields a profile has."""

    profile_fields: ClassVar[str]

    def __init__(self, account: str, settings: S) -> None:
        super().__init__(account, settings)
        self._keys = gate.keys_of(settings)
        self._dialect = self.dialect_of(settings)
        if not settings.human_agent:
            # What this account may do; agents are told so before they write.
            self.manifest = msgspec.structs.replace(self.manifest, agent_window_s=None)  # type: ignore[misc]

    @staticmethod
    def dialect_of(settings: Any) -> Dialect:
        """The channel's own ways, for an account."""
        raise NotImplementedError

    def handshake(self, request: Request) -> Response | None:
        return gate.handshake(self.settings, request)

    def verify(self, request: Request) -> Verified | Refused:
        return gate.verify(self._keys, request)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self._dialect)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, self._dialect, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound_calls.interpret(self._dialect, request, response)

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return lookups.profile_request(self.settings, address, self.profile_fields)

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        return lookups.read_profile(response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(attachment)

    def typing_request(self, address: str, on: bool) -> ProviderRequest | None:
        return lookups.typing_request(self.settings, self._dialect, address, on)

    def read_request(self, message_extra: dict[str, Any]) -> ProviderRequest | None:
        return lookups.read_request(self.settings, self._dialect, message_extra)

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self._dialect, address, text, number, at_ms)
