"""The example of a bot, as it is run: a program of its own at the agents' WebSocket, on the policy beside it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import runpy
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from contracts.streams import DISPATCH
from router.api.tokens import Scope
from router.app import Parts, running
from router.domain.dispatch.tables import AGENTS
from router.settings import read
from tests.journeys.counter import Agent, eventually
from tests.router.cli.command import madoguchi

pytestmark = pytest.mark.store

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "faq_bot"
CONFIG = """
[service]
data_dir = "{folder}"
drain_s = 0
stop_s = 2
[store]
durability = "memory"
[http]
listen = "127.0.0.1:0"
"""
SCOPES: tuple[Scope, ...] = ("read", "reply", "assign")


class Customer:
    """Somebody at the web chat."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.heard: list[dict[str, Any]] = []

    async def say(self, text: str, **fields: Any) -> None:
        await self._socket.send_json({"type": "say", "id": f"c-{next(self._numbers):08}", "text": text, **fields})

    async def hears(self, wanted: str) -> dict[str, Any]:
        """The first answer that says this."""
        async with asyncio.timeout(8):
            while True:
                frame = await self._socket.receive_json()
                self.heard.append(frame)
                if frame["type"] == "message" and frame["from"] == "agent" and wanted in str(frame):
                    return dict(frame)


class Shop:
    """The service with the example's policy."""

    def __init__(self, parts: Parts, http: aiohttp.ClientSession) -> None:
        assert parts.server is not None
        self.parts = parts
        self.http = http
        self.url = f"http://127.0.0.1:{parts.server.port}"
        self.admin = ""

    async def token(self, agent: str) -> str:
        return (await self.parts.tokens.create("test", SCOPES, agent=agent))[1]

    async def get(self, path: str) -> Any:
        async with self.http.get(self.url + path, headers={"Authorization": f"Bearer {self.admin}"}) as answer:
            assert answer.status == 200
            return await answer.json()

    async def conversation(self, **wanted: Any) -> dict[str, Any]:
        """The only conversation, once it is so."""

        async def there() -> Any:
            found = (await self.get("/v1/conversations"))["items"]
            fits = len(found) == 1 and all(found[0].get(name) == value for name, value in wanted.items())
            return found[0] if fits else None

        found: dict[str, Any] = await eventually(there)
        return found

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The bot at work, as its README starts it."""
        words = [sys.executable, str(EXAMPLE / "faq_bot.py"), str(EXAMPLE / "faq.toml")]
        env = {**os.environ, "MADOGUCHI_URL": self.url, "MADOGUCHI_TOKEN": await self.token("faq")}
        process = await asyncio.create_subprocess_exec(*words, env=env)
        try:
            await eventually(self.bot_is_there)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def bot_is_there(self) -> bool:
        presence = (await self.get("/v1/agents/faq")).get("presence", {})
        return presence.get("connected", False) and presence.get("declared") == "online"

    @asynccontextmanager
    async def customer(self) -> AsyncIterator[Customer]:
        origin = {"Origin": self.url}
        asked = {"nonce": secrets.token_urlsafe(16)}
        async with self.http.post(f"{self.url}/in/web/token", data=json.dumps(asked), headers=origin) as answer:
            token = (await answer.json())["token"]
        async with self.http.ws_connect(f"{self.url}/chat/web", headers=origin) as socket:
            await socket.send_json({"type": "hello", "token": token})
            yield Customer(socket)

    @asynccontextmanager
    async def agent(self, name: str) -> AsyncIterator[Agent]:
        token = await self.token(name)
        async with self.http.ws_connect(f"{self.url}/v1/agent") as socket:
            found = Agent(name, token, socket)
            await socket.send_json({"type": "hello", "token": token})
            await found.until(lambda frame: frame["type"] == "ready")
            assert (await found.ask("presence", declared="online"))["ok"]
            yield found


@asynccontextmanager
async def shop(folder: Path, **seconds: int) -> AsyncIterator[Shop]:
    """The service as the example configures it. ``seconds``: values that a test cannot wait for."""
    example = (EXAMPLE / "madoguchi.toml").read_text("utf-8")
    for name, value in seconds.items():
        example, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", example, flags=re.M)
        assert count == 1
    settings = read(CONFIG.replace("{folder}", str(folder)) + example, "shop.toml", {})
    async with running(settings) as parts, aiohttp.ClientSession() as http:
        found = Shop(parts, http)
        found.admin = (await parts.tokens.create("admin", ("admin",)))[1]
        await eventually(lambda: seeded(parts))
        yield found


async def seeded(parts: Parts) -> bool:
    return len(await parts.state.rows(DISPATCH, AGENTS)) == 2


async def test_the_bot_answers_offers_and_hands_over_and_people_see_all_of_it(tmp_path: Path) -> None:
    async with shop(tmp_path) as here, here.bot(), here.agent("hanako") as hanako, here.customer() as customer:
        await customer.say("送料はいくらですか?")
        await customer.hears("送料は全国500円です")
        had = await here.conversation(agent="faq")
        assert "first_response_at" not in had
        await customer.say("何時に届きますか")  # opening hours, or delivery?
        offered = await customer.hears("どちらについてのご質問でしょうか")
        assert "営業時間" in str(offered) and "お届け日" in str(offered) and "担当者と話す" in str(offered)
        picked = {"value": "faq:returns", "label": "返品・交換", "message": offered["id"]}
        await customer.say("", postback=picked)
        await customer.hears("14日以内")
        await customer.say("担当者と話したいです")
        await customer.hears("担当者におつなぎします")
        offer = await hanako.event("conversation.offered", conversation=had["id"])
        summary = offer["context"]["summary"]
        assert "FAQボットからの引き継ぎ" in summary and "送料はいくらですか" in summary and "-> お届け日" in summary
        said = [message["parts"][0].get("text") for message in offer["context"]["messages"]]
        assert said[0] == "送料はいくらですか?" and said[-1].startswith("担当者におつなぎします") and len(said) == 8
        assert (await hanako.ask("accept", conversation=had["id"]))["ok"]
        given = await hanako.event("conversation.assigned")
        late = {"text": "お調べしました", "floor": had["floor"]}
        for body in (late, {"text": "お調べしました"}):
            headers = {"Authorization": f"Bearer {await here.token('faq')}"}
            path = f"{here.url}/v1/conversations/{had['id']}/messages"
            async with here.http.post(path, json=body, headers=headers) as answer:
                assert (answer.status, (await answer.json())["kind"]) == (409, "conflict")
        await customer.say("営業時間は?")  # the bot knows, and says nothing: a person has it
        await hanako.event("message.received")
        assert (await hanako.ask("reply", conversation=had["id"], text="承ります", floor=given["floor"]))["ok"]
        await customer.hears("承ります")
        ended = await here.conversation(agent="hanako")
        assert ended["first_response_at"] and "平日は9時" not in str(customer.heard)
        assert ended["sla"]["met"] == ["first_response"]


async def test_a_skill_of_people_and_two_misses_go_to_people(tmp_path: Path) -> None:
    async with shop(tmp_path) as here, here.bot(), here.agent("hanako") as hanako:
        async with here.customer() as customer:
            await customer.say("I want my money back")
            await customer.hears("connecting you with a colleague")
            offer = await hanako.event("conversation.offered")
            assert offer["decision"]["skills"] == [{"skill": "refund"}] and offer["queue"] == "people"
        async with here.customer() as other:
            await other.say("purple monkey dishwasher")
            await other.hears("Which of these")
            await other.say("I said purple monkey dishwasher")
            await other.hears("connecting you with a colleague")
            assert (await hanako.event("conversation.offered"))["context"]["summary"].count("purple") == 2


async def test_what_a_bot_leaves_behind_goes_to_people(tmp_path: Path) -> None:
    async with shop(tmp_path, presence_grace_s=0) as here, here.agent("hanako") as hanako:
        async with here.customer() as customer, here.bot() as bot:
            await customer.say("返品したい")
            await customer.hears("14日以内")
            bot.kill()
            offer = await hanako.event("conversation.offered")
            assert offer["context"]["messages"][0]["parts"][0]["text"] == "返品したい"
            steps = (await here.get(f"/v1/conversations/{offer['conversation']}/decisions"))["items"]
            assert [step.get("overflow") for step in steps][:2] == [None, "unstaffed:queue:people"]
        async with here.customer() as late:
            await late.say("返品したい")
            assert (await hanako.event("conversation.offered"))["queue"] == "people"


async def test_a_bot_that_says_nothing_loses_the_conversation(tmp_path: Path) -> None:
    async with (
        shop(tmp_path, unanswered_s=1) as here,
        here.agent("faq") as faq,
        here.agent("hanako") as hanako,
        here.customer() as customer,
    ):
        await customer.say("返品したい")
        had = await faq.event("conversation.assigned")
        offer = await hanako.event("conversation.offered")
        assert (offer["conversation"], offer["decision"]["trigger"]) == (had["conversation"], "unanswered")
        answer = await faq.ask("reply", conversation=had["conversation"], text="はい", floor=had["floor"])
        assert (answer["ok"], answer["problem"]["status"]) == (False, 409)


def test_words_in_both_languages_find_their_answers() -> None:
    made = runpy.run_path(str(EXAMPLE / "faq_bot.py"))
    book = made["Book"](EXAMPLE / "faq.toml")
    found = {text: [one["id"] for one in book.matches(text)] for text in (
        "営業時間を教えて", "ＯＰＥＮ?", "When will it arrive", "faq:returns", "Returns", "openly", "猫"
    )}  # fmt: skip
    assert [*found.values()] == [["hours"], ["hours"], ["shipping"], ["returns"], ["returns"], [], []]
    assert [book.wants_person(text) for text in ("担当者をお願い", "An Agent!", "faq:person", "agents", "返品")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert [made["language_of"](text, "ja") for text in ("返品", "hi", "?")] == ["ja", "en", "ja"]


def test_the_examples_policy_strands_nobody() -> None:
    (words,) = re.findall(r"^madoguchi (policy check .*)$", (EXAMPLE / "README.md").read_text("utf-8"), re.M)
    done = madoguchi(*words.split(), cwd=EXAMPLE.parents[2])
    assert done.returncode == 0 and "nothing can be stranded" in done.stdout, done.stderr
