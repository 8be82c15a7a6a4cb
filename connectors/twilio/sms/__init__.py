"""SMS and MMS by Twilio."""

from connectors.twilio.sms.connector import SmsConnector

__all__ = ["SmsConnector"]
