"""Agents are told before: over REST, over their WebSocket, and in the context; on the whole service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.api import Quota
from router.delivery.conditions import Conditions
from tests.servers.fake_line import FakeLine, fake_line
from tests.servers.inside import TARO, Inside, inside, line_account

TEMPLATES = """
[templates.shipped]
params = ["number"]
texts = { ja = "ご注文 {number} を発送しました。", en = "Order {number} has shipped." }
"""
AGENT = '[[agents]]\nid = "aoi"\nname = "葵"\n'


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with fake_line() as platform:
        yield platform


@pytest.fixture
async def service(store_url: str, tmp_path: Path, line: FakeLine) -> AsyncIterator[Inside]:
    account = line_account(**{**line.settings(), "allow_private": True})
    async with inside(tmp_path, store_url, account, TEMPLATES, AGENT) as found:
        yield found


async def asked(service: Inside, path: str, body: Any = None) -> tuple[int, Any]:
    """An answer of the API to an agent."""
    token = (await service.parts.tokens.create("test", ("read", "reply"), agent="aoi"))[1]
    headers = {"Authorization": f"Bearer {token}"}
    method = "GET" if body is None else "POST"
    async with service.http.request(method, f"{service.url}/v1{path}", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def begun(service: Inside, line: FakeLine) -> str:
    """Taro writes; the conversation."""
    assert await line.send(service.signed(), f"{service.url}/in/line") == [200]
    return (await service.received(1))[-1].conversation


async def test_a_draft_is_judged_before_it_is_sent(service: Inside, line: FakeLine) -> None:
    conversation = await begun(service, line)
    path = f"/conversations/{conversation}/reply-check"
    status, verdict = await asked(service, path, {"text": "はい"})
    assert (status, verdict["allowed"], verdict["by"], verdict["pieces"]) == (200, True, "reply_token", 1)
    assert verdict["way"]["free_until"] and verdict["way"]["title"] == "LINE"
    await service.message(await service.answers(conversation, "はい"), "sent")
    _, verdict = await asked(service, path, {"text": "🍎" * 2_501})
    assert (verdict["by"], verdict["pieces"], verdict["size"]) == ("push", 2, 5_002)
    assert {each["code"] for each in verdict["notices"]} == {"split", "billed"}
    _, context = await asked(service, f"/conversations/{conversation}/context")
    assert [(way["channel"], way["state"]) for way in context["ways"]] == [("line", "open")]


async def test_what_is_refused_in_the_check_is_refused_in_the_sending(service: Inside, line: FakeLine) -> None:
    conversation = await begun(service, line)
    body = {"parts": [{"kind": "reaction", "target": "ms_1", "emoji": "👍"}]}
    _, verdict = await asked(service, f"/conversations/{conversation}/reply-check", body)
    assert (verdict["allowed"], verdict["kind"]) == (False, "unsupported")
    status, problem = await asked(service, f"/conversations/{conversation}/messages", body)
    assert (status, problem["kind"], problem["detail"]) == (422, "unsupported", verdict["sentence"])
    _, nowhere = await asked(service, f"/conversations/{conversation}/reply-check", {"text": "x", "channel": "fax"})
    assert nowhere["kind"] == "no_way" and nowhere["alternatives"][0]["address"] == TARO
    status, _ = await asked(service, "/conversations/cv_00_nobody/reply-check", {"text": "x"})
    assert status == 404


async def test_over_the_agents_socket(service: Inside, line: FakeLine) -> None:
    conversation = await begun(service, line)
    token = (await service.parts.tokens.create("test", ("read", "reply"), agent="aoi"))[1]
    async with service.http.ws_connect(f"{service.url}/v1/agent") as socket:
        await socket.send_json({"type": "hello", "token": token})
        await socket.send_json({"type": "check", "id": "1", "key": "k", "conversation": conversation, "text": "はい"})
        while (frame := await socket.receive_json(timeout=10)).get("id") != "1":
            pass
    assert frame["ok"] and frame["result"]["allowed"] and frame["result"]["way"]["channel"] == "line"


async def test_a_template_is_said_in_the_customers_language(service: Inside, line: FakeLine) -> None:
    line.profiles[TARO] = {"userId": TARO, "displayName": "山田太郎", "language": "ja"}
    conversation = await begun(service, line)
    body = {"parts": [{"kind": "template", "name": "shipped", "language": "ja-JP", "params": {"number": "7"}}]}
    status, done = await asked(service, f"/conversations/{conversation}/messages", body)
    assert status == 200
    await service.message(done["result"]["message"], "sent")
    assert line.texts(TARO) == ["ご注文 7 を発送しました。"]


async def test_the_quota_is_asked_for_once(service: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    account = service.parts.accounts["line"]
    asked_for = 0

    async def call(request: Any, **how: Any) -> Any:
        nonlocal asked_for
        asked_for += 1
        return web.Response()

    monkeypatch.setattr(account.http, "call", call)
    monkeypatch.setattr(account.connector, "read_quota", lambda responses: Quota(9, 10))
    conditions = Conditions(service.parts.accounts)
    for _ in range(3):
        assert (await conditions.of(["line", "gone"]))["line"].quota == Quota(9, 10)
    assert asked_for == 2
    await conditions.stop()
