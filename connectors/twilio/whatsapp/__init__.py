"""WhatsApp through Twilio."""

from connectors.twilio.whatsapp.connector import TwilioWhatsAppConnector

__all__ = ["TwilioWhatsAppConnector"]
