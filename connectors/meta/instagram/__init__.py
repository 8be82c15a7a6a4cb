"""Instagram direct messages."""

from connectors.meta.instagram.connector import InstagramConnector

__all__ = ["InstagramConnector"]
