"""The settings of a WhatsApp sender at Twilio."""

from __future__ import annotations

import msgspec

from connectors.twilio.messaging.settings import MessagingSettings


class TwilioWhatsAppSettings(MessagingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the Twilio Console, Messaging > Senders > WhatsApp senders."""

    templates: dict[str, str] = msgspec.field(default_factory=dict)
    """Content SIDs (``HX...``) of approved templates, by name, or by ``name/language`` where each language has its
    own. A template may also be named by its SID."""
    typing_base: str = "https://messaging.twilio.com"
    """Where typing is shown."""
