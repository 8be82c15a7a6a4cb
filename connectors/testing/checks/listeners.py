"""Listeners (long polls, mailboxes): cut off at any await they leave nothing behind, and go on without loss."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

from connectors.api import Batch, Listener, NotAccepted
from connectors.testing.subject import Subject, listens, only


class MemorySink:
    """A host that keeps everything in memory. ``refuses`` publishes are not accepted."""

    def __init__(self, account: str, refuses: int = 0) -> None:
        self.account = account
        self.refuses = refuses
        self.ids: list[str] = []
        self.kept: dict[str, bytes] = {}
        self.news = asyncio.Event()

    async def publish(self, batch: Batch, raw: bytes | None = None) -> None:
        await asyncio.sleep(0)
        if self.refuses > 0:
            self.refuses -= 1
            raise NotAccepted("not now", 0.01)
        self.ids += [str(getattr(event, "provider_id", None)) for event in batch.events]
        self.news.set()

    async def set_aside(self, reason: str, payload: bytes) -> None:
        await asyncio.sleep(0)

    async def load(self, name: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.kept.get(name)

    async def save(self, name: str, value: bytes) -> None:
        await asyncio.sleep(0)
        self.kept[name] = value

    def healthy(self) -> None:
        pass

    def troubled(self, reason: str) -> None:
        pass

    async def holds(self, wanted: set[str], patience_s: float) -> None:
        """Returns when all of them were published."""
        async with asyncio.timeout(patience_s):
            while not wanted <= set(self.ids):
                self.news.clear()
                await self.news.wait()


class ListenerChecks(Subject):
    """With ``listening()``: a provider that has messages waiting."""

    @only(listens)
    def test_listener_hears_everything_once(self) -> None:
        asyncio.run(self._hear())

    async def _hear(self) -> None:
        async with self.listening() as (settings, wanted):
            sink = MemorySink(self.account)
            await self._until(sink, settings, set(wanted))
            assert sorted(sink.ids) == sorted(wanted)

    @only(listens)
    def test_listener_goes_on_when_nothing_was_accepted(self) -> None:
        asyncio.run(self._go_on())

    async def _go_on(self) -> None:
        async with self.listening() as (settings, wanted):
            await self._until(MemorySink(self.account, refuses=1), settings, set(wanted))

    @only(listens)
    def test_cancelled_listener_leaves_nothing(self) -> None:
        asyncio.run(self._cut_everywhere())

    async def _cut_everywhere(self) -> None:
        async with self.listening() as (settings, _):
            before = asyncio.all_tasks()
            for cut in range(self.cuts):
                reached = await self._cut(MemorySink(self.account), settings, cut)
                left = asyncio.all_tasks() - before
                assert not left, f"cancelled at await {cut}, and {left.pop().get_name()} runs on"
                if not reached:
                    return

    @only(listens)
    def test_cancelled_listener_resumes_without_loss(self) -> None:
        asyncio.run(self._cut_and_resume())

    async def _cut_and_resume(self) -> None:
        for cut in range(self.cuts):
            async with self.listening() as (settings, wanted):
                sink = MemorySink(self.account)
                ended = await self._cut(sink, settings, cut)
                await self._until(sink, settings, set(wanted))
                if not ended:
                    return

    async def _until(self, sink: MemorySink, settings: dict[str, Any], wanted: set[str]) -> None:
        connector = self.made(**settings)
        tasks = [asyncio.create_task(_run(each, sink)) for each in connector.listeners()]
        try:
            await sink.holds(wanted, self.patience_s)
        except TimeoutError:
            raise AssertionError(f"never heard: {sorted(wanted - set(sink.ids))}") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connector.close()

    async def _cut(self, sink: MemorySink, settings: dict[str, Any], at: int) -> bool:
        """Runs the listener to its await number ``at`` and cancels it there; False: it does not come so far."""
        connector = self.made(**settings)
        listener = connector.listeners()[0]
        cut = _Cut(_run(listener, sink), at)
        task = asyncio.create_task(cut.run())
        await asyncio.wait({task}, timeout=0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()
        return cut.reached


class _Cut:
    """A coroutine that is cancelled at its await number ``at``."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], at: int) -> None:
        self._coroutine, self._at = coroutine, at
        self.reached = False

    async def run(self) -> None:
        await self._steps()

    @types.coroutine
    def _steps(self) -> Generator[Any, Any, None]:
        count, given, thrown = 0, None, None
        while True:
            try:
                awaited = self._coroutine.send(given) if thrown is None else self._coroutine.throw(thrown)
            except StopIteration:
                return
            if count == self._at:
                self.reached = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            count += 1
            given = thrown = None
            try:
                given = yield awaited
            except BaseException as error:
                thrown = error


async def _run(listener: Listener, sink: MemorySink) -> None:
    await listener.run(sink)
