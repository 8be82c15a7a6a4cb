"""From a bot in the web chat to the right person by LINE: every step is explained, and what was promised is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.counter import Agent, Counter, counter, eventually

pytestmark = pytest.mark.store

LINE = "U" + "b" * 32
USER = {"sub": "9", "name": "花子"}
PEOPLE = """
[[agents]]
id = "faq"
name = "FAQ"
kind = "bot"
queues = ["bot"]
capacity = 100000
[[agents]]
id = "aoi"
name = "葵"
queues = ["day", "night"]
[[agents]]
id = "ren"
name = "蓮"
queues = ["night"]
skills = { refund = 3 }
[policy]
default_queue = "bot"
presence_grace_s = 1
[[policy.queues]]
name = "bot"
auto_accept = true
sla = "quick"
[[policy.queues]]
name = "day"
hours = "never"
sla = "quick"
[[policy.queues.overflow]]
when = "closed"
do = "queue"
queue = "night"
[[policy.queues]]
name = "night"
sla = "quick"
offer_timeout_s = {offer_s}
[[policy.queues.overflow]]
when = "unstaffed"
do = "callback"
[policy.calendars.never]
week = {}
[policy.slas.quick]
first_response_s = 300
"""


async def test_a_bot_hands_over_out_of_hours_and_who_has_the_skill_calls_back_in_time(tmp_path: Path) -> None:
    async with counter(tmp_path, people=PEOPLE) as here:
        async with here.agent("faq") as faq:
            conversation = await answered_by_the_bot(here, faq)
            await goes_on_by_line(here, faq, conversation)
            handed = {"queue": "day", "summary": "返金のご依頼です", "skills": [{"skill": "refund", "level": 2}]}
            assert (await faq.ask("handoff", conversation=conversation, **handed))["ok"]
            await eventually(lambda: said(here, "折り返し"))
            late = await faq.ask("reply", conversation=conversation, text="返金の手順は")
            assert (late["ok"], late["problem"]["status"]) == (False, 409)
        await here.write(LINE, "折り返し")
        await eventually(lambda: tagged(here, conversation))
        async with here.agent("aoi") as aoi, here.agent("ren") as ren:
            offer = await ren.event("conversation.offered", conversation=conversation)
            assert offer["context"]["summary"] == "返金のご依頼です" and offer["context"]["tags"] == ["callback"]
            channels = {one["channel"] for one in offer["context"]["contact"]["identities"]}
            assert channels == {"webchat", "line"}
            assert (await ren.ask("accept", conversation=conversation))["ok"]
            floor = (await ren.event("conversation.assigned"))["floor"]
            assert (await ren.ask("reply", conversation=conversation, text="承りました", floor=floor))["ok"]
            await eventually(lambda: said(here, "承りました"))
            await ren.event("sla.met", target="first_response")
            assert not [frame for frame in aoi.told if "offered" in str(frame.get("event", {}).get("type"))]
        await everything_is_explained(here, conversation)


async def answered_by_the_bot(here: Counter, faq: Agent) -> str:
    await here.chat("返金してほしいのですが", **USER)
    assigned = await faq.event("conversation.assigned")
    assert assigned["queue"] == "bot"
    conversation: str = assigned["conversation"]
    answer = await faq.ask("reply", conversation=conversation, text="ご注文番号は？", floor=assigned["floor"])
    assert answer["ok"]
    await faq.event("sla.paused", target="first_response")  # a program's answer does not keep a person's promise
    return conversation


async def goes_on_by_line(here: Counter, faq: Agent, conversation: str) -> None:
    status, invitation = await here.do(conversation, "handover")
    assert status == 200
    await here.write(LINE, invitation["code"])
    await faq.event("identity.linked")
    await here.write(LINE, "担当者と話したいです")
    heard = await faq.until(lambda frame: "担当者と話したい" in str(frame.get("event")))
    assert heard["event"]["conversation"] == conversation


async def said(here: Counter, text: str) -> bool:
    return any(text in one for one in here.line.texts(LINE))


async def everything_is_explained(here: Counter, conversation: str) -> None:
    found: dict[str, Any] = await here.get(f"/v1/conversations/{conversation}/why?language=ja")
    assert (found["queue"], found["agent"]) == ("night", "ren")
    steps = [(step["decision"]["trigger"], step["sentence"], " ".join(step["details"])) for step in found["steps"]]
    told = [
        ("work_arrived", "faqさんに割り当てました", "担当可能"),
        ("transferred", "キューが営業時間外", "キュー「night」へ移しました"),
        ("overflow", "担当できる人がいない", "折り返しのご連絡をご案内しました"),
        ("agent_available", "renさんに打診しました", "求めるもの: refund（レベル2以上）"),
    ]
    for (trigger, sentence, details), (wanted, in_sentence, in_details) in zip(steps, told, strict=True):
        assert trigger == wanted and in_sentence in sentence and in_details in details
    assert found["promises"] == ["約束「quick」: 最初の返答は守られました。"]


async def tagged(here: Counter, conversation: str) -> bool:
    return "callback" in (await here.get(f"/v1/conversations/{conversation}")).get("tags", ())
