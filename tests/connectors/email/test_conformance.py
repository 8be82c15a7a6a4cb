"""Email against the conformance kit: what it declares and its secrets. Mailboxes and SMTP have tests of their own."""

from __future__ import annotations

from pathlib import Path

from connectors.email import EmailConnector
from connectors.testing import ConnectorConformance


class TestEmail(ConnectorConformance):
    connector = EmailConnector
    cases = Path(__file__).parent / "cases"
    settings = {  # noqa: RUF012
        "address": "support@example.com", "imap_host": "127.0.0.1", "imap_user": "support",
        "imap_password": "imap-secret-word", "smtp_host": "127.0.0.1",
    }  # fmt: skip
