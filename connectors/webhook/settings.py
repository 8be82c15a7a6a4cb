"""The settings of a webhook account."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from connectors.api import Secret
from connectors.kit.standard_webhooks import key_of


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both sides agree on."""

    secret: Secret
    """Signs what we send and proves what we get: ``whsec_`` and base 64 of 24 to 64 random bytes."""
    previous_secrets: tuple[Secret, ...] = ()
    """Still accepted, and used to sign beside the new one, while the other side changes over."""
    secret_format: Literal["standard", "text"] = "standard"
    """``text``: the secret's own UTF-8 bytes are the key, for systems that do not know ``whsec_``."""
    url: str | None = None
    """Where our messages go. Without it the account only receives."""
    tolerance_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    """How far the other clock may be from ours."""
    link: str | None = None
    """A link that opens the other system's own chat, ``{text}`` standing for a message, for "continue there"."""

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise ValueError("url should begin with https://")
        if self.link is not None and "{text}" not in self.link:
            raise ValueError("link should have {text} in it")
        self.keys()

    def keys(self) -> tuple[bytes, ...]:
        """The keys, the one to sign with first."""
        secrets = (self.secret, *self.previous_secrets)
        if self.secret_format == "text":
            return tuple(secret.key() for secret in secrets)
        return tuple(map(_key, secrets))


def _key(secret: Secret) -> bytes:
    try:
        return key_of(secret.reveal())
    except ValueError as error:
        raise ValueError(f"secret: {error}; for a plain text set secret_format") from None
