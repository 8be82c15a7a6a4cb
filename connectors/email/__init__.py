"""Email: in by an LMTP or SMTP port and by IMAP, out by SMTP."""

from connectors.email.connector import EmailConnector

__all__ = ["EmailConnector"]
