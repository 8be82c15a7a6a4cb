"""What every account that sends messages has."""

from __future__ import annotations

from connectors.twilio.settings import TwilioSettings


class MessagingSettings(TwilioSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender: a number, or a Messaging Service with several."""

    phone_number: str | None = None
    """Ours, ``+81...``; what is for another number is passed over, unless there is a service."""
    messaging_service_sid: str | None = None
    """``MG...``: the service picks the number, and keeps to it for a customer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.phone_number is None and self.messaging_service_sid is None:
            raise ValueError("phone_number or messaging_service_sid is needed")
