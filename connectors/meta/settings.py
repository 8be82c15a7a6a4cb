"""What every account at Meta has."""

from __future__ import annotations

import msgspec

from connectors.api import Secret


class MetaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the app's page in Meta's App Dashboard."""

    app_secret: Secret
    """App settings > Basic > App secret: signs what Meta sends."""
    verify_token: Secret
    """A word of your own, given to Meta with the callback URL; Meta shows it once, when it checks the URL."""
    access_token: Secret
    """The token for sending and fetching; one of a system user does not expire."""
    more_app_secrets: tuple[Secret, ...] = ()
    """Also accepted: the old secret while it is being changed, or the Instagram app's own."""
    api_base: str = "https://graph.facebook.com"
    api_version: str = "v24.0"
    """Meta retires a version about two years after its release."""
