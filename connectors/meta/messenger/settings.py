"""The settings of a Messenger account (one Facebook page)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from connectors.meta.direct.settings import DirectSettings


class MessengerSettings(DirectSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the App Dashboard, Messenger > Settings."""

    page_id: Annotated[str, Meta(pattern="^[0-9]+$")]
    """The page's id: webhooks of other pages of the same app are passed over."""
    page_username: str | None = None
    """The page's name in links (``m.me/<name>``), where it has one."""
