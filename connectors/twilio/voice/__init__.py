"""The telephone, by Twilio."""

from connectors.twilio.voice.connector import VoiceConnector

__all__ = ["VoiceConnector"]
