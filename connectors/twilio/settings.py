"""What every account at Twilio has."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.api import Secret


class TwilioSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the Twilio Console, Account Info."""

    account_sid: Annotated[str, Meta(pattern="^AC[0-9a-f]{32}$")]
    """``AC...``: what is for another account is passed over. A sub-account has its own, with its own token."""
    auth_token: Secret
    """Signs what Twilio sends; without an API key it signs us in too."""
    more_auth_tokens: tuple[Secret, ...] = ()
    """Also accepted while the token is being changed: the primary one signs until the secondary is promoted."""
    api_key: Secret | None = None
    """``SK...``: signs our calls in, so that the token need only check signatures."""
    api_secret: Secret | None = None
    webhook_url: str | None = None
    """Where this account's webhooks come in, as Twilio knows it; by default the service's public URL and
    ``/in/<account>``. Signatures are over it."""
    api_base: str = "https://api.twilio.com"

    def __post_init__(self) -> None:
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret belong together")
