"""Any system as a channel, by signed webhooks."""

from connectors.webhook.connector import WebhookConnector

__all__ = ["WebhookConnector"]
