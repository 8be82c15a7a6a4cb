"""Messenger, imitated."""

from __future__ import annotations

from typing import Any

from connectors.meta.direct.simulate import enveloped, told
from connectors.meta.direct.simulator import DirectSimulator
from connectors.meta.messenger.connector import MessengerConnector
from connectors.meta.messenger.settings import MessengerSettings


class MessengerSimulator(DirectSimulator[MessengerSettings]):
    """One page."""

    channel = MessengerConnector
    customer = "6543210987654321"
    closed = 2018278

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "page_id": "1234567890"}

    def told_of(self, to: str, sent: str, at: int) -> None:
        """It arrives after a second."""
        what = {"delivery": {"mids": [sent], "watermark": at}}
        self.post(enveloped(self.dialect, told(self.dialect, to, at, **what)), 1.0)
