"""The settings of a telephone number."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.twilio.messaging.settings import MessagingSettings


class MenuKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to choose before waiting."""

    key: Annotated[str, Meta(pattern="^[0-9*]{1,4}$")]
    """What is pressed: ``1``."""
    value: str
    """The value of the conversation's attribute, for the rules: ``orders``."""
    say: dict[str, str]
    """By language: ``ご注文については1を押してください。``"""
    words: tuple[str, ...] = ()
    """What may be said instead of pressing, in any language."""
    language: str | None = None
    """It only changes the language: the menu is read again in this one."""


class VoiceSettings(MessagingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the Twilio Console, Phone Numbers. Languages are spelt as in BCP 47."""

    language: str = "ja"
    """Spoken with callers of whom nothing else is known."""
    languages: dict[str, str] = msgspec.field(default_factory=dict)
    """By how their number begins: ``"+1" = "en"``; the longest beginning counts."""
    voices: dict[str, str] = msgspec.field(default_factory=dict)
    """Twilio's voices by language: ``ja = "Polly.Mizuki"``."""
    texts: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """Our own words instead of the built-in ones, by name (see ``words.py``) and language."""
    menu: tuple[MenuKey, ...] = ()
    attribute: str = "menu"
    """The conversation's attribute that has the menu's value."""
    music_url: str | None = None
    """Played to who waits, between the words; silence without it."""
    wait_s: int = 20
    """Seconds between the words that are repeated to who waits, when there is no music."""
    ring_s: int = 25
    """Seconds for which an agent's telephone rings at most."""
    record_s: int = 120
    """Seconds of a voice mail; Twilio writes down none that is longer than 120."""
    transcribe: bool = False
    """Twilio writes down what was said; it is good at English only."""
    sms: bool = True
    """The number can send SMS: what an agent writes goes to the caller as one, and so do links to other channels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, times in Counter(each.key for each in self.menu).items():
            if times > 1:
                raise ValueError(f"menu has the key {key} {times} times")
