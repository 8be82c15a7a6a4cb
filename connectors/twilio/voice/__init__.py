"""The telephone, by Twilio."""
