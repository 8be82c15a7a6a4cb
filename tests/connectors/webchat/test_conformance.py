"""The web chat against the conformance kit: what it declares, its secrets, and its sessions."""

from __future__ import annotations

import json
from pathlib import Path

from connectors.api import SessionOpen
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.webchat import WebchatConnector
from tests.connectors.webchat.desk import HERE, KEY, NONCE, USER_KEY, Desk

DESK = Desk("main")
TOKEN = DESK.tokens.sign(DESK.tokens.anonymous(NONCE, case_files.NOW))


class TestWebchat(ConnectorConformance):
    connector = WebchatConnector
    cases = Path(__file__).parent / "cases"
    settings = {"token_key": KEY, "user_key": USER_KEY}  # noqa: RUF012
    posted_to = False
    frames = (
        json.dumps({"type": "hello", "token": TOKEN}),
        json.dumps({"type": "say", "id": "client-0001", "text": "在庫はありますか"}),
    )

    def opening(self) -> SessionOpen:
        return SessionOpen({}, HERE, case_files.NOW)
