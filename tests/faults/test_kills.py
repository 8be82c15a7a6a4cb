"""kill -9 of edge, worker and api copies at random moments under load, with replies of the store being lost.

Every message that was answered 2xx must be on the streams exactly once, numbers must have no gap, nobody may be given
more than they can carry. The seed is printed, and a failing one can be given again by FAULT_SEED.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import aiohttp
import msgpack
import pytest
import redis.asyncio as aioredis

from connectors.api import Request, Secret
from connectors.registry import settings_of
from connectors.webhook import WebhookConnector
from contracts.streams import all_shards, events
from router.domain.conversation.rules import ConversationRules
from router.domain.language import Detector
from router.domain.reply.facts import ReplyFacts
from router.enrich.statistics import open_guess
from router.settings.root_key import RootKey
from tests.faults.ledger import Findings, Ledger, check
from tests.faults.replay import differences
from tests.servers.proxy import LostReplyProxy
from tests.servers.service import SECRET, ServiceProcess, started
from tests.servers.valkey import start_valkey

KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AGENTS = 6
CUSTOMERS = 40
CONFIG = f"""
[shards]
conversation = 4
lease_ms = 1000
[accounts.hook]
connector = "webhook"
secret = "{KEY}"
url = "http://127.0.0.1:9/"
allow_private = true
[[policy.queues]]
name = "default"
auto_accept = true
""" + "\n".join(f'[[agents]]\nid = "a{number}"\nname = "A{number}"\ncapacity = 100' for number in range(AGENTS))


@pytest.mark.timeout(180)
async def test_nothing_is_lost_doubled_or_reordered_when_processes_are_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    with start_valkey(tmp_path / "store", "--appendonly", "yes", "--appendfsync", "always") as server:
        async with LostReplyProxy(server.url) as proxy:
            copies = [
                ServiceProcess(tmp_path, CONFIG, role, proxy.url)
                for role in ("edge", "edge", "worker", "worker", "api")
            ]
            with await asyncio.to_thread(_enter, copies):
                ledger = Ledger(tmp_path / "ledger.sqlite")
                client = aioredis.Redis.from_url(server.url)
                await _sign_in(client)
                over = asyncio.Event()
                watching = asyncio.create_task(_watch_capacity(client, over))
                proxy.lose_every(40)
                killing = asyncio.create_task(_kill(copies, chance, kills=14))
                sent = await _load(ledger, copies[:2], chance, killing)
                proxy.lose_every(0)
                assert await killing == 14
                findings = await _settled(client, ledger)
                over.set()
                highest = await watching
                differing = await differences(client, 4, rules_of(copies[0]))
                await client.aclose()
            assert sent > 200 and proxy.lost > 0
            assert findings.clean, f"seed {seed}: {findings}"
            assert not differing, f"seed {seed}: {differing}"
            assert 0 < highest <= 100, f"seed {seed}: an agent held {highest} units of 100"


def _enter(copies: list[ServiceProcess]):  # type: ignore[no-untyped-def]
    context = started(*copies)
    context.__enter__()
    return _Exit(context)


class _Exit:
    def __init__(self, context) -> None:  # type: ignore[no-untyped-def]
        self._context = context

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(None, None, None)


def rules_of(copy: ServiceProcess) -> ConversationRules:
    """The rules as the copies run them: their hand-over key comes from their root key, they know what their accounts'
    channels carry, and hear languages."""
    return ConversationRules(
        handover_key=RootKey(Secret(SECRET)).key("handover"),
        reply=ReplyFacts({"hook": WebhookConnector.manifest}),
        detect=Detector(open_guess()).detect,
    )


async def _sign_in(client: aioredis.Redis) -> None:
    for number in range(AGENTS):
        for command in (
            {"type": "declare_presence", "agent": f"a{number}", "declared": "online"},
            {"type": "agent_connection", "agent": f"a{number}", "session": f"s{number}", "connected": True},
        ):
            await client.xadd("{d:main}:commands", {"data": msgpack.packb(command)})


async def _watch_capacity(client: aioredis.Redis, over: asyncio.Event) -> int:
    """The most units any agent held in any state that could be seen. Never cancelled: redis-py may swallow that."""
    highest = 0
    while not over.is_set():
        for row in await client.hvals("{d:main}:agents"):
            highest = max(highest, msgpack.unpackb(row, timestamp=3).get("used", 0))
        await asyncio.sleep(0.01)
    return highest


async def _kill(copies: list[ServiceProcess], chance: random.Random, kills: int) -> int:
    for number in range(kills):
        await asyncio.sleep(chance.uniform(0.3, 1.2))
        victim = chance.choice(copies[number % len(copies) :] or copies)
        victim.kill()
        victim.start()
        await asyncio.to_thread(victim.wait_ready, 60)
    return kills


async def _load(ledger: Ledger, edges: list[ServiceProcess], chance: random.Random, killing: asyncio.Task[int]) -> int:
    """Customers write one message after another, each until it is accepted, as a provider would."""
    numbers = iter(range(10**9))
    sent = 0

    async def customer(name: str, session: aiohttp.ClientSession) -> None:
        nonlocal sent
        while not killing.done():
            request = CONNECTOR.simulate(name, "hello", next(numbers), int(time.time() * 1000))
            id = request.headers["webhook-id"]
            ledger.offer(id, name)
            for _ in range(100):
                if await _post(session, chance.choice(edges), request):
                    ledger.accept(id, name)
                    sent += 1
                    break
                await asyncio.sleep(chance.uniform(0.05, 0.2))
            await asyncio.sleep(chance.uniform(0.02, 0.1))

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        await asyncio.gather(*(customer(f"customer-{number}", session) for number in range(CUSTOMERS)))
    return sent


def _connector() -> WebhookConnector:
    settings = settings_of(WebhookConnector, {"secret": KEY, "url": "http://127.0.0.1:9/"}, "hook")
    return WebhookConnector("hook", settings)  # type: ignore[arg-type]


CONNECTOR = _connector()


async def _post(session: aiohttp.ClientSession, edge: ServiceProcess, request: Request) -> bool:
    try:
        async with session.post(f"{edge.address}/in/hook", data=request.body, headers=dict(request.headers)) as answer:
            assert answer.status in (200, 202, 204, 503), answer.status
            return answer.status < 300
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _settled(client: aioredis.Redis, ledger: Ledger) -> Findings:
    """What the checker says once everything accepted has had its time."""
    findings = Findings()
    for _ in range(150):
        findings = check(ledger, [await client.xrange(events(name)) for name in all_shards(4)])
        if findings.clean:
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)  # a late repeat would come now
    return check(ledger, [await client.xrange(events(name)) for name in all_shards(4)]) if findings.clean else findings
