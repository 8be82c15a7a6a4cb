"""What every account that sends messages has."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from connectors.twilio.settings import TwilioSettings

SENDER: Final = r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9 ]{0,10}[A-Za-z][A-Za-z0-9 ]{0,10})$"
"""E.164, a short code, or a name of at most 11 letters and digits."""


class MessagingSettings(TwilioSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender: a number, or a Messaging Service with several."""

    phone_number: Annotated[str, Meta(pattern=SENDER)] | None = None
    """Ours, ``+81...``; what is for another number is passed over, unless there is a service."""
    messaging_service_sid: Annotated[str, Meta(pattern="^MG[0-9a-f]{32}$")] | None = None
    """``MG...``: the service picks the number, and keeps to it for a customer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.phone_number is None and self.messaging_service_sid is None:
            raise ValueError("phone_number or messaging_service_sid is needed")
