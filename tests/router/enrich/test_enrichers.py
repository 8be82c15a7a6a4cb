"""Enrichers in the running service: beside routing, late or never, and what they find counts for what still waits."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from contracts import ids
from contracts.commands import SetStatus
from contracts.streams import conversation_shard
from router.enrich import registry
from router.enrich.api import Found
from router.enrich.registry import EnricherError
from tests.servers.inside import Inside, inside, line_account, table, until

POLICY = """
[[policy.queues]]
name = "default"
[[policy.queues]]
name = "vip"
[[policy.queues]]
name = "japan"
[[policy.queues]]
name = "angry"
[[policy.rules]]
name = "gold"
queue = "vip"
when = { attributes = { tier = ["gold"] } }
[[policy.rules]]
name = "angry"
queue = "angry"
when = { attributes = { sentiment = ["negative"] } }
[[policy.rules]]
name = "japanese"
queue = "japan"
when = { languages = ["ja"] }
"""
MODULE = "tests.router.enrich.makes"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' enricher is installed beside the built-in ones."""
    points = [
        *registry.entry_points(group=registry.GROUP),
        EntryPoint("scripted", f"{MODULE}:Scripted", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)


@asynccontextmanager
async def service(directory: Path, store_url: str, *tables: str) -> AsyncIterator[Inside]:
    async with inside(directory, store_url, line_account(), POLICY, *tables) as found:
        yield found


def enrichers_of(service: Inside) -> list[Any]:
    """The enrichers at work."""
    return [one.enricher for one in service.parts.enrichers.ones]


async def queues(service: Inside, conversation: str, count: int = 1) -> list[str]:
    """The queues it was in, when it was in so many."""

    async def enough() -> list[str] | None:
        events = await service.events("conversation.queued")
        found = [event.queue for event in events if event.conversation == conversation]
        return found if len(found) >= count else None

    return await until(enough, f"{count} queues")


@pytest.mark.store
async def test_a_late_answer_moves_what_still_waits(tmp_path: Path, store_url: str, offered: None) -> None:
    async with service(tmp_path, store_url, table("enrichers.scripted", {"budget_s": 30})) as found:
        (enricher,) = enrichers_of(found)
        enricher.may_go.clear()
        conversation = await found.opened("hello, where is my order?")
        assert await queues(found, conversation) == ["default"]
        enricher.may_go.set()
        assert await queues(found, conversation, 2) == ["default", "vip"]
        (event,) = await found.events("conversation.enriched")
        assert (event.enricher, event.attributes) == ("scripted", {"tier": "gold"})
        assert await found.dead() == []


@pytest.mark.store
async def test_what_was_found_of_a_contact_is_known_the_next_time_at_once(
    tmp_path: Path, store_url: str, offered: None
) -> None:
    async with service(tmp_path, store_url, table("enrichers.scripted", {"budget_s": 30})) as found:
        (enricher,) = enrichers_of(found)
        first = await found.opened("hello, where is my order?")
        await queues(found, first, 2)
        contact = (await found.conversation(first)).contact
        assert (await found.contact(contact)).attributes == {"tier": "gold"}
        closing = SetStatus(conversation=first, status="closed")
        await found.parts.appender.append(conversation_shard(ids.shard_of(first)), closing)
        enricher.may_go.clear()
        second = await found.opened("hello, me again")
        assert second != first
        assert await queues(found, second) == ["vip"]
        assert enricher.calls == 1
        assert len(await found.events("conversation.enriched")) == 1


@pytest.mark.store
async def test_enrichers_that_fail_cost_routing_nothing(tmp_path: Path, store_url: str, offered: None) -> None:
    bad = [
        table(f"enrichers.{name}", {"enricher": "scripted", "budget_s": 0.3}) for name in ("hangs", "breaks", "floods")
    ]
    async with service(tmp_path / "a", store_url) as found:
        plain = await _waits(found, 100)
    async with service(tmp_path / "b", store_url, *bad) as found:
        hangs, breaks, floods = enrichers_of(found)
        hangs.is_stubborn = True
        hangs.may_go.clear()
        breaks.answer = RuntimeError("taro@example.jp")
        floods.answer = Found({f"a{number}": "x" * 100_000 for number in range(50)})
        troubled = await _waits(found, 200)
        health = {one["name"]: one for one in found.parts.health.report()["enrichers"]}
        assert {health[name]["reason"] for name in ("breaks", "floods")} == {"failed", "bad_answer"}
        assert "taro" not in str(health)
        assert await found.events("conversation.enriched") == []
        hangs.may_go.set()
    assert statistics.median(troubled) < 2 * statistics.median(plain) + 20


async def _waits(service: Inside, first: int) -> list[float]:
    """Milliseconds of the stores' clock from a first message to its place in a queue, of some customers."""
    found: list[float] = []
    for number in range(first, first + 12):
        conversation = await service.opened("hello, where is my order?", address=f"U{number:032x}", number=number)
        await queues(service, conversation)
        received, queued = [
            next(event for event in await service.events(kind) if event.conversation == conversation)
            for kind in ("message.received", "conversation.queued")
        ]
        found.append((queued.at - received.at) / timedelta(milliseconds=1))
    return found


@pytest.mark.store
async def test_languages_are_heard_before_the_first_classification(tmp_path: Path, store_url: str) -> None:
    async with service(tmp_path, store_url) as found:
        japanese = await found.opened("領収書")
        assert await queues(found, japanese) == ["japan"]
        opened = (await found.events("conversation.opened"))[-1]
        assert opened.language == "ja"
        english = await found.opened("hello, where is my order?", address="U" + "b" * 32)
        assert await queues(found, english) == ["default"]
        assert (await found.conversation(english)).language == "en"


@pytest.mark.store
async def test_a_language_that_is_heard_later_counts_for_what_still_waits(tmp_path: Path, store_url: str) -> None:
    async with service(tmp_path, store_url) as found:
        conversation = await found.opened("12345")
        assert await queues(found, conversation) == ["default"]
        assert await found.opened("返金してください") == conversation
        assert await queues(found, conversation, 2) == ["default", "japan"]


@pytest.mark.store
async def test_the_built_in_sentiment(tmp_path: Path, store_url: str) -> None:
    async with service(tmp_path, store_url, table("enrichers.sentiment", {})) as found:
        conversation = await found.opened("this is terrible!")
        assert await queues(found, conversation, 2) == ["default", "angry"]
        assert found.parts.metrics.enrichments["sentiment", "found"] == 1


@pytest.mark.store
async def test_wrong_settings_keep_it_from_starting(tmp_path: Path, store_url: str) -> None:
    with pytest.raises(EnricherError, match="did you mean 'sentiment'"):
        async with service(tmp_path, store_url, table("enrichers.sentimint", {})):
            pass
    with pytest.raises(EnricherError, match=r"enrichers\.crm: url: there is no placeholder \{mail\}"):
        crm = '[enrichers.crm]\nurl = "https://crm.example/{mail}"\nattributes = { tier = "level" }\n'
        async with service(tmp_path, store_url, crm):
            pass
