"""Instagram, imitated."""

from __future__ import annotations

from typing import Any

from connectors.meta.direct.simulator import DirectSimulator
from connectors.meta.instagram.connector import InstagramConnector
from connectors.meta.instagram.settings import InstagramSettings


class InstagramSimulator(DirectSimulator[InstagramSettings]):
    """One professional account."""

    channel = InstagramConnector
    customer = "1234567890987654"
    closed = 2534022

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "account_id": "17841400000000000"}
