"""The settings of an Instagram account (a professional one)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from connectors.meta.direct.settings import DirectSettings


class InstagramSettings(DirectSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the App Dashboard, Instagram > API setup."""

    account_id: Annotated[str, Meta(pattern="^[0-9]+$")]
    """The Instagram account's id, as webhooks name it: those of other accounts are passed over."""
    page_id: str | None = None
    """With *Facebook Login* only: the page that the account is connected to. Then set ``api_base`` to
    ``https://graph.facebook.com`` and use the page's token."""
    username: str | None = None
    """The account's name; when set, customers can be sent to it by a link."""
    api_base: str = "https://graph.instagram.com"
