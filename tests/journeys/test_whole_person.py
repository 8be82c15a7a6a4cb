"""The whole customer over all channels, and how their conversation finds an agent: the real service at work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from tests.journeys.counter import Agent, Counter, counter, eventually
from tests.servers.valkey import start_valkey

pytestmark = pytest.mark.store

MAIL = "hanako@customer.example"
LINE = "U" + "a" * 32
USER = {"sub": "7", "email": MAIL, "email_verified": True, "name": "花子"}


def texts(context: dict[str, Any]) -> list[str]:
    """What was said, by channel."""
    said = [message for message in context["messages"] if message["direction"] == "inbound"]
    return [f"{message['channel']}: {message['parts'][0]['text'].strip()}" for message in said]


# -- one person ------------------------------------------------------------------------------------------------------


async def test_mail_line_and_chat_are_one_conversation_and_its_agent_is_given_all_of_it(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        await here.mail(MAIL, "湯のみが欠けていました。")
        conversation = (await here.only(1))["id"]
        status, invitation = await here.do(conversation, "handover")
        assert status == 200
        await here.write(LINE, invitation["code"])
        await here.only(2)
        await here.write(LINE, "LINEから続けます。")
        await here.only(3)
        # Somebody new on the site, signed in, whose mail address is known: from the first word on.
        for number, words in enumerate(("サイトから失礼します。", "サイトにも書きます。"), 4):
            await here.chat(words, **USER)
            await here.only(number)
        everything = (await here.get("/v1/conversations"))["items"]
        assert [one["id"] for one in everything] == [conversation]
        async with here.agent("aoi") as aoi:
            await aoi.event("conversation.offered", conversation=conversation)
            assert (await aoi.ask("accept", conversation=conversation))["ok"]
            assigned = await aoi.event("conversation.assigned")
        said = ["email: 湯のみが欠けていました。", f"line: {invitation['code']}", "line: LINEから続けます。"]
        said += ["webchat: サイトから失礼します。", "webchat: サイトにも書きます。"]
        context = await here.get(f"/v1/conversations/{conversation}/context")
        for given in (assigned["context"], context):
            assert texts(given) == said
            assert {one["channel"] for one in given["contact"]["identities"]} == {"email", "line", "webchat"}


async def test_an_answer_goes_where_the_customer_wrote_last_and_once_for_one_key(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        await here.write(LINE, "いつ届きますか")
        path = f"/v1/conversations/{(await here.only(1))['id']}/messages"
        asked = {"json": {"text": "明日です"}, "headers": {"Idempotency-Key": "k-1"}}
        answers = await asyncio.gather(*(here.call("POST", path, **asked) for _ in range(3)))
        assert {status for status, _, _ in answers} == {200}
        assert len({body["result"]["message"] for _, body, _ in answers}) == 1
        await eventually(lambda: sent(here))
        reused = await here.call("POST", path, json={"text": "あさってです"}, headers={"Idempotency-Key": "k-1"})
        assert reused[0] == 422
        await here.call("POST", path, json={"text": "おわり"})
        await eventually(lambda: sent(here, 2))
        assert here.line.texts(LINE) == ["明日です", "おわり"]


async def sent(here: Counter, count: int = 1) -> bool:
    return len(here.line.texts(LINE)) >= count


# -- offers ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def two_agents(here: Counter) -> AsyncIterator[dict[str, Agent]]:
    async with here.agent("aoi") as aoi, here.agent("ren") as ren:
        yield {"aoi": aoi, "ren": ren}


async def state_of(here: Counter, conversation: str, **wanted: Any) -> dict[str, Any]:
    """The conversation, once it is so."""

    async def there() -> Any:
        found = await here.get(f"/v1/conversations/{conversation}")
        return found if all(found.get(name) == value for name, value in wanted.items()) else None

    found: dict[str, Any] = await eventually(there)
    return found


async def test_a_declined_offer_goes_on_and_one_that_runs_out_waits_to_be_claimed(tmp_path: Path) -> None:
    async with counter(tmp_path, offer_s=1) as here, two_agents(here) as agents:
        await here.write(LINE, "どなたか")
        conversation = (await here.only(1))["id"]
        first = await state_offered(here, conversation)
        second = {"aoi": "ren", "ren": "aoi"}[first]
        status, body = await here.do(conversation, "decline", agents[first].token, reason="会議中")
        assert status == 200, body
        await agents[second].event("conversation.offered", agent=second)
        await agents[second].event("offer.expired")
        await state_of(here, conversation, offered_to=None, agent=None)
        assert (await agents[first].ask("claim", conversation=conversation))["ok"]
        await state_of(here, conversation, agent=first)
        decisions = (await here.get(f"/v1/conversations/{conversation}/decisions"))["items"]
        triggers = [one["trigger"] for one in reversed(decisions)]
        assert triggers == ["work_arrived", "declined", "timed_out", "claimed"]
        ruled_out = {one["agent"]: one.get("ruled_out") for one in decisions[1]["considered"]}
        assert ruled_out == {"aoi": "declined", "ren": "declined"}


async def state_offered(here: Counter, conversation: str) -> str:
    async def there() -> Any:
        return (await here.get(f"/v1/conversations/{conversation}")).get("offered_to")

    found: str = await eventually(there)
    return found


async def test_of_two_who_take_it_in_one_moment_one_gets_it(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        tokens = [await here.token("aoi"), await here.token("ren")]
        await here.write(LINE, "お待ちしています")
        conversation = (await here.only(1))["id"]
        async with two_agents(here):
            await state_offered(here, conversation)
            results = await asyncio.gather(*(here.do(conversation, "accept", token) for token in tokens))
        assert sorted(status for status, _ in results) == [200, 409]
        (problem,) = [body for status, body in results if status == 409]
        assert problem["status"] == 409 and problem["title"]


async def test_of_two_who_claim_it_in_one_moment_one_gets_it(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        await here.write(LINE, "お待ちしています")
        conversation = (await here.only(1))["id"]
        async with two_agents(here) as agents:
            name = await state_offered(here, conversation)
            await here.do(conversation, "decline", agents[name].token)
            name = {"aoi": "ren", "ren": "aoi"}[name]
            await state_of(here, conversation, offered_to=name)
            await here.do(conversation, "decline", agents[name].token)
            await state_of(here, conversation, offered_to=None)
            results = await asyncio.gather(*(here.do(conversation, "claim", one.token) for one in agents.values()))
        assert sorted(status for status, _ in results) == [200, 409]


async def test_who_had_the_customer_before_is_asked_first(tmp_path: Path) -> None:
    async with counter(tmp_path) as here, here.agent("aoi") as aoi:
        await here.write(LINE, "一度目")
        conversation = (await aoi.event("conversation.offered"))["conversation"]
        await aoi.ask("accept", conversation=conversation)
        assert (await aoi.ask("status", conversation=conversation, status="resolved"))["ok"]
        async with here.agent("ren"):
            await here.write(LINE, "二度目")
            again = await aoi.event("conversation.offered")
        assert (again["conversation"], again["decision"]["reason"]) == (conversation, "previous_agent")
        assert texts(again["context"]) == ["line: 一度目", "line: 二度目"]


async def test_work_of_an_agent_who_goes_away_comes_back_and_finds_another(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        async with here.agent("aoi") as aoi:
            await here.write(LINE, "助けてください")
            conversation = (await aoi.event("conversation.offered"))["conversation"]
            await aoi.ask("accept", conversation=conversation)
            await state_of(here, conversation, agent="aoi")
        async with here.agent("ren") as ren:
            offer = await ren.event("conversation.offered")
            assert (offer["conversation"], offer["decision"]["trigger"]) == (conversation, "agent_left")
            assert (await ren.ask("accept", conversation=conversation))["ok"]
            assigned = await ren.event("conversation.assigned")
            assert assigned["context"]["agents"] == ["aoi"]


# -- late, and elsewhere -----------------------------------------------------------------------------------------------


async def test_a_write_while_no_worker_is_there_is_done_when_one_is_back(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as store:
        async with counter(tmp_path, store_url=store.url) as here:
            await here.write(LINE, "もしもし")
            conversation = (await here.only(1))["id"]
        async with counter(tmp_path, store_url=store.url, roles=frozenset({"edge", "api"})) as front:
            status, late, headers = await front.call(
                "POST", f"/v1/conversations/{conversation}/messages", json={"text": "はい"}
            )
            assert (status, headers["Location"]) == (202, late["location"])
            place = f"/v1/commands/{late['shard']}/{late['command']}"
            assert headers["Location"].endswith(place)
            assert (await front.call("GET", place))[0] == 404
            async with counter(tmp_path, store_url=store.url, roles=frozenset({"worker"})):

                async def done() -> Any:
                    status, body, _ = await front.call("GET", place)
                    return body if status == 200 else None

                outcome = await eventually(done)
            assert outcome["command"] == late["command"] and outcome["result"]["message"].startswith("ms_")


@asynccontextmanager
async def endpoint() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=500 if len(got) == 2 else 200)

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", got
    finally:
        await runner.cleanup()


async def streamed(here: Counter, events: list[dict[str, Any]]) -> None:
    """Keeps what comes by server-sent events."""
    headers = {"Authorization": f"Bearer {here.admin}"}
    async with here.http.get(f"{here.url}/v1/events", headers=headers, timeout=None) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                events.append(json.loads(line[6:]))
            elif line.startswith(b"retry"):
                events.append({"type": "open"})


def by_conversation(events: list[dict[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        if event.get("seq") is not None:
            found.setdefault(event["conversation"], []).append((event["seq"], event["id"]))
    return found


async def test_server_sent_events_and_webhooks_tell_the_same_in_the_same_order(tmp_path: Path) -> None:
    async with counter(tmp_path) as here, endpoint() as (url, got):
        status, made, _ = await here.call("POST", "/v1/subscriptions", json={"url": url})
        assert status == 201, made
        events: list[dict[str, Any]] = []
        reader = asyncio.create_task(streamed(here, events))
        try:
            await eventually(lambda: opened(events))
            users = ["U" + letter * 32 for letter in "abc"]
            for number in range(4):
                await asyncio.gather(*(here.write(user, str(number)) for user in users))

            async def whole() -> bool:
                delivered = [event["data"] for event in bodies(made["secret"], got)]
                wanted = by_conversation(events)
                counts = [sum(event["type"] == "message.received" for event in told) for told in (events, delivered)]
                return counts == [12, 12] and by_conversation(delivered) == wanted

            await eventually(whole, 20)
        finally:
            reader.cancel()
            await asyncio.wait({reader})
        for numbered in by_conversation(events).values():
            assert [seq for seq, _ in numbered] == list(range(1, len(numbered) + 1))


async def opened(events: list[dict[str, Any]]) -> bool:
    return bool(events)


def bodies(secret: str, got: list[tuple[dict[str, str], bytes]]) -> list[dict[str, Any]]:
    """What was taken, each verified by the judge; the second call was answered 500 and comes again."""
    taken = [one for number, one in enumerate(got) if number != 1]
    return [Webhook(secret).verify(body, headers) for headers, body in taken]
