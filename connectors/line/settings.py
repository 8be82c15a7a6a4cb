"""The settings of a LINE account (one Messaging API channel)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.api import Secret


class LineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the channel's page in the LINE Developers Console."""

    channel_secret: Secret
    """Basic settings > Channel secret. It is used as text, not decoded from hexadecimal."""
    channel_access_token: Secret
    """Messaging API > Channel access token (long-lived)."""
    channel_secret_previous: Secret | None = None
    """Also accepted while a new secret is being brought in."""
    bot_user_id: Annotated[str, Meta(pattern="^U[0-9a-f]{32}$")] | None = None
    """The bot's own user id (``U`` and 32 hexadecimal digits), as ``GET /v2/bot/info`` tells it. When
    set, webhooks for another bot are set aside."""
    basic_id: Annotated[str, Meta(pattern="^@")] | None = None
    """The account's ``@...`` id; when set, customers can be sent to this account with a ready-written message."""
    video_preview_url: str | None = None
    """An HTTPS link to a JPEG or PNG (1 MB at most) that stands for a video until it is played; LINE insists on one.
    Without it videos are sent as a text with a link."""
    api_base: str = "https://api.line.me"
    data_base: str = "https://api-data.line.me"
