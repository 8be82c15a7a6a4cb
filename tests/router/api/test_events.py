"""Server-sent events: filtered, resumable, and nothing lost in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.router.api.desk import Desk


class Source:
    """What an EventSource would tell."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = ""

    async def next(self) -> Any:
        fields: dict[str, str] = {}
        async with asyncio.timeout(5):
            while True:
                line = (await self._answer.content.readline()).decode().rstrip("\n")
                if line.startswith(":"):
                    continue
                if not line:
                    self.last_id = fields.get("id", self.last_id)
                    if "data" in fields:
                        return {"event": fields["event"], **json.loads(fields["data"])}
                    fields = {}
                    continue
                name, _, value = line.partition(": ")
                fields[name] = value


@asynccontextmanager
async def following(service: Desk, token: str, last_id: str | None = None, **query: str) -> AsyncIterator[Source]:
    headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last_id} if last_id else {})}
    async with service.http.get(f"{service.url}/v1/events", headers=headers, params=query) as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
        yield Source(answer)


async def test_events_come_in_order_and_go_on_after_a_break(service: Desk) -> None:
    token = await service.token("read")
    async with following(service, token, types="message.*") as source:
        id = await service.conversation("1")
        first = await source.next()
        assert (first["event"], first["type"]) == ("message.received", "message.received")
        assert first["message"]["parts"][0]["text"] == "1" and first["at"].endswith("Z")
    for text in "234":
        await service.says(text)
    await asyncio.sleep(0.2)
    async with following(service, token, source.last_id, types="message.received", conversation=id) as again:
        await service.says("5")
        assert [(await again.next())["message"]["parts"][0]["text"] for _ in range(4)] == list("2345")


async def test_filters_hold_together(service: Desk) -> None:
    token = await service.token("read")
    async with following(service, token, types="conversation.*,message.received", contact="ct_none") as none:
        async with following(service, token, types="conversation.opened") as opened:
            id = await service.conversation()
            assert (await opened.next())["conversation"] == id
        try:
            await asyncio.wait_for(none.next(), 0.3)
        except TimeoutError:
            return
        raise AssertionError("an event of another contact came through")


async def test_a_client_cut_off_before_its_first_event_has_a_place(service: Desk) -> None:
    token = await service.token("read")
    async with following(service, token, types="message.received") as source:
        await source._answer.content.readline()
        line = (await source._answer.content.readline()).decode()
        place = line.removeprefix("id: ").strip()
    await service.says("meanwhile")
    async with following(service, token, place, types="message.received") as again:
        assert (await again.next())["message"]["parts"][0]["text"] == "meanwhile"


async def test_wrong_filters_and_tokens_are_refused(service: Desk) -> None:
    token = await service.token("read")
    for query in ("types=message.recieved", "types=messag.*", "after=nonsense"):
        status, problem, _ = await service.call("GET", f"/v1/events?{query}", token)
        assert status == 400 and problem["detail"], query
