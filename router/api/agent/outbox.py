"""Frames on their way to a client: a bounded queue and one writer.

A client that does not read is let go, and resumes.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web


class Full(Exception):
    """The client does not keep up."""


class Outbox:
    """``most`` frames or ``most_bytes`` may wait; each is sent within ``timeout_s``."""

    def __init__(self, socket: web.WebSocketResponse, most: int, timeout_s: float, most_bytes: int = 4_194_304) -> None:
        self._socket = socket
        self._most = most
        self._most_bytes = most_bytes
        self._timeout_s = timeout_s
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ready = asyncio.Event()
        self.full = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Queues a frame; a full queue ends the connection."""
        if len(self._waiting) >= self._most or self._size > self._most_bytes:
            self.full.set()
            raise Full
        self._waiting.append(frame)
        self._size += len(frame)
        self._ready.set()

    async def run(self) -> None:
        """Sends until cancelled. Raises TimeoutError or ConnectionError when the client does not take a frame."""
        while True:
            await self._ready.wait()
            while self._waiting:
                frame = self._waiting.popleft()
                self._size -= len(frame)
                async with asyncio.timeout(self._timeout_s):
                    await self._socket.send_frame(frame, web.WSMsgType.TEXT)
            self._ready.clear()
