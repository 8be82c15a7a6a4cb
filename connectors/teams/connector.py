"""The Teams connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from connectors.api import (
    NATIVE,
    Carry,
    ChoiceRule,
    Connector,
    Failed,
    Manifest,
    MediaRule,
    Outbound,
    Outcome,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Supplied,
    Supply,
    Then,
    Verified,
    degraded,
    refused,
)
from connectors.teams import inbound, lookups, token
from connectors.teams import outbound as outbound_calls
from connectors.teams.messages import IMAGE_BYTES, IMAGE_TYPES, MOST_ACTIONS, TEXT_LIMIT
from connectors.teams.settings import TeamsSettings
from contracts.attachment import Attachment
from contracts.conversation import Reach
from contracts.identity import Profile

_LINK: Final = degraded("a text with an expiring link")


class TeamsConnector(Connector[TeamsSettings]):
    """One bot."""

    Settings = TeamsSettings
    simulator = "connectors.teams.simulator:TeamsSimulator"
    manifest = Manifest(
        name="teams",
        title="Microsoft Teams",
        title_ja="Microsoft Teams",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": Carry("native", "PNG, JPEG or GIF up to 1 MB; otherwise a text with a link"),
            "audio": _LINK,
            "video": _LINK,
            "file": _LINK,
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("its text"),
            "choice": Carry("native", "an adaptive card with at most six buttons; otherwise numbered text"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": degraded("the emoji as a text"),
            "template": degraded("its text"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        caption_limit=TEXT_LIMIT,
        media={"image": MediaRule(IMAGE_TYPES, IMAGE_BYTES)},
        choices=ChoiceRule(options=MOST_ACTIONS, label=100, text=2_000),
        receipts=("read",),
        # Of one bot in one conversation: 7 a second, 8 in two, 60 in half a minute, 1,800 an hour.
        rate_per_second=30.0,
        rate_per_person=0.5,
        burst_per_person=7,
        typing=True,
        profile_lookup=True,
        grouping="thread",
        extra="teams",
    )

    def verify(self, request: Request) -> Verified | Refused:
        return token.verify(self.settings, request)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account)

    def supplies(self) -> Sequence[Supply]:
        return token.supplies(self.settings)

    def read_supply(self, name: str, response: ProviderResponse) -> Supplied | Then | Failed:
        return token.read_supply(self.settings, name, response)

    def authorise(
        self, request: ProviderRequest, now: datetime, nonce: str, supplied: Mapping[str, bytes]
    ) -> ProviderRequest:
        given = supplied.get(token.TOKEN)
        if given is None or token.TOKEN not in request.needs:
            return request
        return replace(request, secret_headers={"authorization": f"Bearer {given.decode()}"})

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return outbound_calls.render(self.settings, outbound)

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
        return outbound_calls.interpret(request, response)

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return lookups.profile_request(self.settings, address, author)

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        return lookups.read_profile(response)

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        return lookups.media_request(self.settings, attachment)

    def typing_in(self, reach: Reach, on: bool) -> ProviderRequest | None:
        return lookups.typing_request(self.settings, reach, on)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)
