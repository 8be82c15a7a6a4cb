"""All enrichers of this process: asked beside routing, after the commit; what they find comes back as commands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog

from contracts import ids
from contracts.commands import Command, Enriched, UpdateContact
from contracts.streams import conversation_shard
from router.domain.conversation.tables import CONTACT
from router.domain.effects import Enrich
from router.enrich import registry
from router.enrich.api import Asked, Found
from router.enrich.cache import Cache
from router.enrich.one import Limits, One
from router.net.http import Http
from router.observe.health import Health
from router.observe.metrics import Metrics
from router.settings.sections import Enricher as EnricherSettings
from router.shards.append import Appender
from router.shards.state import StateReader
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.enrich")

MOST_WAITING: Final = 1_000
"""Conversations asked about at once; of a wave beyond that, nothing is asked."""


class Enrichers:
    """Carries out :class:`Enrich`. Best effort: what is under way in a crash is not asked again."""

    def __init__(
        self, ones: Sequence[One], https: Sequence[Http], state: StateReader, appender: Appender, metrics: Metrics
    ) -> None:
        self.ones = ones
        self._https = https
        self._state = state
        self._appender = appender
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, effect: Enrich) -> None:
        """Asks all of them; returns at once."""
        if not self.ones:
            return
        if len(self._tasks) >= MOST_WAITING:
            for one in self.ones:
                self._metrics.enrichments[one.name, "busy"] += 1
            return
        task = asyncio.create_task(self._enrich(effect), name="enrich")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits for what has begun."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Ends all of it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self.ones), return_exceptions=True)
        await asyncio.gather(*(http.close() for http in self._https), return_exceptions=True)

    async def _enrich(self, effect: Enrich) -> None:
        try:
            asked = await self._asked(effect)
            if asked is not None:
                await asyncio.gather(*(self._ask(one, asked) for one in self.ones))
        except StoreError as error:
            log.info("enrich.lost", error=type(error).__name__)
        except Exception as error:  # ours; it must not take the others along
            log.exception("enrich.failed", error=type(error).__name__)

    async def _asked(self, effect: Enrich) -> Asked | None:
        facts = effect.facts
        contact = await self._state.get(conversation_shard(ids.shard_of(facts.contact)), CONTACT, facts.contact)
        if contact is None:
            return None  # erased meanwhile
        return Asked(
            conversation=effect.conversation,
            contact=contact,
            channel=facts.channel,
            account=facts.account,
            language=facts.language,
            text=facts.text,
            attributes=dict(facts.attributes),
        )

    async def _ask(self, one: One, asked: Asked) -> None:
        found = await one.ask(asked)
        if found is None:
            return
        if one.is_about_contact and _is_new(found, asked.contact.attributes):
            attributes: dict[str, str | None] = {**found.attributes}
            await self._tell(asked.contact.id, UpdateContact(contact=asked.contact.id, attributes=attributes))
        if found.language is not None or _is_new(found, asked.attributes):
            enriched = Enriched(
                conversation=asked.conversation,
                enricher=one.name,
                attributes=found.attributes,
                language=found.language,
            )
            await self._tell(asked.conversation, enriched)

    async def _tell(self, id: str, command: Command) -> None:
        await self._appender.append(conversation_shard(ids.shard_of(id)), command)


def _is_new(found: Found, known: Mapping[str, str]) -> bool:
    return any(known.get(name) != value for name, value in found.attributes.items())


async def open_enrichers(
    settings: Mapping[str, EnricherSettings],
    state: StateReader,
    appender: Appender,
    cache: Cache,
    health: Health,
    metrics: Metrics,
) -> Enrichers:
    """Makes all that are configured and enabled.

    Raises:
        EnricherError: one is not there or its settings are wrong; the message says where.
    """
    ones: list[One] = []
    https: list[Http] = []
    found = Enrichers(ones, https, state, appender, metrics)
    try:
        for name, table in settings.items():
            if table.enabled:
                https.append(Http(allow_private=table.allow_private))
                ones.append(_open(name, table, https[-1], cache, health, metrics))
    except BaseException:
        await found.close()
        raise
    return found


def _open(name: str, table: EnricherSettings, http: Http, cache: Cache, health: Health, metrics: Metrics) -> One:
    enricher = registry.make(name, table, http)
    manifest = enricher.manifest
    limits = Limits(
        budget_s=manifest.budget_s if table.budget_s is None else table.budget_s,
        cache_s=manifest.cache_s if table.cache_s is None else table.cache_s,
        at_once=manifest.at_once if table.at_once is None else table.at_once,
    )
    digest = ids.digest(manifest.name, msgspec.json.encode(enricher.settings, order="sorted").decode())
    component = health.component(name, "enricher", enricher=manifest.name)
    return One(enricher, limits, digest, cache, component, metrics)
