"""The settings of a Slack account (one app in one workspace)."""

from __future__ import annotations

import msgspec

from connectors.api import Secret


class SlackSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the app's pages at https://api.slack.com/apps."""

    signing_secret: Secret
    """Basic Information > App Credentials > Signing Secret."""
    bot_token: Secret
    """OAuth & Permissions > Bot User OAuth Token (``xoxb-...``)."""
    signing_secret_previous: Secret | None = None
    """Also accepted while a new secret is being brought in."""
    team_id: str | None = None
    """The workspace (``T...``); when set, events of others are set aside."""
    hear_apps: bool = False
    """Whether what other apps and workflows post counts as a customer's words."""
    api_base: str = "https://slack.com"

    def __post_init__(self) -> None:
        if not self.bot_token.reveal().startswith(("xoxb-", "xoxe.xoxb-")):
            raise ValueError("bot_token is not the Bot User OAuth Token, which begins with xoxb-")
