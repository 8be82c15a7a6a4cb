"""Asking a shard for something and waiting for its word."""

from __future__ import annotations

import asyncio

from contracts.commands import Command
from contracts.events import CommandDone
from router.shards.append import Appender
from router.shards.shard import DONE
from router.shards.state import StateReader
from router.shards.tail import Entry, Tail


class Submitter:
    """Submits commands that carry an id. The outcome comes over the event stream, or is looked up."""

    def __init__(self, appender: Appender, tail: Tail, state: StateReader) -> None:
        self._appender = appender
        self._state = state
        self._waiting: dict[str, list[asyncio.Future[CommandDone]]] = {}
        self._tail = tail
        self._listening = False

    async def listen(self) -> None:
        """Begins to listen for outcomes; done by the first submit at the latest."""
        if not self._listening:
            self._listening = True
            self._tail.listen("command.done", self._heard)
        await self._tail.started()

    async def submit(self, shard: str, command: Command, wait_s: float = 5.0) -> CommandDone | None:
        """The outcome, or None when it is not known in time: it is then found by :meth:`outcome`, for a day.

        The same id is carried out once; asking again gives the same outcome.

        Raises:
            StoreError: the command may not have been taken; ask again with the same id.
        """
        if command.id is None:
            raise ValueError("a submitted command needs an id")
        await self.listen()
        future: asyncio.Future[CommandDone] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(command.id, []).append(future)
        try:
            await self._appender.append(shard, command)
            return await asyncio.wait_for(future, wait_s)
        except TimeoutError:
            return await self.outcome(shard, command.id)
        finally:
            self._forget(command.id, future)

    async def outcome(self, shard: str, command_id: str) -> CommandDone | None:
        """What became of a command; None while it is not carried out, or after a day."""
        return await self._state.get(shard, DONE, command_id)

    def _forget(self, id: str, future: asyncio.Future[CommandDone]) -> None:
        futures = self._waiting[id]
        futures.remove(future)
        if not futures:
            del self._waiting[id]

    def _heard(self, entry: Entry) -> None:
        done = entry.event
        for future in self._waiting.get(done.command, ()):
            if not future.done():
                future.set_result(done)
