"""WhatsApp Business Cloud API."""

from connectors.meta.whatsapp.connector import WhatsAppConnector

__all__ = ["WhatsAppConnector"]
