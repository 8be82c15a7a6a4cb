"""The three roles in processes of their own behind the load balancer that is shipped, and a roll of them under load."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio as aioredis

from connectors.registry import settings_of
from connectors.webhook import WebhookConnector
from contracts.streams import all_shards, events
from router.api.tokens import TokenStore
from router.store.settings import Durability, StoreSettings
from router.store.store import Store
from tests.faults.ledger import Findings, Ledger, check
from tests.journeys.counter import Agent, eventually
from tests.servers.haproxy import haproxy, installed
from tests.servers.service import ServiceProcess, started
from tests.servers.valkey import start_valkey

pytestmark = [pytest.mark.store, pytest.mark.skipif(not installed(), reason="apt-get install haproxy")]

KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = f"""
[shards]
conversation = 4
lease_ms = 1000
[accounts.hook]
connector = "webhook"
secret = "{KEY}"
url = "http://127.0.0.1:9/"
allow_private = true
[accounts.web]
connector = "webchat"
token_key = "0123456789abcdef0123456789abcdef"
[[agents]]
id = "aoi"
name = "葵"
[[policy.queues]]
name = "default"
"""
SETTINGS = settings_of(WebhookConnector, {"secret": KEY, "url": "http://127.0.0.1:9/"}, "hook")
CUSTOMER = WebhookConnector("hook", SETTINGS)  # type: ignore[arg-type]


@dataclass
class Site:
    """The address in front, the copies behind it, and their store."""

    url: str
    edges: list[ServiceProcess]
    workers: list[ServiceProcess]
    store: str
    folder: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("roles")
    with ExitStack() as stack:
        store = stack.enter_context(start_valkey(folder / "store", "--appendonly", "yes"))
        edge, worker, api = ([ServiceProcess(folder, CONFIG, role, store.url) for _ in range(count)]
                             for role, count in (("edge", 2), ("worker", 2), ("api", 1)))  # fmt: skip
        stack.enter_context(started(*edge, *worker, *api))
        url = stack.enter_context(haproxy(folder, [one.port for one in edge], [one.port for one in api]))
        yield Site(url, edge, worker, store.url, folder)


@asynccontextmanager
async def tokens(site: Site) -> AsyncIterator[TokenStore]:
    store = await Store.open(StoreSettings(url=site.store, durability=Durability.MEMORY))
    try:
        yield TokenStore(store.lane("tokens", durable=True))
    finally:
        await store.close()


numbers = itertools.count()


async def post(http: aiohttp.ClientSession, site: Site, customer: str, text: str) -> tuple[str, int]:
    """One signed message through the front; its id and the status."""
    request = CUSTOMER.simulate(customer, text, next(numbers), int(time.time() * 1000))
    assert request is not None
    return request.headers["webhook-id"], await again(http, site, request)


async def again(http: aiohttp.ClientSession, site: Site, request: Any) -> int:
    try:
        async with http.post(f"{site.url}/in/hook", data=request.body, headers=dict(request.headers)) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def test_a_conversation_through_the_front_door(site: Site) -> None:
    async with tokens(site) as store, aiohttp.ClientSession() as http:
        _, token = await store.create("journey", ("read", "reply", "assign"), agent="aoi")
        assert (await post(http, site, "taro", "こんにちは"))[1] in (200, 202, 204)
        async with http.get(f"{site.url}/in/web/widget.js") as answer:
            assert answer.status == 200
        async with http.ws_connect(f"{site.url}/v1/agent") as socket:
            aoi = Agent("aoi", token, socket)
            await socket.send_json({"type": "hello", "token": token})
            await aoi.until(lambda frame: frame["type"] == "ready")
            assert (await aoi.ask("presence", declared="online"))["ok"]
            conversation = (await aoi.event("conversation.offered"))["conversation"]
            assert (await aoi.ask("accept", conversation=conversation))["ok"]
            assigned = await aoi.event("conversation.assigned")
            assert [one["parts"][0]["text"] for one in assigned["context"]["messages"]] == ["こんにちは"]
            assert (await post(http, site, "taro", "もう一つ"))[1] in (200, 202, 204)
            await aoi.event("message.received", conversation=conversation)
            assert (await aoi.ask("status", conversation=conversation, status="resolved"))["ok"]


async def test_a_worker_and_an_edge_leave_in_order_and_nothing_is_lost(site: Site) -> None:
    ledger = Ledger(site.folder / "ledger.sqlite")
    left = asyncio.Event()
    refused: list[int] = []

    async def customer(name: str) -> None:
        while not left.is_set():
            request = CUSTOMER.simulate(name, "hello", next(numbers), int(time.time() * 1000))
            assert request is not None
            id = request.headers["webhook-id"]
            ledger.offer(id, name)
            while not 200 <= (status := await again(http, site, request)) < 300:
                refused.append(status)
                await asyncio.sleep(0.05)
            ledger.accept(id, name)
            await asyncio.sleep(0.02)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        customers = [asyncio.create_task(customer(f"customer-{number}")) for number in range(8)]
        await eventually(lambda: count(ledger, 100))
        codes = await asyncio.gather(*(asyncio.to_thread(one.stop) for one in (site.workers[0], site.edges[0])))
        onward = len(ledger.accepted()) + 100
        await eventually(lambda: count(ledger, onward))
        left.set()
        await asyncio.gather(*customers)
    assert codes == [0, 0]
    assert set(refused) <= {0, 503}
    client = aioredis.Redis.from_url(site.store)
    findings = await eventually(lambda: settled(client, ledger), 30)
    ledger.close()
    await client.aclose()
    assert not (findings.lost or findings.duplicated or findings.gaps or findings.split), findings


async def count(ledger: Ledger, wanted: int) -> bool:
    return len(ledger.accepted()) >= wanted


async def settled(client: aioredis.Redis, ledger: Ledger) -> Findings | None:
    """What the checker says when nothing is under way any more."""
    findings = check(ledger, [await client.xrange(events(name)) for name in all_shards(4)])
    return None if findings.lost else findings
