"""The API on the real rules, engine and a real Valkey, over real HTTP: what the tests of this folder talk to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from contracts import ids
from contracts.agent import Agent
from contracts.commands import Command, DeclarePresence, PublishPolicy, PutAgent, Receive
from contracts.content import Part, Text
from contracts.identity import Claims, Profile
from contracts.inbound import InboundMessage, Sender
from contracts.policy import Policy, Queue
from contracts.streams import DISPATCH, conversation_shard
from router.api import AccountHealth, ApiServices, Invitation, Limits, TokenStore, make_api
from router.api.agent.socket import SOCKETS, Sockets
from router.api.subscriptions.send import Sender as HookSender
from router.api.subscriptions.service import SubscriptionService
from router.api.subscriptions.store import SubscriptionStore
from router.api.tokens import Scope
from router.domain.conversation.handler import ConversationHandler
from router.domain.conversation.rules import ConversationRules
from router.domain.dispatch.handler import DispatchHandler
from router.domain.turn import Handler
from router.media.links import Links
from router.media.store import DirectoryMedia
from router.net.guard import session
from router.shards.append import Appender
from router.shards.layout import check_layout
from router.shards.leases import Leases
from router.shards.signals import Signals
from router.shards.state import StateReader
from router.shards.submit import Submitter
from router.shards.tail import Tail
from router.shards.worker import Worker, WorkerSettings, running
from router.store.settings import Durability, StoreSettings
from router.store.store import Store

SHARDS = 4
POLICY = Policy(queues=(Queue("default", offer_timeout_s=600), Queue("fast", auto_accept=True)))
EVERYTHING: tuple[Scope, ...] = ("read", "reply", "assign", "admin")


class Desk:
    """A running service with one agent, ``hanako``, and tokens for whoever is needed."""

    def __init__(self, store: Store, directory: Path, limits: Limits) -> None:
        self.store = store
        self.appender, self.state, self.tail = Appender(store), StateReader(store, SHARDS), Tail(store, SHARDS)
        self.signals = Signals(store)
        self.tokens = TokenStore(store.lane("tokens", durable=True))
        self.subscriptions = SubscriptionStore(store.lane("subscriptions", durable=True))
        self.media = DirectoryMedia(directory / "media")
        self.services = ApiServices(
            appender=self.appender, submitter=Submitter(self.appender, self.tail, self.state), state=self.state,
            tail=self.tail, signals=self.signals, tokens=self.tokens, subscriptions=self.subscriptions,
            lane=store.lane("api", durable=True), links=Links(b"k" * 32, ""), invite=self._invite,
            accounts=self._accounts, media=self.media, limits=limits, allow_private=True,
        )  # fmt: skip
        self.url = ""
        self.http: aiohttp.ClientSession
        self.sockets: Sockets
        self._numbers = itertools.count(1)

    async def _invite(self, contact: str, conversation: str | None) -> Invitation:
        return Invitation("MG-TEST-CODE", datetime(2030, 1, 1, tzinfo=UTC), {"line": f"https://line.me/x?{contact}"})

    async def _accounts(self) -> Sequence[AccountHealth]:
        return (AccountHealth("web", "webchat", "webchat", "Web chat", "ok"),)

    # -- people -----------------------------------------------------------------------------------------------------

    async def token(self, *scopes: Scope, agent: str | None = None) -> str:
        """The text of a new token."""
        return (await self.tokens.create("test", scopes or EVERYTHING, agent=agent))[1]

    async def hire(self, agent: str = "hanako", declared: Any = "online", **how: Any) -> str:
        """Declares an agent, who declares presence; the text of a token of theirs."""
        await self.command(DISPATCH, PutAgent(agent=Agent(agent, agent.title(), **how)))
        await self.command(DISPATCH, DeclarePresence(agent=agent, declared=declared))
        return await self.token("read", "reply", "assign", agent=agent)

    async def command(self, shard: str, command: Command) -> dict[str, str]:
        """Carries out a command; what came of it."""
        done = await self.services.submitter.submit(shard, with_id(command, f"cm_test{next(self._numbers)}"))
        assert done is not None and done.problem is None, done
        return done.result

    async def says(
        self, text: str, address: str = "taro", channel: str = "webchat", parts: tuple[Part, ...] = (), **sender: Any
    ) -> None:
        """A customer writes."""
        claims = Claims(**sender.pop("claims", {}))
        who = Sender(address, verified=True, claims=claims, profile=Profile(name=sender.pop("name", "太郎")))
        event = InboundMessage(f"p{next(self._numbers)}", who, parts or (Text(text),), **sender)
        key = ids.identity_key(channel, "web", address)
        shard = conversation_shard(ids.shard_for(key, SHARDS))
        await self.appender.append(
            shard, Receive(channel=channel, account="web", channel_class="chat", event=event), b'{"raw":"payload"}'
        )

    async def conversation(self, text: str = "こんにちは", address: str = "taro", **how: Any) -> str:
        """A customer writes; the id of the conversation it is in."""
        await self.says(text, address, **how)
        channel = how.get("channel", "webchat")
        query = {"channel": channel, "account": "web", "address": address}
        token = await self.token("read")
        for _ in range(200):
            found = (await self.get("/v1/contacts", token, params=query))["items"]
            if found and found[0].get("conversations"):
                return str(found[0]["conversations"][-1]["id"])
            await asyncio.sleep(0.02)
        raise TimeoutError("the message did not become a conversation")

    # -- HTTP -------------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, token: str | None, **how: Any) -> tuple[int, Any, Any]:
        """Status, body (JSON where it is), headers."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **how.pop("headers", {})}
        async with self.http.request(method, self.url + path, headers=headers, **how) as answer:
            text = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, (await answer.json(content_type=None) if is_json and text else text), answer.headers

    async def get(self, path: str, token: str, **how: Any) -> Any:
        """The body of a 200."""
        status, body, _ = await self.call("GET", path, token, **how)
        assert status == 200, body
        return body

    async def post(self, path: str, token: str, body: Any, status: int = 200, method: str = "POST", **how: Any) -> Any:
        """The body of a write."""
        found, answer, _ = await self.call(method, path, token, json=body, **how)
        assert found == status, answer
        return answer


def with_id(command: Command, id: str) -> Any:
    """The command with an id."""
    return type(command)(**{**{name: getattr(command, name) for name in command.__struct_fields__}, "id": id})


def handler(shard: str) -> Handler:
    return DispatchHandler() if shard == DISPATCH else ConversationHandler(ConversationRules(handover_key=b"h" * 32))


@asynccontextmanager
async def desk(url: str, directory: Path, limits: Limits | None = None, *, hooks: bool = False) -> AsyncIterator[Desk]:
    """A service at work within the block."""
    async with AsyncExitStack() as stack:
        store = await Store.open(StoreSettings(url=url, durability=Durability.MEMORY))
        stack.push_async_callback(store.close)
        await check_layout(store, SHARDS)
        found = Desk(store, directory, limits or Limits())
        _background(stack, found.tail.run, found.signals.run)
        settings = WorkerSettings(id="w", shards=SHARDS, beat_ms=100, look_ms=20)
        await stack.enter_async_context(running(Worker(store, settings, handler, lambda *_: None)))
        await found.services.submitter.listen()
        if hooks:
            await _start_hooks(stack, found)
        await _start_http(stack, found)
        await found.command(DISPATCH, PublishPolicy(policy=POLICY))
        yield found


def _background(stack: AsyncExitStack, *works: Any) -> None:
    for work in works:
        task = asyncio.create_task(work())
        stack.push_async_callback(partial(asyncio.wait, (task,)))
        stack.callback(task.cancel)


async def _start_hooks(stack: AsyncExitStack, found: Desk) -> None:
    calls = session(allow_private=True)
    stack.push_async_callback(calls.close)
    sender = HookSender(calls, allow_private=True)
    leases = Leases(found.store, "test")
    _background(stack, SubscriptionService(found.subscriptions, found.tail, leases, sender, look_s=0.05).run)


async def _start_http(stack: AsyncExitStack, found: Desk) -> None:
    root = web.Application()
    api = make_api(found.services)
    found.sockets = api[SOCKETS]
    root.add_subapp("/v1", api)
    runner = web.AppRunner(root, access_log=None, shutdown_timeout=2, auto_decompress=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    found.http = await stack.enter_async_context(aiohttp.ClientSession())
