"""Conversations over REST, on the real rules."""

from __future__ import annotations

import asyncio

from tests.router.api.desk import Desk


async def test_a_message_in_is_read_answered_and_resolved(service: Desk) -> None:
    token = await service.token()
    id = await service.conversation("注文の件です")
    found = await service.get(f"/v1/conversations/{id}", token)
    assert (found["status"], found["messages"]) == ("open", 1)

    done = await service.post(f"/v1/conversations/{id}/messages", token, {"text": "承知しました"})
    page = await service.get(f"/v1/conversations/{id}/messages", token)
    assert [(m["direction"], m["parts"][0]["text"]) for m in page["items"]] == [
        ("outbound", "承知しました"),
        ("inbound", "注文の件です"),
    ]
    assert page["items"][0]["id"] == done["result"]["message"]

    await service.post(f"/v1/conversations/{id}/status", token, {"status": "resolved"})
    assert (await service.get(f"/v1/conversations/{id}", token))["status"] == "resolved"
    listed = await service.get("/v1/conversations", token, params={"status": "resolved"})
    assert [one["id"] for one in listed["items"]] == [id]
    assert (await service.get("/v1/conversations", token, params={"status": "open"}))["items"] == []


async def test_everything_else_that_can_be_done_to_one(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    path = f"/v1/conversations/{id}"
    await service.post(f"{path}/notes", token, {"text": "常連のお客様"})
    await service.post(f"{path}/tags", token, {"add": ["vip", "返品"]})
    await service.post(f"{path}/tags", token, {"remove": ["返品"]})
    await service.post(f"{path}/attributes", token, {"attributes": {"order": "A-1", "x": "y"}})
    await service.post(f"{path}/attributes", token, {"attributes": {"x": None}})
    await service.post(f"{path}/priority", token, {"priority": 7})
    await service.post(f"{path}/snooze", token, {"until": "2031-01-01T09:00:00+09:00"})
    found = await service.get(path, token)
    assert (found["tags"], found["attributes"], found["priority"]) == (["vip"], {"order": "A-1"}, 7)
    assert (found["status"], found["snoozed_until"]) == ("snoozed", "2031-01-01T00:00:00.000Z")
    context = await service.get(f"{path}/context", token)
    assert context["contact"]["identities"][0]["address"] == "taro"
    assert [m["direction"] for m in context["messages"]] == ["inbound", "note"]
    code = await service.post(f"{path}/handover", token, {})
    assert code["code"] == "MG-TEST-CODE" and code["links"]["line"].startswith("https://line.me/")


async def test_messages_page_both_ways_without_gap_or_repeat(service: Desk) -> None:
    token, id = await service.token(), await service.conversation("0")
    for number in range(1, 8):
        await service.post(f"/v1/conversations/{id}/notes", token, {"text": str(number)})
    for order, wanted in (("oldest", "01234567"), ("newest", "76543210")):
        seen, cursor = "", None
        while True:
            params = {"order": order, "limit": "3", **({"cursor": cursor} if cursor else {})}
            page = await service.get(f"/v1/conversations/{id}/messages", token, params=params)
            seen += "".join(m["parts"][0]["text"] for m in page["items"])
            cursor = page.get("next")
            if cursor is None:
                break
        assert seen == wanted


async def test_the_list_pages_over_all_shards(service: Desk) -> None:
    token = await service.token()
    wanted = {await service.conversation("hi", f"customer{n}") for n in range(9)}
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        params = {"limit": "4", **({"cursor": cursor} if cursor else {})}
        page = await service.get("/v1/conversations", token, params=params)
        seen += [one["id"] for one in page["items"]]
        cursor = page.get("next")
        if cursor is None:
            break
    assert len(seen) == 9 and set(seen) == wanted


async def test_an_offer_is_accepted_once_and_told_why(service: Desk) -> None:
    token = await service.hire()
    other = await service.hire("jiro", declared="away")
    async with service.http.ws_connect(f"{service.url}/v1/agent") as socket:
        await socket.send_json({"type": "hello", "token": token})
        id = await service.conversation("急ぎです")
        await until_offered(service, token, id)
        status, problem, _ = await service.call("POST", f"/v1/conversations/{id}/accept", other, json={})
        assert (status, problem["kind"]) == (409, "conflict")
        await service.post(f"/v1/conversations/{id}/accept", token, {})
        mine = {}
        for _ in range(100):
            mine = await service.get("/v1/conversations", token, params={"agent": "me"})
            if mine["items"] and mine["items"][0].get("agent"):
                break
            await asyncio.sleep(0.02)
        assert [one["agent"] for one in mine["items"]] == ["hanako"]
        decisions = await service.get(f"/v1/conversations/{id}/decisions", token)
        assert decisions["items"][-1]["trigger"] == "work_arrived"
        assert {one["agent"] for one in decisions["items"][-1]["considered"]} == {"hanako", "jiro"}
        queues = await service.get("/v1/queues", token)
        assert queues["items"][0]["assigned"] == 1
        transferred = await service.post(
            f"/v1/conversations/{id}/transfer", token, {"queue": "fast", "note": "お願いします"}
        )
        assert transferred["command"].startswith("cm_")


async def until_offered(service: Desk, token: str, id: str) -> None:
    for _ in range(200):
        if id in (await service.get("/v1/agents/me", token)).get("offers", []):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("not offered")


async def test_the_raw_payload_and_a_message_are_reachable(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    message = (await service.get(f"/v1/conversations/{id}/messages", token))["items"][0]
    assert await service.get(f"/v1/conversations/{id}/messages/{message['id']}", token) == message
    status, raw, headers = await service.call("GET", f"/v1/conversations/{id}/messages/{message['id']}/raw", token)
    assert (status, raw) == (200, b'{"raw":"payload"}')
    assert headers["Content-Disposition"].startswith("attachment") and headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_not_there_is_404(service: Desk) -> None:
    token = await service.token()
    for id in ("cv_01_none", "cv_99_x", "nonsense", "ct_01_x", "cv_1x_a", "cv_" + "9" * 90):
        for path in ("", "/context", "/messages"):
            status, problem, _ = await service.call("GET", f"/v1/conversations/{id}{path}", token)
            assert (status, problem["type"]) == (404, "urn:madoguchi:problem:not-found"), (id, path)
    status, problem, _ = await service.call("POST", "/v1/conversations/cv_01_none/notes", token, json={"text": "x"})
    assert (status, problem["kind"]) == (404, "not_found")
