"""Hand-off, take-over, advice, call back and wrap-up, over REST and the agents' WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contracts.commands import PublishPolicy
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule, Sla
from contracts.streams import DISPATCH
from tests.router.api.desk import Desk
from tests.router.api.test_agent_socket import Client, signed_in, texts

POLICY = Policy(
    queues=(Queue("default", auto_accept=True), Queue("people", auto_accept=True), Queue("bots", auto_accept=True)),
    classes={"chat": ChannelClass(wrap_up_s=600)},
)


@asynccontextmanager
async def at_work(service: Desk, agent: str = "hanako", **how: Any) -> AsyncIterator[Client]:
    """Hired, signed in, and able to take what comes."""
    token = await service.hire(agent, **how)
    async with signed_in(service, token) as client:
        for _ in range(100):
            if (await service.get("/v1/agents/me", token))["presence"].get("connected"):
                break
            await asyncio.sleep(0.02)
        yield client


async def begun(service: Desk, client: Client, text: str = "こんにちは") -> str:
    """A customer writes, and the agent has it; the conversation's id."""
    id = await service.conversation(text)
    await client.event("conversation.assigned", conversation=id)
    return id


async def has(service: Desk, id: str, **wanted: Any) -> dict[str, Any]:
    """The conversation, once it is so."""
    token = await service.token("read")
    found: dict[str, Any] = {}
    for _ in range(200):
        found = await service.get(f"/v1/conversations/{id}", token)
        if all(found.get(name) == value for name, value in wanted.items()):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {wanted}: {found}")


async def refused(service: Desk, path: str, token: str, body: Any) -> tuple[int, str]:
    """Status and place, or sentence, of a problem."""
    status, problem, _ = await service.call("POST", path, token, json=body)
    return status, problem.get("where") or problem["detail"]


async def test_a_supervisor_takes_over_and_both_are_told(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    async with at_work(service) as hanako:
        id = await begun(service, hanako)
        async with at_work(service, "boss", queues=(), capacity=0) as boss:
            assert (await boss.ask("take_over", conversation=id, why="苦情のため"))["ok"]
            given = await boss.event("conversation.assigned", conversation=id)
            assert [m["parts"][0]["text"] for m in given["context"]["messages"]] == ["こんにちは", "苦情のため"]
            assert given["decision"]["reason"] == "taken_over"
            lost = await hanako.event("conversation.unassigned", conversation=id)
            assert (lost["agent"], lost["reason"]) == ("hanako", "taken_over")
            assert (await hanako.ask("reply", conversation=id, text="まだいます"))["problem"]["status"] == 409
            path, admin = f"/v1/conversations/{id}/take-over", await service.token("assign")
            assert await refused(service, path, admin, {}) == (422, "$.agent")
            assert (await refused(service, path, admin, {"agent": "nobody"}))[0] == 404
            await service.post(path, admin, {"agent": "hanako"})
            await has(service, id, agent="hanako")
            await hanako.ask("status", conversation=id, status="resolved")
            await hanako.event("wrap_up.started", conversation=id)
            assert (await refused(service, path, admin, {"agent": "boss"})) == (409, "The conversation is over.")


async def test_an_agent_without_the_scope_takes_nothing_over(service: Desk) -> None:
    await service.hire("jiro")
    async with signed_in(service, await service.token("read", "reply", agent="jiro")) as jiro:
        answer = await jiro.ask("take_over", conversation="cv_00_x")
        assert (answer["ok"], answer["problem"]["status"]) == (False, 403)


async def test_who_is_asked_for_advice_sees_it_notes_and_does_not_answer(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    async with at_work(service) as hanako, at_work(service, "jiro", queues=()) as jiro:
        id = await begun(service, hanako, "保証はありますか")
        assert (await hanako.ask("consult", conversation=id, agent="nobody"))["problem"]["status"] == 404
        assert (await hanako.ask("consult", conversation=id, agent="jiro", note="分かりますか"))["ok"]
        asked = await jiro.event("conversation.consulted", conversation=id)
        assert (asked["consultant"], asked["agent"], asked["note"]) == ("jiro", "hanako", "分かりますか")
        shown = await jiro.until(lambda frame: frame["type"] == "conversation")
        assert shown["context"]["messages"][0]["parts"][0]["text"] == "保証はありますか"
        await service.says("急いでいます")
        await jiro.event("message.received", conversation=id)
        assert (await jiro.ask("note", conversation=id, text="2年です"))["ok"]
        assert (await jiro.ask("reply", conversation=id, text="2年です"))["problem"]["status"] == 409
        async with signed_in(service, await service.token("read", "reply", agent="jiro")) as again:
            assert [f["conversation"]["id"] for f in again.told if f["type"] == "conversation"] == [id]
        await service.post(f"/v1/conversations/{id}/consult/end", await service.token("reply", agent="jiro"), {})
        assert (await hanako.event("conversation.consulted", ended=True))["consultant"] == "jiro"
        await jiro.event("conversation.consulted", ended=True)
        await service.says("もう一つ")
        await hanako.until(lambda frame: texts(hanako, id)[-1:] == ["もう一つ"])
        await jiro.ask("presence", declared="busy")
        assert "もう一つ" not in texts(jiro, id)


async def test_advice_over_rest(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    await service.hire("jiro", queues=())
    async with at_work(service) as hanako:
        id = await begun(service, hanako)
        path, other = f"/v1/conversations/{id}/consult", await service.token("reply", agent="jiro")
        assert (await refused(service, path, other, {"agent": "jiro"}))[0] == 409
        token = await service.token("reply")
        await service.post(path, token, {"agent": "jiro", "note": "見てください"})
        assert (await has(service, id))["consulted"] == ["jiro"]
        assert (await refused(service, path, token, {"agent": "hanako"}))[0] == 422
        assert await refused(service, f"{path}/end", token, {}) == (422, "$.agent")
        await service.post(f"{path}/end", token, {"agent": "jiro"})
        assert "consulted" not in await has(service, id)


async def test_a_hand_off_with_its_summary_and_one_holder(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    bots = {"queues": ("bots",), "kind": "bot", "skills": {}}
    async with at_work(service, "faq", **bots), at_work(service, queues=("people",), skills={"refund": 2}) as hanako:
        id = await service.conversation("返金してください")
        faq = await service.token("read", "reply", agent="faq")
        path = f"/v1/conversations/{id}"
        await service.post(f"{path}/take-over", await service.token("assign"), {"agent": "faq"})
        floor = (await has(service, id, agent="faq"))["floor"]
        await service.post(f"{path}/messages", faq, {"text": "ご注文番号は？", "floor": floor})
        body = {"queue": "people", "summary": "返金の依頼", "skills": [{"skill": "refund", "level": 2}]}
        assert (await refused(service, f"{path}/handoff", faq, {**body, "floor": floor - 1}))[0] == 409
        assert (await refused(service, f"{path}/handoff", faq, {"summary": "x"})) == (422, "$")
        bad = {"queue": "people", "skills": [{"skill": "refund", "level": 9}]}
        assert await refused(service, f"{path}/handoff", faq, bad) == (422, "$.skills")
        assert (await refused(service, f"{path}/handoff", faq, {**body, "force": True}))[0] == 403
        other = await service.token("reply", agent="hanako")
        assert (await refused(service, f"{path}/handoff", other, body))[0] == 409
        keyed = {"headers": {"Idempotency-Key": "once"}}
        first = await service.post(f"{path}/handoff", faq, body, **keyed)
        given = await hanako.event("conversation.assigned", conversation=id)
        assert given["context"]["summary"] == "返金の依頼" and given["floor"] > floor
        assert given["decision"]["skills"] == [{"skill": "refund", "level": 2}]
        assert await service.post(f"{path}/handoff", faq, body, **keyed) == first
        for late in ({"text": "調べました", "floor": floor}, {"text": "調べました"}):
            status, problem, _ = await service.call("POST", f"{path}/messages", faq, json=late)
            assert (status, problem["kind"]) == (409, "conflict")
        assert "first_response_at" not in await has(service, id)
        assert (await hanako.ask("reply", conversation=id, text="承ります", floor=floor))["ok"] is False
        assert (await hanako.ask("reply", conversation=id, text="承ります", floor=given["floor"]))["ok"]
        assert (await has(service, id))["first_response_at"]


async def test_of_an_answer_and_a_hand_off_in_one_moment_the_later_is_refused(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    async with at_work(service, "faq", kind="bot") as faq:
        outcomes = set()
        for number in range(6):
            id = await service.conversation("もしもし", f"customer{number}")
            await faq.event("conversation.assigned", conversation=id)
            frames = {"reply": {"text": "答えです"}, "handoff": {"queue": "people", "summary": "代わります"}}
            order = list(frames) if number % 2 == 0 else list(reversed(frames))
            asked = {type: await faq.say(type, conversation=id, **frames[type]) for type in order}
            answer, handed = [await faq.result(asked[type]) for type in frames]
            assert handed["ok"]
            outcomes.add(answer["ok"])
            said = await service.get(f"/v1/conversations/{id}/messages", await service.token())
            assert sum(m["direction"] == "outbound" for m in said["items"]) == answer["ok"]
            assert (await faq.ask("reply", conversation=id, text="遅れました"))["problem"]["status"] == 409
        assert outcomes == {True, False}


async def test_a_bot_does_not_help_itself_from_peoples_lines(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    async with at_work(service, "faq", kind="bot", queues=("bots",)) as faq:
        id = await service.conversation()
        answer = await faq.ask("claim", conversation=id)
        assert (answer["ok"], answer["problem"]["status"]) == (False, 409)
        assert answer["problem"]["detail"] == "A bot takes work of its own queues only."


async def test_a_call_back_is_asked_for(service: Desk) -> None:
    token, id = await service.token("reply"), await service.conversation()
    path = f"/v1/conversations/{id}/callback"
    assert await refused(service, path, token, {"at": "2031-01-01T09:00:00"}) == (422, "$.at")
    assert await refused(service, path, token, {"address": " "}) == (422, "$.address")
    await service.post(path, token, {"at": "2031-01-01T09:00:00+09:00", "address": "+819012345678"})
    found = await has(service, id, status="snoozed", diverted="callback")
    assert found["callback_at"] == "2031-01-01T00:00:00.000Z" and found["tags"] == ["callback"]
    assert found["attributes"] == {"callback_address": "+819012345678"}


async def test_units_are_held_for_wrapping_up_until_it_is_finished(service: Desk) -> None:
    await service.command(DISPATCH, PublishPolicy(policy=POLICY))
    async with at_work(service) as hanako:
        token = await service.token("read", "reply", agent="hanako")
        for finish in ("socket", "rest"):
            id = await begun(service, hanako)
            await hanako.ask("status", conversation=id, status="resolved")
            until = (await hanako.event("wrap_up.started", conversation=id))["until"]
            async with signed_in(service, token) as again:
                (shown,) = [frame for frame in again.told if frame["type"] == "conversation"]
                assert (shown["conversation"]["id"], shown["wrap_up_until"]) == (id, until)
            assert (await service.get("/v1/agents/me", token))["used"] == 20
            if finish == "socket":
                assert (await hanako.ask("finish_wrap_up", conversation=id))["ok"]
            else:
                await service.post(f"/v1/conversations/{id}/wrap-up/finish", token, {})
            await hanako.event("wrap_up.ended", conversation=id)
            assert (await service.get("/v1/agents/me", token)).get("used", 0) == 0
            hanako.told.clear()


async def test_agents_are_declared_with_all_there_is_to_say(service: Desk) -> None:
    admin = await service.token("admin")
    said: dict[str, Any] = {
        "name": "FAQ", "kind": "bot", "queues": ["bots"], "teams": ["web"], "shift": "days", "skills": {"ja": 5},
        "languages": ["ja"], "limits": {"chat": 9}, "voice": "+81312345678",
    }  # fmt: skip
    await service.post("/v1/agents/faq", admin, said, method="PUT")
    found = (await service.get("/v1/agents/faq", admin))["agent"]
    assert {name: found[name] for name in said} == said and found["capacity"] == 100_000
    await service.post("/v1/agents/hanako", admin, {"name": "花子"}, method="PUT")
    assert (await service.get("/v1/agents/hanako", admin))["agent"].get("capacity", 100) == 100
    status, problem, _ = await service.call("PUT", "/v1/agents/faq", admin, json={**said, "kind": "robot"})
    assert (status, problem["where"]) == (422, "$.kind")


async def test_silent_conversations_are_still_their_agents(service: Desk) -> None:
    queue = Queue("default", auto_accept=True, idle_after_s=1)
    await service.command(DISPATCH, PublishPolicy(policy=Policy(queues=(queue,))))
    async with at_work(service) as hanako:
        id = await begun(service, hanako)
        await hanako.ask("reply", conversation=id, text="いかがですか")
        await hanako.event("conversation.idled", conversation=id)
        token = await service.token("read", agent="hanako")
        for _ in range(100):
            if (await service.get("/v1/agents/me", token)).get("idle"):
                break
            await asyncio.sleep(0.02)
        async with signed_in(service, token) as again:
            assert [f["conversation"]["idle"] for f in again.told if f["type"] == "conversation"] == [True]
        mine = await service.get("/v1/conversations", token, params={"agent": "me"})
        assert [one["id"] for one in mine["items"]] == [id]


async def test_a_line_is_shown_with_places_and_what_was_promised(service: Desk) -> None:
    rules = (Rule("calls", Match(words=("至急",)), queue="default", priority=9),)
    slas = {"quick": Sla(first_response_s=600)}
    policy = Policy(rules=rules, slas=slas, queues=(Queue("default", sla="quick"),))
    await service.command(DISPATCH, PublishPolicy(policy=policy))
    token = await service.token()
    plain = await service.conversation("いつでも", "taro")
    urgent = await service.conversation("至急です", "jiro")
    await service.post(f"/v1/conversations/{plain}/callback", token, {})
    for id in (plain, urgent):
        for _ in range(100):
            if (await service.get(f"/v1/conversations/{id}", token)).get("sla"):
                break
            await asyncio.sleep(0.02)
    line = (await service.get("/v1/queues/default/waiting", token))["items"]
    assert [(one["position"], one["conversation"]) for one in line] == [(1, urgent), (2, plain)]
    assert [one.get("priority", 0) for one in line] == [9, 0]
    assert [one.get("diverted") for one in line] == [None, "callback"]
    assert all(one["sla"]["clocks"][0]["due_at"] > one["waiting_since"] for one in line)
