"""How far everything has been dealt with, although things finish out of order."""

from __future__ import annotations

import asyncio
from collections import deque


class Progress:
    """Events are opened in order and closed in any; the token is that of the last before which none is open."""

    def __init__(self) -> None:
        self._opened: deque[tuple[int, str]] = deque()
        self._closed: set[int] = set()
        self._next = 0
        self.token: str | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._opened)

    def open(self, token: str) -> int:
        """An event was read; its number."""
        number = self._next
        self._next += 1
        self._opened.append((number, token))
        self._idle.clear()
        return number

    def close(self, number: int) -> None:
        """It was delivered, set aside durably, or is none of ours."""
        self._closed.add(number)
        while self._opened and self._opened[0][0] in self._closed:
            first, self.token = self._opened.popleft()
            self._closed.discard(first)
        if not self._opened:
            self._idle.set()

    async def all_closed(self) -> None:
        """Returns when nothing is open."""
        await self._idle.wait()
