"""LINE end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.line import LineConnector
from tests.connectors.end_to_end import EndToEnd


class TestLine(EndToEnd):
    connector = LineConnector
