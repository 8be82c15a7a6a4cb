"""A proxy between us and a store that loses answers: the command arrives, its answer does not.

That is the fault that tells an honest client from a hopeful one. It also delays, holds back, and cuts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

_CHUNK: Final = 65536
_SETTLE_S: Final = 0.02


class LostReplyProxy:
    """`async with LostReplyProxy(server.url) as proxy:` then connect to `proxy.url`.

    `lose_next` and `lose_every` say which chunks that hold one of `matching` lose their answer: the chunk is forwarded,
    the server's answer swallowed, and the client's connection cut. `lost` counts them. While `muted`, answers are
    swallowed and the connection stays open. `delay` (seconds) holds back every answer.
    """

    def __init__(self, target_url: str, matching: Sequence[bytes] = (b"XADD", b"EVALSHA", b"EXEC", b"INCR")) -> None:
        self._target = urlsplit(target_url)
        self._matching = tuple(matching)
        self._server: asyncio.Server | None = None
        self._next = 0
        self._every = 0
        self._seen = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.lost = 0
        self.connections = 0
        self.muted = False
        self.delay = 0.0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        """`host:port` of the proxy."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """How a store URL names it."""
        return f"redis://{self.address}"

    def lose_next(self, count: int = 1) -> None:
        """Lose the answers to the next `count` matching chunks."""
        self._next = count

    def lose_every(self, count: int) -> None:
        """Lose the answer to every `count`-th matching chunk; 0 stops."""
        self._every = count

    def cut(self) -> None:
        """Cut every connection now."""
        for client in list(self._clients):
            client.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            self._clients.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        losing = asyncio.Event()
        back = asyncio.create_task(self._answers(server_reader, writer, losing))
        try:
            while data := await reader.read(_CHUNK):
                if self._loses(data):
                    losing.set()
                server_writer.write(data)
                await server_writer.drain()
                if losing.is_set():
                    self.lost += 1
                    await asyncio.sleep(_SETTLE_S)  # the server answers into the void
                    return
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            server_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await reader.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            if not losing.is_set() and not self.muted:
                writer.write(data)
                await writer.drain()
        writer.close()

    def _loses(self, data: bytes) -> bool:
        if not any(word in data for word in self._matching):
            return False
        self._seen += 1
        if self._next:
            self._next -= 1
            return True
        return bool(self._every) and self._seen % self._every == 0
