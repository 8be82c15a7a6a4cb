"""The LINE connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from connectors.api import (
    NATIVE,
    Connector,
    Manifest,
    Parsed,
    Refused,
    Request,
    Verified,
    degraded,
    refused,
)
from connectors.kit.signatures import equal, hmac_sha256_base64
from connectors.line import inbound
from connectors.line.settings import LineSettings
from connectors.line.simulate import webhook

LIMIT = 5_000


class LineConnector(Connector[LineSettings]):
    """One LINE Official Account."""

    Settings = LineSettings
    manifest = Manifest(
        name="line",
        title="LINE",
        title_ja="LINE",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": NATIVE,
            "audio": NATIVE,
            "video": NATIVE,
            "file": degraded("a text with a link"),
            "location": NATIVE,
            "contact_card": degraded("a text"),
            "sticker": NATIVE,
            "choice": NATIVE,
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": refused("LINE has no reactions for accounts"),
            "template": refused("LINE has no approved templates of this kind"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=LIMIT,
        text_unit="utf16",
        batch=5,
        idempotent=True,
        reply_window_s=60,
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

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings.bot_user_id, address, text, number, at_ms)


_VERIFIED = Verified()
