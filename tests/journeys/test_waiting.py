"""Waiting at the real service: told where one stands, in one's own language, and sent on when the queue is shut."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.counter import Counter, counter, eventually, signed

pytestmark = pytest.mark.store

PEOPLE = """
[[agents]]
id = "aoi"
name = "葵"
queues = ["night"]
[policy]
default_queue = "counter"
[policy.calendars.never]
week = {}
[[policy.queues]]
name = "counter"
announce = { first_after_s = 1, every_s = 1 }
titles = { ja = "総合窓口" }
[[policy.queues]]
name = "shut"
hours = "never"
overflow = [{ when = "closed", do = "queue", queue = "night", text = "closed" }]
[[policy.queues]]
name = "night"
[[policy.rules]]
name = "mail"
when = { channels = ["email"] }
queue = "shut"
"""


async def heard(here: Counter, user: dict[str, Any], words: str) -> str:
    """What the web chat says to somebody who writes and waits."""
    async with here.http.post(f"{here.url}/in/web/token", data=json.dumps({"user": signed(user)})) as answer:
        token = (await answer.json())["token"]
    async with here.http.ws_connect(f"{here.url}/chat/web") as socket:
        await socket.send_json({"type": "hello", "token": token})
        await socket.send_json({"type": "say", "id": "client-0001", "text": words})
        async with asyncio.timeout(8):
            while True:
                frame = await socket.receive_json()
                if frame["type"] == "message" and words not in json.dumps(frame, ensure_ascii=False):
                    return json.dumps(frame, ensure_ascii=False)


async def test_who_waits_in_the_chat_is_told_their_position_in_japanese(tmp_path: Path) -> None:
    async with counter(tmp_path, people=PEOPLE) as here:
        await here.chat("先に来ました。よろしくお願いします。", sub="1")
        await here.only(1)
        said = await heard(here, {"sub": "2"}, "注文した湯のみがまだ届きません。")
        assert "現在の順番は2番目です。" in said and "待ち時間" not in said, "nobody knows yet how long it takes"


async def test_what_comes_to_a_closed_queue_goes_to_the_one_behind_it(tmp_path: Path) -> None:
    async with counter(tmp_path, people=PEOPLE) as here, here.agent("aoi") as aoi:
        await here.mail("hanako@customer.example", "夜分に失礼します。返品したいのですが。")
        conversation = (await here.only(1))["id"]
        offered = await aoi.event("conversation.offered", conversation=conversation)
        assert offered["queue"] == "night"
        path = f"/v1/conversations/{conversation}/decisions"
        decisions = await eventually(lambda: two(here, path))
        assert {one["trigger"]: one.get("overflow") for one in decisions} == {
            "work_arrived": "closed:queue:night",
            "overflow": None,
        }
        queues = {one["queue"]: one for one in (await here.get("/v1/queues"))["items"]}
        assert (queues["shut"]["open"], queues["night"]["open"], queues["night"]["on_shift"]) == (False, True, 1)


async def two(here: Counter, path: str) -> Any:
    found = (await here.get(path))["items"]
    return found if len(found) >= 2 else None
