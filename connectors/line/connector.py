"""The LINE connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
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
    Quota,
    Refused,
    Request,
    Verified,
    degraded,
    refused,
)
from connectors.kit.signatures import equal, hmac_sha256_base64
from connectors.line import inbound, lookups
from connectors.line import outbound as outbound_calls
from connectors.line.messages import TEXT_LIMIT
from connectors.line.settings import LineSettings
from connectors.line.simulate import webhook
from contracts.attachment import Attachment
from contracts.identity import Profile

_VERIFIED: Final = Verified()


class LineConnector(Connector[LineSettings]):
    """One LINE Official Account."""

    Settings = LineSettings
    simulator = "connectors.line.simulator:LineSimulator"
    manifest = Manifest(
        name="line",
        title="LINE",
        title_ja="LINE",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": Carry("native", "JPEG and PNG up to 1 MB by an HTTPS link; otherwise a text with a link"),
            "audio": Carry("native", "MP3 and M4A of known duration by an HTTPS link; otherwise a text with a link"),
            "video": Carry("native", "MP4 with video_preview_url set; otherwise a text with a link"),
            "file": degraded("a text with a link"),
            "location": NATIVE,
            "contact_card": degraded("a text"),
            "sticker": NATIVE,
            "choice": Carry(
                "native", "at most 13 options with labels of at most 20 characters; otherwise numbered text"
            ),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": refused("LINE has no reactions for accounts"),
            "template": refused("LINE has no approved templates of this kind"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        batch=5,
        idempotent=True,
        reply_tokens=True,
        billed_push=True,
        rate_per_second=2_000,
        typing=True,
        read_marks=True,
        profile_lookup=True,
    )

    def __init__(self, account: str, settings: LineSettings) -> None:
        super().__init__(account, settings)
        secrets = (settings.channel_secret, settings.channel_secret_previous)
        self._keys = tuple(secret.key() for secret in secrets if secret is not None)

    def verify(self, request: Request) -> Verified | Refused:
        given = request.headers.get("x-line-signature")
        if given is None:
            return Refused("no x-line-signature")
        for key in self._keys:
            if equal(hmac_sha256_base64(key, request.body), given):
                return _VERIFIED
        return Refused("x-line-signature does not match the body")

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings.bot_user_id)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome:
        return outbound_calls.interpret(request, response)

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return lookups.profile_request(self.settings, address, author)

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        return lookups.read_profile(response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(self.settings, attachment)

    def typing_request(self, address: str, on: bool) -> ProviderRequest | None:
        return lookups.typing_request(self.settings, address, on)

    def read_request(self, message_extra: dict[str, Any]) -> ProviderRequest | None:
        return lookups.read_request(self.settings, message_extra)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)

    def quota_requests(self) -> Sequence[ProviderRequest]:
        return lookups.quota_requests(self.settings)

    def read_quota(self, responses: Sequence[ProviderResponse]) -> Quota | None:
        return lookups.read_quota(responses)

    def handover_link(self, text: str) -> str | None:
        if self.settings.basic_id is None:
            return None
        return f"https://line.me/R/oaMessage/{quote(self.settings.basic_id, safe='')}/?{quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings.bot_user_id, address, text, number, at_ms)
