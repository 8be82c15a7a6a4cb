"""The settings of a Teams account (one bot registration)."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from connectors.api import Secret

HOSTS: Final = (
    "smba.trafficmanager.net",
    "smba.infra.gcc.teams.microsoft.com",
    "smba.infra.gov.teams.microsoft.us",
    "smba.infra.dod.teams.microsoft.us",
)
"""Where Teams takes answers: public, GCC, GCC High, DoD."""


class TeamsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the bot's registration in Azure or the Teams Developer Portal."""

    app_id: Annotated[str, Meta(min_length=8, max_length=64, pattern="^[0-9A-Za-z-]+$")]
    """Microsoft App ID: whom tokens to us are for."""
    app_password: Secret
    """A client secret of that app."""
    tenant: Annotated[str, Meta(pattern="^[0-9A-Za-z.-]{1,100}$")] = "botframework.com"
    """Where our tokens come from: the tenant's id for a single-tenant bot (all new ones are), else botframework.com."""
    service_url: str = "https://smba.trafficmanager.net/teams/"
    """Where to write to whoever has not written to us yet, and to look people up."""
    service_hosts: tuple[str, ...] = HOSTS
    """Other hosts that activities may name as their service; nobody else is ever given our token."""
    issuer: str = "https://api.botframework.com"
    """Who signs what comes to us. US government: https://api.botframework.us"""
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    """Where the keys are told. US government: https://login.botframework.azure.us/v1/.well-known/openidconfiguration"""
    login_url: str = "https://login.microsoftonline.com"
    """Who gives us tokens. US government: https://login.microsoftonline.us"""
    scope: str = "https://api.botframework.com/.default"
    """For what. US government: https://api.botframework.us/.default"""

    def __post_init__(self) -> None:
        for name in ("service_url", "openid_url", "login_url"):
            if not getattr(self, name).startswith(("https://", "http://")):
                raise ValueError(f"{name} should begin with https://")

    @property
    def bot(self) -> str:
        """The bot's id in Teams."""
        return f"28:{self.app_id}"

    def serves(self, url: str) -> bool:
        """Whether answers, and our token with them, may go there: the configured service, or one of Teams' hosts."""
        try:
            parts, own = urlsplit(url), urlsplit(self.service_url)
            port = parts.port
        except ValueError:
            return False
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return True
        plain = parts.netloc.lower() == (parts.hostname or "") and port is None
        return parts.scheme == "https" and plain and parts.hostname in self.service_hosts
