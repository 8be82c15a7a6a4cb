"""The X connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

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
    Response,
    Then,
    Verified,
    degraded,
    refused,
)
from connectors.kit.signatures import equal, hmac_sha256_base64
from connectors.x import inbound, lookups, oauth
from connectors.x import outbound as outbound_calls
from connectors.x.outbound import TEXT_LIMIT
from connectors.x.settings import XSettings
from connectors.x.simulate import webhook
from contracts.attachment import Attachment
from contracts.identity import Profile

_VERIFIED: Final = Verified()
_LINK: Final = degraded("a text with an expiring link")
# The answer to the check is the same function of the secret as a webhook's signature. Whoever may choose what is signed
# could have a forged webhook signed; no webhook is made of these letters alone.
_CRC: Final = re.compile(r"[A-Za-z0-9_=+/-]{1,256}")


class XConnector(Connector[XSettings]):
    """One account on X."""

    Settings = XSettings
    simulator = "connectors.x.simulator:XSimulator"
    manifest = Manifest(
        name="x",
        title="X",
        title_ja="X",
        channel_class="social",
        carries={
            "text": NATIVE,
            "image": Carry("native", "JPEG, PNG or WebP up to 5 MB, in a direct message; otherwise a text with a link"),
            "audio": _LINK,
            "video": _LINK,
            "file": _LINK,
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("its text"),
            "choice": degraded("a text with numbered lines"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji as a text"),
            "template": degraded("its text"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="characters",
        caption_limit=TEXT_LIMIT,
        receipts=("read",),
        profile_lookup=True,
        uploads=True,
    )

    def __init__(self, account: str, settings: XSettings) -> None:
        super().__init__(account, settings)
        self._keys = settings.keys()

    def handshake(self, request: Request) -> Response | None:
        """The challenge-response check, at registration and every hour."""
        if request.method != "GET":
            return None
        token = request.query.get("crc_token", "")
        if not _CRC.fullmatch(token):
            return Response(400)
        signed = hmac_sha256_base64(self._keys[0], token.encode()).decode()
        return Response(200, msgspec.json.encode({"response_token": f"sha256={signed}"}), "application/json")

    def verify(self, request: Request) -> Verified | Refused:
        given = request.headers.get("x-twitter-webhooks-signature", "")
        # All are compared, so that the time tells nothing of which one it is.
        matches = [equal(b"sha256=" + hmac_sha256_base64(key, request.body), given) for key in self._keys]
        return _VERIFIED if any(matches) else Refused("x-twitter-webhooks-signature is missing or wrong")

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings.user_id)

    def authorise(
        self, request: ProviderRequest, now: datetime, nonce: str, supplied: Mapping[str, bytes]
    ) -> ProviderRequest:
        if not lookups.signs(self.settings, request.url):
            return request
        signed = oauth.header(self.settings, request.method, request.url, now, nonce)
        return replace(request, secret_headers={**request.secret_headers, "authorization": signed})

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
        return outbound_calls.interpret(self.settings, request, response)

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return lookups.profile_request(self.settings, address)

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        return lookups.read_profile(response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(attachment)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)

    def handover_link(self, text: str) -> str | None:
        return f"https://x.com/messages/compose?recipient_id={self.settings.user_id}&text={quote(text, safe='')}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings.user_id, address, text, number, at_ms)
