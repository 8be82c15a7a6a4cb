"""Facebook Messenger."""

from connectors.meta.messenger.connector import MessengerConnector

__all__ = ["MessengerConnector"]
