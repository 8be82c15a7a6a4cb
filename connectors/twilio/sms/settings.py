"""The settings of an SMS account (a number, or a Messaging Service)."""

from __future__ import annotations

from connectors.twilio.messaging.settings import MessagingSettings


class SmsSettings(MessagingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the Twilio Console, Phone Numbers or Messaging > Services."""

    mms: bool = True
    """Pictures and other files go as MMS, where the number and the country have it; otherwise as a text with a link."""
    max_segments: int | None = None
    """Texts that take more segments, each of which is billed, are refused before they are sent."""
    stop_words: tuple[str, ...] = ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout")
    """A message of one of these words alone ends it, where Twilio does not say so itself (Advanced Opt-Out)."""
    start_words: tuple[str, ...] = ("start", "unstop", "yes")
    """And of these begins it again."""
