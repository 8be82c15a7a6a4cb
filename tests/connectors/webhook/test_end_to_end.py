"""The webhook channel end to end: the other system's webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.webhook import WebhookConnector
from tests.connectors.end_to_end import EndToEnd


class TestWebhook(EndToEnd):
    connector = WebhookConnector
