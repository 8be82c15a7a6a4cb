"""The settings of a WhatsApp account (one business phone number)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from connectors.meta.settings import MetaSettings


class WhatsAppSettings(MetaSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the App Dashboard, WhatsApp > API Setup."""

    phone_number_id: Annotated[str, Meta(pattern="^[0-9]+$")]
    """The number's id at Meta (not the number): webhooks of other numbers of the same app are passed over."""
    phone_number: str | None = None
    """The number itself (``+81...``); when set, customers can be sent to it with a ready-written message."""
    list_button: str = "選ぶ / Choose"
    """What opens a list of four to ten options; 20 characters at most."""
    named_parameters: bool = False
    """The templates were made with named parameters; otherwise WhatsApp counts them."""
    media_base: str = "https://lookaside.fbsbx.com"
    """Where media lie: only calls to there and to ``api_base`` carry the access token."""
