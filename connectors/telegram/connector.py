"""The Telegram connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from connectors.api import (
    NATIVE,
    Carry,
    ChoiceRule,
    Connector,
    Failed,
    Listener,
    Manifest,
    MediaRule,
    Outbound,
    Outcome,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Sink,
    Then,
    Verified,
    refused,
)
from connectors.kit.signatures import equal
from connectors.telegram import inbound, lookups, polling
from connectors.telegram import outbound as outbound_calls
from connectors.telegram.messages import CAPTION_LIMIT, MOST_BUTTONS, MOST_IN_ALBUM, TEXT_LIMIT, UPLOAD
from connectors.telegram.settings import TelegramSettings
from connectors.telegram.simulate import webhook
from contracts.attachment import Attachment
from contracts.conversation import Reach
from contracts.identity import Profile

_VERIFIED: Final = Verified()
_START: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE: Final = MediaRule(max_bytes=UPLOAD)
_SIZES: Final = "up to 50 MB uploaded, or up to 20 MB by link where Telegram fetches it; otherwise a text with a link"


class TelegramConnector(Connector[TelegramSettings]):
    """One bot."""

    Settings = TelegramSettings
    simulator = "connectors.telegram.simulator:TelegramSimulator"
    manifest = Manifest(
        name="telegram",
        title="Telegram",
        title_ja="Telegram",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": Carry("native", f"a photo up to 10 MB, beyond that a document; {_SIZES}"),
            "audio": Carry("native", f"OGG as a voice message, MP3 and M4A as music, others as documents; {_SIZES}"),
            "video": Carry("native", f"MP4 as a film, others as documents; {_SIZES}"),
            "file": Carry("native", f"{_SIZES} (PDF and ZIP only)"),
            "location": NATIVE,
            "contact_card": Carry("native", "with a telephone number; otherwise a text"),
            "sticker": Carry("native", "by the file id that an inbound sticker has"),
            "choice": Carry("native", "at most 100 options with values of at most 64 bytes; otherwise numbered text"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": Carry("native", "one of Telegram's own emoji, to a message of this chat; otherwise a text"),
            "template": refused("Telegram has no approved templates"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        batch=MOST_IN_ALBUM,
        caption_limit=CAPTION_LIMIT,
        media={"image": _FILE, "audio": _FILE, "video": _FILE, "file": _FILE},
        choices=ChoiceRule(options=MOST_BUTTONS),
        rate_per_second=30.0,
        rate_per_person=1.0,
        burst_per_person=3,
        typing=True,
        profile_lookup=True,
        uploads=True,
    )

    def __init__(self, account: str, settings: TelegramSettings) -> None:
        super().__init__(account, settings)
        secrets = (settings.secret_token, settings.secret_token_previous)
        self._keys = tuple(secret.key() for secret in secrets if secret is not None)

    def verify(self, request: Request) -> Verified | Refused:
        if self.settings.receive != "webhook" or not self._keys:
            return Refused("this account takes no webhooks", 404)
        given = request.headers.get("x-telegram-bot-api-secret-token")
        # All are compared, so that the time tells nothing of which one it is.
        matches = [equal(key, given) for key in self._keys]
        return _VERIFIED if any(matches) else Refused("x-telegram-bot-api-secret-token is missing or wrong")

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings.bot_id)

    def listeners(self) -> Sequence[Listener]:
        return (Listener("poll", "leased", self.listen),) if self.settings.receive == "polling" else ()

    async def listen(self, sink: Sink) -> None:
        await polling.poll(self.settings, self.account, sink)

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
        return outbound_calls.interpret(self.settings, request, response)

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return lookups.profile_request(self.settings, address, author)

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        return lookups.read_profile(response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(self.settings, attachment)

    def media_location(self, attachment: Attachment, response: ProviderResponse) -> ProviderRequest | None:
        return lookups.media_location(self.settings, response)

    def typing_in(self, reach: Reach, on: bool) -> ProviderRequest | None:
        return lookups.typing_request(self.settings, reach, on)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)

    def handover_link(self, text: str) -> str | None:
        name = self.settings.bot_username
        if name is None or not _START.fullmatch(text):
            return None
        return f"https://t.me/{name.removeprefix('@')}?start={text}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request | None:
        secret = self.settings.secret_token
        return None if secret is None else webhook(secret.reveal(), address, text, number, at_ms)
