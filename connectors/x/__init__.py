"""X (Twitter): direct messages, and mentions in public."""

from connectors.x.connector import XConnector

__all__ = ["XConnector"]
