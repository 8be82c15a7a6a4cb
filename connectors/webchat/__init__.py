"""Web chat: an embeddable widget, and the protocol it speaks."""

from connectors.webchat.connector import WebchatConnector

__all__ = ["WebchatConnector"]
