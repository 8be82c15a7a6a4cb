"""The telephone, imitated, as somebody at a terminal has it: keys are pressed, and what is spoken can be read."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.api import ProviderResponse
from connectors.registry import settings_of
from connectors.twilio.voice import VoiceConnector
from connectors.twilio.voice.settings import VoiceSettings
from connectors.twilio.voice.simulator import VoiceSimulator

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SPOKEN = b"<Response><Say>one moment</Say><Gather><Say>or press 1</Say></Gather></Response>"


def test_digits_are_keys_words_are_speech_and_the_answer_is_heard() -> None:
    settings = settings_of(VoiceConnector, VoiceSimulator.sample("http://127.0.0.1:9"), "phone")
    assert isinstance(settings, VoiceSettings)
    simulator = VoiceSimulator(settings, "http://127.0.0.1:8/in/phone")
    simulator.say("orders, please", NOW)
    simulator.say("1", NOW)
    spoken, pressed = simulator.due(NOW)
    assert b"SpeechResult=orders" in spoken.request.body and b"Digits=1" in pressed.request.body
    simulator.answered(spoken, ProviderResponse(200, {"content-type": "text/xml"}, SPOKEN), NOW)
    assert simulator.heard == ["one moment", "or press 1"]
    assert simulator.complaints == []
