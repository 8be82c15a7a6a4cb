"""Keeps named tasks running: each by itself, started again after a failure, seen in health."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog

from router.observe import events
from router.observe.health import Component, Health
from router.observe.log import error_name
from router.observe.metrics import Metrics

Job = Callable[[], Awaitable[None]]

_FIRST_S: Final = 0.2
_MOST_S: Final = 30.0
_HEALTHY_S: Final = 60.0
"""A task that ran this long begins its pauses anew."""


@dataclass(slots=True)
class _Task:
    name: str
    kind: str
    job: Job
    once: bool
    health: Component
    failures: int = 0
    restarts: int = 0


class Supervisor:
    """``async with Supervisor(health, metrics) as supervisor``: at the end every task is cancelled and waited for.

    ``patience_s``: how long a cancelled task may take; after that it is told of in the log and left behind.
    """

    def __init__(
        self, health: Health, metrics: Metrics, *, patience_s: float = 10.0, chance: random.Random | None = None
    ):
        self._health = health
        self._metrics = metrics
        self._patience_s = patience_s
        self._chance = chance or random.Random()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_all()

    def start(self, name: str, job: Job, *, kind: str = "task", once: bool = False) -> None:
        """Runs ``job`` under ``name``, which must be free. ``kind`` is the metric's label: ``mailbox``, ``relay``, ...

        A job that raises, or returns though it is not ``once``, is started again after 0.2 s, then longer, up to 30.
        """
        if name in self._running:
            raise ValueError(f"a task called {name!r} runs already")
        task = _Task(name, kind, job, once, self._health.component(name, "task"))
        self._running[name] = asyncio.create_task(self._keep(task), name=name)
        self._running[name].add_done_callback(lambda done: self._gone(name, done))

    def names(self) -> list[str]:
        """The tasks that run."""
        return sorted(self._running)

    async def stop(self, name: str) -> None:
        """Cancels one task and waits for it."""
        await self._stop([name])
        self._health.forget(name, "task")

    async def stop_all(self) -> None:
        """Cancels every task, newest first, and waits for them together."""
        await self._stop(list(reversed(self._running)))

    async def _stop(self, names: list[str]) -> None:
        tasks = [task for name in names if (task := self._running.get(name))]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, stuck = await asyncio.wait(tasks, timeout=self._patience_s)
        for task in stuck:
            structlog.get_logger().error(events.TASK_STUCK, name=task.get_name(), patience_s=self._patience_s)

    def _gone(self, name: str, done: asyncio.Task[None]) -> None:
        if self._running.get(name) is done:
            del self._running[name]

    async def _keep(self, task: _Task) -> None:
        loop = asyncio.get_running_loop()
        while True:
            task.health.ok(restarts=task.restarts)
            began = loop.time()
            if await self._ran_to_its_end(task) or _told_to_stop():
                return
            if loop.time() - began > _HEALTHY_S:
                task.failures = 0
            await asyncio.sleep(self._pause(task))
            task.restarts += 1
            self._metrics.task_restarts[task.kind] += 1

    async def _ran_to_its_end(self, task: _Task) -> bool:
        log = structlog.get_logger().bind(name=task.name, restarts=task.restarts)
        try:
            await task.job()
        except asyncio.CancelledError as error:
            if _told_to_stop():
                raise
            # Something inside was cancelled, not we.
            task.health.failed(error_name(error), restarts=task.restarts)
            log.error(events.TASK_FAILED, exc_info=error)
            return False
        except Exception as error:
            task.health.failed(error_name(error), restarts=task.restarts)
            log.error(events.TASK_FAILED, exc_info=error)
            return False
        if not task.once:
            task.health.failed("returned", restarts=task.restarts)
            log.error(events.TASK_RETURNED)
        return task.once

    def _pause(self, task: _Task) -> float:
        """Between half and all of a length that doubles, so that tasks that failed together do not return together."""
        longest = min(_FIRST_S * (1 << min(task.failures, 16)), _MOST_S)
        task.failures += 1
        return longest * self._chance.uniform(0.5, 1.0)


def _told_to_stop() -> bool:
    """A job may swallow its cancellation and return; that does not make it wanted again."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0
