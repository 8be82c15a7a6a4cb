"""Values that cannot be right are refused when the settings are read, in words, and before anybody writes."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.registry import SettingsError, load, settings_of, simulator_of

MENU = [{"key": "1", "value": "a", "say": {"en": "x"}}, {"key": "1", "value": "b", "say": {"en": "y"}}]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("line", {"basic_id": "example"}, "basic_id"),
    ("line", {"bot_user_id": "Uxyz"}, "bot_user_id"),
    ("whatsapp", {"phone_number_id": "+81 90"}, "phone_number_id"),
    ("messenger", {"page_id": "example.shop"}, "page_id"),
    ("instagram", {"account_id": "@shop"}, "account_id"),
    ("telegram", {"token": "no-number-before-it"}, "as @BotFather gives it"),
    ("telegram", {"secret_token": None}, "secret_token is needed"),
    ("slack", {"bot_token": "xapp-1-sample"}, "begins with xoxb-"),
    ("twilio_sms", {"account_sid": "SK00000000000000000000000000000000"}, "account_sid"),
    ("twilio_sms", {"phone_number": "081-5012"}, "phone_number"),
    ("twilio_sms", {"messaging_service_sid": "service"}, "messaging_service_sid"),
    ("twilio_voice", {"menu": MENU}, "the key 1 2 times"),
    ("twilio_voice", {"menu": [{**MENU[0], "key": "one"}]}, "menu"),
]


@pytest.mark.parametrize(("channel", "change", "sentence"), WRONG)
def test_a_wrong_value_is_told(channel: str, change: dict[str, Any], sentence: str) -> None:
    cls = load(channel)
    given = {**simulator_of(cls).sample("http://127.0.0.1:9"), **change}
    with pytest.raises(SettingsError) as caught:
        settings_of(cls, given, "main")
    assert sentence in str(caught.value)
    assert not any(value in str(caught.value) for name, value in change.items() if "token" in name and value)


@pytest.mark.parametrize("number", ["+815012345678", "12345", "Madoguchi", "Tea 2 Go"])
def test_sms_are_sent_by_numbers_short_codes_and_names(number: str) -> None:
    cls = load("twilio_sms")
    assert settings_of(cls, {**simulator_of(cls).sample("http://127.0.0.1:9"), "phone_number": number}, "main")
