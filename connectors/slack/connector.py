"""The Slack connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.api import (
    NATIVE,
    Carry,
    ChoiceRule,
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
from connectors.slack import inbound, lookups
from connectors.slack import outbound as outbound_calls
from connectors.slack.messages import LABEL, MOST_OPTIONS, SECTION, TEXT_LIMIT
from connectors.slack.settings import SlackSettings
from connectors.slack.signature import fault
from connectors.slack.simulate import webhook
from contracts.attachment import Attachment
from contracts.identity import Profile

_VERIFIED: Final = Verified()
_FILE: Final = Carry("native", "uploaded; files too large for that as a text with a link")


class SlackConnector(Connector[SlackSettings]):
    """One app in one workspace."""

    Settings = SlackSettings
    simulator = "connectors.slack.simulator:SlackSimulator"
    manifest = Manifest(
        name="slack",
        title="Slack",
        title_ja="Slack",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": _FILE,
            "audio": _FILE,
            "video": _FILE,
            "file": _FILE,
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("its text"),
            "choice": Carry("native", "at most 100 options with labels of at most 75 characters; otherwise as a text"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": Carry("native", "an emoji whose name at Slack is known; otherwise a text"),
            "template": refused("Slack has no approved templates"),
            "call": refused("a call cannot be sent as a message"),
        },
        text_limit=TEXT_LIMIT,
        text_unit="characters",
        caption_limit=TEXT_LIMIT,
        choices=ChoiceRule(options=MOST_OPTIONS, label=LABEL, text=SECTION),
        rate_per_second=5.0,
        rate_per_person=1.0,
        burst_per_person=3,
        profile_lookup=True,
        uploads=True,
        grouping="thread",
    )

    def __init__(self, account: str, settings: SlackSettings) -> None:
        super().__init__(account, settings)
        secrets = (settings.signing_secret, settings.signing_secret_previous)
        self._keys = tuple(secret.key() for secret in secrets if secret is not None)

    def handshake(self, request: Request) -> Response | None:
        """The set-up call is signed like everything else."""
        challenge = inbound.challenge(request.body)
        if challenge is None or isinstance(self.verify(request), Refused):
            return None
        return Response(200, challenge.encode())

    def verify(self, request: Request) -> Verified | Refused:
        wrong = fault(self._keys, request.headers, request.body, request.received_at)
        return _VERIFIED if wrong is None else Refused(wrong)

    def parse(self, request: Request) -> Parsed:
        return inbound.parse(request, self.account, self.settings)

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
        return lookups.media_location(self.settings, attachment, response)

    def media_problem(self, attachment: Attachment, response: ProviderResponse) -> str | None:
        return lookups.media_problem(attachment, response)

    def probe_request(self) -> ProviderRequest:
        return lookups.probe_request(self.settings)

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request:
        return webhook(self._keys[0], self.settings.team_id, address, text, number, at_ms)
