"""The agents' WebSocket: offers, work, typing; and nothing lost over a reconnect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from contracts import ids
from router.api import Limits
from tests.router.api.desk import Desk, desk


class Client:
    """An agent's client: everything it was told, and questions with their answers."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self._number = 0

    async def until(self, wanted: Callable[[dict[str, Any]], bool], patience: float = 5) -> dict[str, Any]:
        """The first frame that is wanted, among those told and those to come."""
        for frame in self.told:
            if wanted(frame):
                return frame
        async with asyncio.timeout(patience):
            while True:
                frame = await self.next()
                if wanted(frame):
                    return frame

    async def next(self) -> dict[str, Any]:
        message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, (message.type, message.data, message.extra)
        frame: dict[str, Any] = json.loads(message.data)
        self.told.append(frame)
        return frame

    async def event(self, type: str, **fields: Any) -> dict[str, Any]:
        def wanted(frame: dict[str, Any]) -> bool:
            event = frame.get("event", {})
            return event.get("type") == type and all(event.get(name) == value for name, value in fields.items())

        found: dict[str, Any] = (await self.until(wanted))["event"]
        return found

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        return await self.result(await self.say(type, **fields))

    async def say(self, type: str, **fields: Any) -> str:
        """Sends a frame; its id."""
        self._number += 1
        id = f"q{self._number}"
        await self.socket.send_json({"type": type, "id": id, **fields})
        return id

    async def result(self, id: str) -> dict[str, Any]:
        return await self.until(lambda frame: frame["type"] == "result" and frame["id"] == id)

    @property
    def token(self) -> str:
        return str([frame["token"] for frame in self.told if "token" in frame][-1])


@asynccontextmanager
async def signed_in(service: Desk, token: str, **hello: Any) -> AsyncIterator[Client]:
    async with service.http.ws_connect(f"{service.url}/v1/agent", heartbeat=None) as socket:
        await socket.send_json({"type": "hello", "token": token, **hello})
        client = Client(socket)
        await client.until(lambda frame: frame["type"] == "ready")
        yield client


def texts(client: Client, conversation: str | None = None) -> list[str]:
    """What was said, as told in events, in order."""
    messages = [frame["event"]["message"] for frame in client.told if "message" in frame.get("event", {})]
    return [one["parts"][0]["text"] for one in messages if conversation in (None, one["conversation"])]


async def test_an_offer_with_its_context_is_accepted_answered_and_resolved(service: Desk) -> None:
    token = await service.hire()
    async with signed_in(service, token) as hanako:
        id = await service.conversation("返品したいです")
        offer = await hanako.event("conversation.offered", conversation=id)
        assert offer["agent"] == "hanako" and offer["expires_at"]
        assert offer["context"]["contact"]["profile"]["name"] == "太郎"
        assert (await hanako.ask("accept", conversation=id))["ok"]
        assigned = await hanako.event("conversation.assigned", conversation=id)
        assert [m["parts"][0]["text"] for m in assigned["context"]["messages"]] == ["返品したいです"]
        replied = await hanako.ask("reply", conversation=id, text="承ります")
        assert (await hanako.event("message.queued"))["message"]["id"] == replied["result"]["message"]
        await service.says("ありがとう")
        await hanako.event("message.received", conversation=id)
        assert (await hanako.ask("note", conversation=id, text="丁寧なお客様"))["ok"]
        assert (await hanako.ask("status", conversation=id, status="resolved"))["ok"]
        await hanako.event("conversation.status_changed", status="resolved")
        seqs = [
            f["event"]["seq"]
            for f in hanako.told
            if f.get("event", {}).get("conversation") == id and f["event"].get("seq")
        ]
        assert seqs == sorted(set(seqs))


async def test_nothing_is_lost_and_nothing_comes_twice_over_a_reconnect(service: Desk) -> None:
    token = await service.hire()
    async with signed_in(service, token) as first:
        id = await service.conversation("0")
        await first.event("conversation.offered", conversation=id)
        await first.ask("accept", conversation=id)
        await first.event("conversation.assigned")
        await service.says("1")
        await first.event("message.received")
        place, known = first.token, texts(first)
    for number in range(2, 6):
        await service.says(str(number))
    other = await service.conversation("別の人", "jiro")
    async with signed_in(service, token, after=place, conversations=[id]) as second:
        assert second.told[0]["resumed"] is True
        for number in range(6, 9):
            await service.says(str(number))
        await second.until(lambda frame: texts(second, id)[-1:] == ["8"])
        assert [*known, *texts(second, id)] == [str(n) for n in range(1, 9)]
        offers = [f for f in second.told if f.get("event", {}).get("type") == "conversation.offered"]
        shown = [f for f in second.told if f["type"] == "conversation"]
        assert {*(f["event"]["conversation"] for f in offers), *(f["conversation"]["id"] for f in shown)} == {other}


async def test_what_is_said_while_on_offer_is_told_too(service: Desk) -> None:
    token = await service.hire()
    async with signed_in(service, token) as hanako:
        id = await service.conversation("もしもし")
        await hanako.event("conversation.offered", conversation=id)
        await service.says("急いでいます")
        await hanako.event("message.received", conversation=id)
        assert texts(hanako, id) == ["急いでいます"]


async def test_others_conversations_are_not_told(service: Desk) -> None:
    hanako_token, jiro_token = await service.hire("hanako"), await service.hire("jiro", "away")
    async with signed_in(service, hanako_token) as hanako, signed_in(service, jiro_token) as jiro:
        id = await service.conversation("内緒です")
        await hanako.event("conversation.offered", conversation=id)
        await hanako.ask("accept", conversation=id)
        await hanako.event("conversation.assigned")
        assert not (await jiro.ask("accept", conversation=id))["ok"]
        assert not any(id in json.dumps(frame) for frame in jiro.told if frame["type"] != "result")
        await jiro.ask("presence", declared="online")
        await hanako.ask("transfer", conversation=id, agent="jiro", note="お願い")
        await jiro.event("conversation.offered", conversation=id)
        await hanako.event("conversation.unassigned", conversation=id)
        await jiro.ask("accept", conversation=id)
        await jiro.event("conversation.assigned")
        await service.says("まだですか")
        await jiro.event("message.received")
        await hanako.ask("presence", declared="busy")
        assert "まだですか" not in texts(hanako)


async def test_typing_goes_both_ways_and_is_never_stored(service: Desk) -> None:
    token = await service.hire()
    key = ids.identity_key("webchat", "web", "taro")
    heard: list[tuple[str, dict[str, Any]]] = []
    async with signed_in(service, token) as hanako:
        id = await service.conversation()
        await hanako.event("conversation.offered")
        await hanako.ask("accept", conversation=id)
        with service.signals.listen(key, lambda kind, data: heard.append((kind, data))):
            before = await service.state.get("c:00", _any_table(), "x")
            assert (await hanako.ask("typing", conversation=id, on=True))["ok"]
            for _ in range(50):
                await service.signals.publish("customer_typing", key, {"on": True})
                if any(frame["type"] == "typing" for frame in hanako.told):
                    break
                try:
                    await asyncio.wait_for(hanako.next(), 0.1)
                except TimeoutError:
                    continue
            assert before is None
        assert ("agent_typing", {"on": True, "agent": "hanako", "conversation": id}) in heard
        assert {"type": "typing", "conversation": id, "on": True} in hanako.told


def _any_table() -> Any:
    from router.domain.conversation.tables import CONVERSATION

    return CONVERSATION


async def test_a_repeated_frame_is_one_write(service: Desk) -> None:
    token = await service.hire()
    id = await service.conversation()
    async with signed_in(service, token) as hanako:
        first = await hanako.ask("note", conversation=id, text="一度", key="k1")
    async with signed_in(service, token) as hanako:
        again = await hanako.ask("note", conversation=id, text="一度", key="k1")
    assert first["result"] == again["result"]
    page = await service.get(f"/v1/conversations/{id}/messages", token)
    assert len(page["items"]) == 2


async def test_bad_frames_are_answered_and_bad_hellos_refused(service: Desk) -> None:
    token = await service.hire()
    async with signed_in(service, token) as hanako:
        for text, status in (("{", 400), ("[]", 422), ('{"type":"x","id":"1"}', 422), ('{"type":"hello"}', 400),
                             ('{"type":"accept","id":"1"}', 422), ("[" * 50_000, 400)):  # fmt: skip
            await hanako.socket.send_str(text)
            answered = len([frame for frame in hanako.told if frame["type"] == "result"])
            while len(results := [frame for frame in hanako.told if frame["type"] == "result"]) == answered:
                await hanako.next()
            frame = results[-1]
            assert (frame["ok"], frame["problem"]["status"]) == (False, status), text[:30]
        assert (await hanako.ask("accept", conversation="cv_01_none"))["problem"]["status"] == 409
    admin = await service.token("admin")
    for hello, code in (({"type": "hello"}, 4401), ({"type": "hello", "token": "mdg_x"}, 4401),
                        ({"type": "hello", "token": admin}, 4403),
                        ({"type": "claim", "id": "1", "conversation": "c"}, 4400),
                        ({"type": "hello", "token": token, "after": "nonsense"}, 4400),
                        ({"type": "hello", "token": await service.token("read", agent="nobody")}, 4404)):  # fmt: skip
        assert await closed_with(service, hello) == code, hello
    async with service.http.ws_connect(f"{service.url}/v1/agent") as socket:
        await socket.send_str("x" * 70_000)
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data in (1009, 4400)
    status, problem, _ = await service.call("GET", "/v1/agent", None, headers={"Origin": "https://evil.example"})
    assert (status, problem["type"]) == (403, "urn:madoguchi:problem:foreign-origin")
    assert (await service.call("GET", "/v1/agent", None))[0] == 426


async def closed_with(service: Desk, hello: dict[str, Any]) -> int | None:
    async with service.http.ws_connect(f"{service.url}/v1/agent") as socket:
        await socket.send_json(hello)
        while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        return socket.close_code


async def test_presence_is_announced_and_taken_back(service: Desk) -> None:
    token = await service.hire()
    async with signed_in(service, token) as hanako:
        await hanako.event("agent.presence_changed")
        state = await service.get("/v1/agents/me", token)
        assert state["presence"]["connected"] is True
    for _ in range(100):
        state = await service.get("/v1/agents/me", token)
        if not state["presence"].get("connected"):
            break
        await asyncio.sleep(0.02)
    assert state["presence"].get("connected", False) is False


async def test_a_revoked_token_ends_the_connection(store_url: str, tmp_path: Path) -> None:
    async with desk(store_url, tmp_path, Limits(reannounce_s=0.1)) as service:
        token = await service.hire()
        async with signed_in(service, token) as hanako:
            await service.tokens.revoke(token.split("_")[1])
            while (await hanako.socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert hanako.socket.close_code == 4401


async def test_a_reader_that_does_not_read_is_let_go_and_the_others_go_on(store_url: str, tmp_path: Path) -> None:
    async with desk(store_url, tmp_path, Limits(queue=20, send_timeout_s=0.5)) as service:
        token = await service.hire()
        id = await service.conversation()
        patience = aiohttp.ClientWSTimeout(ws_close=0.1)
        async with service.http.ws_connect(f"{service.url}/v1/agent", timeout=patience) as deaf:
            await deaf.send_json({"type": "hello", "token": token})
            await deaf.send_json({"type": "watch", "id": "w", "conversation": id})
            await asyncio.sleep(0.3)
            deaf._response.connection.transport.pause_reading()  # type: ignore[union-attr]
            path, admin = f"/v1/conversations/{id}/notes", await service.token()
            await asyncio.gather(*(service.post(path, admin, {"text": "長い" * 20_000}) for _ in range(60)))
            async with signed_in(service, token):
                for _ in range(100):
                    if _open(service) == 1:
                        break
                    await asyncio.sleep(0.05)
                assert _open(service) == 1


def _open(service: Desk) -> int:
    return len(service.sockets.open)


async def test_what_becomes_known_of_the_customer_is_told(service: Desk) -> None:
    token = await service.hire()
    id = await service.conversation()
    async with signed_in(service, token) as client:
        await client.ask("watch", conversation=id)
        contact = (await service.get(f"/v1/conversations/{id}", token))["contact"]
        await service.post(f"/v1/contacts/{contact}", token, {"name": "山田"}, method="PATCH")
        told = await client.event("contact.updated", contact=contact)
        assert told["person"]["name"] == "山田"
