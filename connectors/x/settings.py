"""The settings of an X account."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.api import Secret


class XSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the developer console: an app with OAuth 1.0a (read, write, direct messages), and the account's tokens."""

    user_id: Annotated[str, Meta(pattern="^[0-9]{1,20}$")]
    """The account's number: whose messages these are."""
    consumer_key: Annotated[str, Meta(min_length=1, max_length=200, pattern="^[!-~]+$")]
    """API key."""
    consumer_secret: Secret
    """API key secret: signs what X posts to us, and our calls."""
    consumer_secret_previous: Secret | None = None
    """Still accepted while it changes."""
    access_token: Secret
    access_token_secret: Secret
    note: Annotated[str, Meta(max_length=140)] = "ダイレクトメッセージでお返事しました。"
    """What a customer who wrote in public is told there when the answer goes privately; empty: nothing."""
    api_base: str = "https://api.x.com"

    def __post_init__(self) -> None:
        if not self.api_base.startswith(("https://", "http://")):
            raise ValueError("api_base should begin with https://")

    def keys(self) -> tuple[bytes, ...]:
        """What proves X, the present one first."""
        secrets = (self.consumer_secret, self.consumer_secret_previous)
        return tuple(secret.key() for secret in secrets if secret is not None)
