"""How many commands a second one worker carries out, from stream to committed events, without HTTP."""

from __future__ import annotations

import asyncio
import time

from contracts import ids
from contracts.commands import Receive
from contracts.content import Text
from contracts.identity import Profile
from contracts.inbound import InboundMessage, Sender
from contracts.streams import DISPATCH, conversation_shard
from router.domain.conversation.handler import ConversationHandler
from router.domain.conversation.rules import ConversationRules
from router.domain.dispatch.handler import DispatchHandler
from router.domain.turn import Handler
from router.observe.metrics import Metrics
from router.shards.append import Appender
from router.shards.worker import Worker, WorkerSettings, running
from router.store.settings import Durability, StoreSettings
from router.store.store import Store

SHARDS = 16


def _handler(shard: str) -> Handler:
    return DispatchHandler() if shard == DISPATCH else ConversationHandler(ConversationRules(handover_key=b"k" * 32))


async def rate(url: str, count: int) -> float:
    """Fills the command streams first, then lets a worker loose on them."""
    store = await Store.open(StoreSettings(url=url, durability=Durability.DISK))
    try:
        await _fill(Appender(store), count)
        metrics = Metrics()
        worker = Worker(store, WorkerSettings(id="bench", shards=SHARDS), _handler, lambda *_: None, metrics)
        began = time.perf_counter()
        async with running(worker):
            while metrics.commands < count:
                await asyncio.sleep(0.01)
            return count / (time.perf_counter() - began)
    finally:
        await store.close()


async def _fill(appender: Appender, count: int) -> None:
    waiting = []
    for number in range(count):
        address = f"S{number % 2_000}"
        event = InboundMessage(
            f"{time.time_ns()}-{number}", Sender(address, profile=Profile(name="x")), (Text("the parcel " * 20),)
        )
        shard = conversation_shard(ids.shard_for(ids.identity_key("line", "bench", address), SHARDS))
        command = Receive(channel="line", account="bench", channel_class="chat", event=event, by="customer")
        waiting.append(appender.send(shard, command))
        if len(waiting) == 500:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)
