"""One enricher behind its bulkhead, circuit and budget: whatever it does, the caller has an answer or None in time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from router.enrich.answer import fault
from router.enrich.api import Asked, Enricher, Found, Trouble
from router.enrich.cache import Cache
from router.enrich.circuit import Circuit
from router.observe.health import Component
from router.observe.metrics import Metrics

log = structlog.get_logger("madoguchi.enrich")

Outcome = Literal["found", "nothing", "cached", "timeout", "failed", "bad_answer", "busy", "resting"]
NOTHING: Final = Found()


@dataclass(frozen=True, slots=True)
class Limits:
    """As the manifest says, or the operator."""

    budget_s: float
    cache_s: int
    at_once: int


class One:
    """``settings``: a hash of the enricher's settings; answers found under others are not used."""

    def __init__(
        self, enricher: Enricher[Any], limits: Limits, settings: str, cache: Cache, health: Component, metrics: Metrics
    ) -> None:
        self.enricher = enricher
        self.limits = limits
        self.circuit = Circuit()
        self._settings = settings
        self._cache = cache
        self._health = health
        self._metrics = metrics
        self._running: set[asyncio.Task[Found | Exception]] = set()
        health.ok()

    @property
    def name(self) -> str:
        return self.enricher.name

    @property
    def is_about_contact(self) -> bool:
        return self.enricher.manifest.about == "contact"

    async def ask(self, asked: Asked) -> Found | None:
        """The answer, kept or fresh; None: there is none now. Takes no longer than the budget."""
        if self.limits.cache_s <= 0:
            return await self._fresh(asked)
        subject = (asked.contact.id,) if self.is_about_contact else (asked.language or "", asked.text)
        name = self._cache.name(self.name, self._settings, *subject)
        known = await self._cache.get(name, self.limits.cache_s)
        if known is not None:
            self._count("cached")
            return known
        found = await self._fresh(asked)
        if found is not None:
            await self._cache.put(name, found, self.limits.cache_s)
        return found

    async def close(self) -> None:
        """Ends what runs. One that does not let itself be ended is left behind."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=1.0)
        try:
            async with asyncio.timeout(1.0):
                await self.enricher.close()
        except Exception as error:  # a plugin may raise anything
            log.warning("enricher.close_failed", name=self.name, error=type(error).__name__)

    async def _fresh(self, asked: Asked) -> Found | None:
        if len(self._running) >= self.limits.at_once:
            self._count("busy")
            return None
        if not self.circuit.admits(time.monotonic()):
            self._count("resting")
            return None
        began = time.monotonic()
        task = asyncio.create_task(self._guarded(asked), name=f"enrich.{self.name}")
        self._running.add(task)
        # Its place is free when it has really ended: one that will not be ended fills its own places only.
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.wait({task}, timeout=self.limits.budget_s)
        finally:
            task.cancel()
        self._metrics.enrich_seconds.observe(time.monotonic() - began)
        return self._judged(task)

    async def _guarded(self, asked: Asked) -> Found | Exception:
        try:
            return await self.enricher.enrich(asked)
        except SystemExit:
            return RuntimeError("it wanted to end the process")
        except Exception as error:
            return error

    def _judged(self, task: asyncio.Task[Found | Exception]) -> Found | None:
        if not task.done() or task.cancelled():
            self._failed("timeout")
            return None
        result: Any = task.result()
        if isinstance(result, BaseException):
            self._failed("failed", result.reason[:80] if isinstance(result, Trouble) else type(result).__name__)
            return None
        wrong = fault(result)
        if wrong is not None:
            self._failed("bad_answer", wrong)
            return None
        found: Found = result
        self.circuit.worked()
        self._health.ok(enricher=self.enricher.manifest.name, cause=None)
        self._count("nothing" if found == NOTHING else "found")
        return found

    def _failed(self, outcome: Outcome, cause: str | None = None) -> None:
        self.circuit.failed(time.monotonic())
        turn = self._health.failed if self.circuit.is_open else self._health.degraded
        turn(outcome, enricher=self.enricher.manifest.name, cause=cause)
        self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        self._metrics.enrichments[self.name, outcome] += 1
