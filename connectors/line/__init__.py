"""LINE Messaging API."""

from connectors.line.connector import LineConnector

__all__ = ["LineConnector"]
