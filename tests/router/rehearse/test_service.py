"""A run of the real service, rehearsed with its own policy: the same work comes to the same agents."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from contracts import ids
from contracts.agent import Agent
from contracts.commands import (
    AcceptOffer,
    AgentConnection,
    DeclarePresence,
    DeclineOffer,
    PublishPolicy,
    PutAgent,
    SetStatus,
    Transfer,
)
from contracts.content import plain_text
from contracts.events import DecisionMade, OfferAccepted, OfferMade
from contracts.policy import Match, Policy, Queue, Rule
from contracts.streams import DISPATCH, conversation_shard
from router.cli.traffic import streamed
from router.rehearse.compare import changes
from router.rehearse.day import Day
from router.rehearse.engine import Rehearsal
from router.rehearse.lines import read, written
from router.rehearse.outcome import Outcome
from tests.servers.inside import SHARDS, Inside, inside, line_account, until

POLICY = Policy(
    queues=(Queue("default", offer_timeout_s=1, wrap_up_s=1), Queue("invoices", auto_accept=True)),
    rules=(Rule("invoices", Match(words=("請求",)), queue="invoices"),),
    forget_decline_s=3,
)


class Team:
    """Agents of the service, and what they do."""

    def __init__(self, service: Inside) -> None:
        self.service = service
        self.seen: set[str] = set()

    async def do(self, *commands: Any) -> None:
        for command in commands:
            await self.service.parts.appender.append(DISPATCH, command)

    async def comes(self, id: str, *queues: str, **how: Any) -> None:
        await self.do(
            PutAgent(agent=Agent(id=id, name=id, queues=queues, **how)),
            AgentConnection(agent=id, session=f"s-{id}", connected=True),
            DeclarePresence(agent=id, declared="online"),
        )

    async def heard(self, text: str, customer: int) -> str:
        """A customer writes; the id of their conversation."""
        await self.service.says(text, address=f"U{customer:032x}")

        async def received() -> str | None:
            events = await self.service.events("message.received")
            return next((str(one.conversation) for one in events if plain_text(one.message.parts) == text), None)

        return await until(received, text)

    async def offer(self, conversation: str) -> str:
        """To whom it is newly on offer."""

        async def made() -> str | None:
            for event in await self.service.events("offer.made"):
                if event.conversation == conversation and event.id not in self.seen:
                    self.seen.add(event.id)
                    return str(event.agent)
            return None

        return await until(made, f"an offer of {conversation}")

    async def accepts(self, conversation: str) -> str:
        agent = await self.offer(conversation)
        await self.do(AcceptOffer(conversation=conversation, agent=agent))
        return await self.held(conversation, agent)

    async def held(self, conversation: str, agent: str | None = None, but: str | None = None) -> str:
        """Who has it, as soon as somebody has."""

        async def has() -> str | None:
            found = (await self.service.conversation(conversation)).agent
            return found if found and found != but and agent in (None, found) else None

        return await until(has, f"{conversation} with {agent}")

    async def resolves(self, conversation: str) -> None:
        shard = conversation_shard(ids.shard_of(conversation))
        await self.service.parts.appender.append(shard, SetStatus(conversation=conversation, status="resolved"))

        async def resolved() -> bool:
            return (await self.service.conversation(conversation)).status == "resolved"

        await until(resolved, f"{conversation} resolved")


async def a_morning(service: Inside) -> None:
    """Two agents with room for one each, and a third who has invoices. What hangs on a timer comes in an order that
    does not depend on how late the timers are."""
    team = Team(service)
    await team.do(PublishPolicy(policy=POLICY))
    await team.comes("ann", "default", capacity=20)
    await team.comes("bob", "default", capacity=20)
    await team.comes("cyd", "invoices")
    first = await team.heard("はじめまして", 1)
    agent = await team.accepts(first)
    await service.answers(first, "承知しました", by=f"agent:{agent}")
    await until(lambda: service.events("message.queued"), "the answer")
    second = await team.heard("こんにちは", 2)
    await team.do(DeclineOffer(conversation=second, agent=await team.offer(second)))
    third = await team.heard("請求書の件", 3)
    await team.held(third, "cyd")
    fourth = await team.heard("まだですか", 4)
    missed = await team.offer(fourth)
    fifth = await team.heard("もしもし", 5)
    await team.resolves(fifth)  # gave up: nobody was free
    await team.resolves(first)  # after the wrap-up the other has room, and the second waits longest
    assert missed != await team.accepts(second)
    shard = conversation_shard(ids.shard_of(second))
    await service.parts.appender.append(shard, Transfer(conversation=second, queue="invoices"))
    await team.held(second, "cyd")
    assert missed != await team.accepts(fourth)
    await team.resolves(second)
    await team.heard("もう一つ", 2)  # reopened
    await team.accepts(second)
    await team.resolves(third)
    await team.resolves(fourth)


async def given(service: Inside) -> dict[str, list[tuple[str, int]]]:
    """Who got what, and when, one after the other."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for event in await service.events("decision.made", "offer.accepted"):
        at_ms = round(event.at.timestamp() * 1000)
        if isinstance(event, OfferAccepted):
            found[str(event.conversation)].append((str(event.agent), at_ms))
        elif isinstance(event, DecisionMade) and event.decision.outcome == "assigned":
            found[str(event.conversation)].append((str(event.decision.agent), at_ms))
    return dict(found)


def rehearsed(outcome: Outcome) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for life in outcome.lives:
        found[life.conversation] += life.agents
    return {conversation: agents for conversation, agents in found.items() if agents}


@pytest.mark.store
async def test_the_rehearsal_agrees_with_the_service(store_url: str, tmp_path: Path) -> None:
    async with inside(tmp_path, store_url, line_account(api_base="http://127.0.0.1:9", allow_private=True)) as service:
        await a_morning(service)
        day = await streamed(service.parts.store, SHARDS)
        real = await given(service)
        offers = [event for event in await service.events("offer.made") if isinstance(event, OfferMade)]
    outcome = Rehearsal(day, POLICY).run()
    assert day.policy == POLICY
    assert [len(case.answers) for case in day.cases].count(1) == 1
    assert 0 < (day.cases[0].answers[0] or 0) <= day.cases[0].handle_ms
    assert sum(len(agents) for agents in real.values()) >= 5
    assert rehearsed(outcome) == {conversation: [agent for agent, _ in got] for conversation, got in real.items()}
    for life in outcome.lives:
        moments = [at_ms for _, at_ms in real.get(life.conversation, []) if at_ms >= life.at_ms]
        assert life.assigned_ms is None or abs(life.assigned_ms - moments[0]) < 500
    assert sum(life.offers for life in outcome.lives) == len(offers)
    assert sorted(life.end for life in outcome.lives).count("abandoned") == 1
    through_a_file(day, outcome)


def through_a_file(day: Day, outcome: Outcome) -> None:
    """Written and read, it is the same day; under the same policy, nothing differs."""
    again = Rehearsal(read(written(day, texts=True)), POLICY).run()
    found = changes(outcome, again)
    assert (found.differing, found.waits) == (0, 0)
    wordless = Rehearsal(read(written(day, texts=False)), POLICY).run()
    assert changes(outcome, wordless).all[0].before.rule == "invoices"
