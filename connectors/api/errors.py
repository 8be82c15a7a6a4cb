"""What connectors may catch."""

from __future__ import annotations


class NotAccepted(Exception):
    """The host could not make the events durable; nothing was taken, try again. ``retry_after_s`` in seconds."""

    def __init__(self, reason: str, retry_after_s: float = 5.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
