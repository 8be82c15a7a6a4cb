"""Visitors' sockets on the whole service, spoken to as the widget does."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from router.app import drain
from tests.servers.inside import TARO, Inside, inside, line_account, table, until

SITE = table("accounts.site", {"connector": "webchat", "token_key": "k" * 32, "origins": ["*"]})
LIMITS = {"sessions_per_visitor": 3, "connects_per_minute": 4}


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(
        tmp_path, store_url, line_account(basic_id="@shop"), SITE, limits=LIMITS,
        http={"trusted_proxies": ["127.0.0.0/8"]},
    ) as found:  # fmt: skip
        yield found


class Visitor:
    """A browser: keeps its nonce, its token and what it was shown."""

    def __init__(self, service: Inside) -> None:
        self.service = service
        self.nonce = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        self.token = ""
        self.address = ""
        self.position: str | None = None
        self.shown: list[dict[str, Any]] = []
        self.socket: aiohttp.ClientWebSocketResponse

    async def arrive(self) -> None:
        """Gets a token."""
        async with self.service.http.post(f"{self.service.url}/in/site/token", json={"nonce": self.nonce}) as answer:
            assert answer.status == 200, await answer.text()
            given = await answer.json()
        self.token, self.address = given["token"], given["visitor"]

    @asynccontextmanager
    async def chatting(self, **hello: Any) -> AsyncIterator[Visitor]:
        """An open socket, past ``ready``."""
        if not self.token:
            await self.arrive()
        async with self.service.http.ws_connect(f"{self.service.url}/chat/site", autoclose=False) as self.socket:
            await self.send("hello", token=self.token, v=1, after=self.position, **hello)
            await self.frame("ready")
            yield self

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **{k: v for k, v in fields.items() if v is not None}})

    async def frame(self, *kinds: str, patience: float = 5.0) -> dict[str, Any]:
        """The next frame of one of these kinds; messages on the way are taken note of."""
        async with asyncio.timeout(patience):
            while True:
                message = await self.socket.receive()
                assert message.type is WSMsgType.TEXT, (message, self.socket.close_code, kinds)
                frame: dict[str, Any] = message.json()
                if frame["type"] == "message":
                    self.position = frame["position"]
                    self.shown.append(frame)
                if frame["type"] in kinds:
                    return frame

    async def say(self, text: str, id: str | None = None, **more: Any) -> dict[str, Any]:
        """Says something and waits until it is accepted."""
        await self.send("say", id=id or secrets.token_hex(8), text=text, **more)
        return await self.frame("accepted")

    async def closed(self, patience: float = 5.0) -> int | None:
        """The code that the socket is closed with."""
        async with asyncio.timeout(patience):
            while (await self.socket.receive()).type not in (
                WSMsgType.CLOSE,
                WSMsgType.CLOSED,
                WSMsgType.CLOSING,
                WSMsgType.ERROR,
            ):
                pass
        return self.socket.close_code

    def texts(self) -> list[str]:
        """What stands in the window."""
        return [part["text"] for frame in self.shown for part in frame["parts"] if part["kind"] == "text"]


async def test_what_is_said_is_accepted_and_answered(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        accepted = await visitor.say("こんにちは")
        (message,) = await service.received(1)
        assert (message.id, message.address) == (accepted["message"], visitor.address)
        await visitor.say("again", id="same-client-id")
        await visitor.say("again", id="same-client-id")
        assert len(await service.received(2)) == 2
        answer = await service.answers(message.conversation, "いらっしゃいませ")
        while "いらっしゃいませ" not in visitor.texts():
            await visitor.frame("message")
        assert [frame["id"] for frame in visitor.shown].count(answer) == 1
        await service.message(answer, "sent")


async def test_marks_move_the_state_forward(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        await visitor.say("こんにちは")
        (message,) = await service.received(1)
        answer = await service.answers(message.conversation, "はい")
        while "はい" not in visitor.texts():
            await visitor.frame("message")
        await visitor.send("seen", message=answer)
        await service.message(answer, "delivered")
        await visitor.send("read", upto="2100-01-01T00:00:00Z")
        await service.message(answer, "read")
        await visitor.send("seen", message=answer)
        while (await visitor.frame("state"))["state"] != "read":
            pass


async def test_nothing_is_lost_or_shown_twice_over_reconnects(service: Inside) -> None:
    visitor = Visitor(service)
    async with visitor.chatting():
        await visitor.say("0")
    (first,) = await service.received(1)
    expected = ["0"]
    for number in range(1, 7):
        answer = await service.answers(first.conversation, f"while away {number}")
        await service.message(answer, "sent")
        async with visitor.chatting():
            await visitor.say(f"back {number}")
            late = await service.answers(first.conversation, f"late {number}")
            if number % 2:
                await service.message(late, "sent")  # gone without having read it
        expected += [f"while away {number}", f"back {number}", f"late {number}"]
    async with visitor.chatting():
        while set(expected) - set(visitor.texts()):
            await visitor.frame("message")
    seen = {frame["id"]: frame for frame in visitor.shown}
    in_order = sorted(seen.values(), key=lambda frame: tuple(map(int, frame["position"].split("."))))
    assert [frame["parts"][0]["text"] for frame in in_order] == expected
    fresh = Visitor(service)
    fresh.nonce = visitor.nonce
    async with fresh.chatting():
        assert fresh.texts() == expected


# -- what is too much -----------------------------------------------------------------------------------------------


async def test_floods_and_frames_that_are_too_large_close_the_socket(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        for _ in range(300):
            await visitor.send("ping")
        assert await visitor.closed() == 4429
    async with Visitor(service).chatting() as visitor:
        await visitor.socket.send_str('{"type":"say","id":"12345678","text":"' + "x" * 70_000 + '"}')
        assert await visitor.closed() == 1009
    async with Visitor(service).chatting() as visitor:
        for _ in range(3):
            await visitor.socket.send_bytes(b"\x00")
        assert await visitor.closed() == 4400
    async with Visitor(service).chatting() as visitor:
        assert (await visitor.say("the others go on"))["type"] == "accepted"


async def test_a_visitor_has_so_many_sockets_and_an_address_opens_so_many(service: Inside) -> None:
    visitor = Visitor(service)
    async with (
        visitor.chatting(), visitor.chatting(), visitor.chatting(),
        service.http.ws_connect(f"{service.url}/chat/site") as fourth,
    ):  # fmt: skip
        await fourth.send_json({"type": "hello", "v": 1, "token": visitor.token})
        while (await fourth.receive()).type is WSMsgType.TEXT:
            pass
        assert fourth.close_code == 1013
    async with visitor.chatting():
        pass
    public = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1, 8.8.8.8, 127.0.0.2"}
    opened = [await open_and_close(service, public) for _ in range(6)]
    assert opened == [101] * 4 + [429] * 2
    assert await open_and_close(service, {"X-Forwarded-For": "8.8.8.8, 8.8.4.4"}) == 101
    assert await open_and_close(service, {"X-Forwarded-For": "what, ever"}) == 101


async def open_and_close(service: Inside, headers: dict[str, str]) -> int:
    try:
        async with service.http.ws_connect(f"{service.url}/chat/site", headers=headers):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def test_a_client_that_does_not_read_is_let_go(service: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.edge.sockets._SEND_S", 0.3)
    visitor = Visitor(service)
    await visitor.arrive()
    async with visitor.chatting():
        await visitor.say("こんにちは")
    (message,) = await service.received(1)
    raw = await aiohttp.ClientSession().__aenter__()
    chats = service.parts.chats
    assert chats is not None
    try:
        socket = await raw.ws_connect(f"{service.url}/chat/site")
        await socket.send_json({"type": "hello", "v": 1, "token": visitor.token})
        await until(lambda: watching(service), "the socket watched")
        assert socket._conn is not None and socket._conn.transport is not None
        socket._conn.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(150):  # more than the kernel keeps for us
            await service.answers(message.conversation, f"{number:60000}")
        await until(lambda: nobody(service), "the socket given up", 15)
        assert not chats.watching
    finally:
        await raw.close()
    async with visitor.chatting():
        await visitor.say("still there")


async def watching(service: Inside) -> bool:
    assert service.parts.chats is not None
    return bool(service.parts.chats.watching)


async def nobody(service: Inside) -> bool:
    assert service.parts.chats is not None and service.parts.server is not None
    assert service.parts.server._web_server is not None
    upgraded = [each for each in service.parts.server._web_server.connections if each._upgraded]
    return not service.parts.chats.open and not upgraded


async def test_a_drain_says_that_we_come_back(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        await visitor.say("こんにちは")
        draining = asyncio.create_task(drain(service.parts))
        assert await visitor.closed() == 1012
        await draining
        with pytest.raises((aiohttp.WSServerHandshakeError, aiohttp.ClientConnectorError)):
            await service.http.ws_connect(f"{service.url}/chat/site")


# -- to another channel and back ------------------------------------------------------------------------------------


async def test_a_code_takes_the_conversation_to_line(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        await visitor.say("チャットから")
        (chat,) = await service.received(1)
        await visitor.send("invite")
        invited = await visitor.frame("invited")
        assert invited["code"] in invited["links"]["line"]
        code = invited["code"].replace("-", "").lower()
        await service.says(f"つづき　{code}", TARO)
        line = (await service.received(2))[-1]
        assert (line.conversation, line.contact) == (chat.conversation, chat.contact)
        contact = await service.contact(chat.contact)
        assert {identity.channel for identity in contact.identities} == {"webchat", "line"}
        await service.says(code, "U" + "f" * 32)  # good once
        stranger = (await service.received(3))[-1]
        assert stranger.contact != chat.contact and stranger.conversation != chat.conversation
        await visitor.say("チャットでも")
        assert (await service.received(4))[-1].conversation == chat.conversation
        while len(visitor.shown) < 2:
            await visitor.frame("message")
        assert visitor.texts() == ["チャットから", "チャットでも"]  # never what was said elsewhere


async def test_a_code_takes_the_conversation_from_line_to_the_chat(service: Inside) -> None:
    await service.says("LINE から", TARO)
    (line,) = await service.received(1)
    invitation = await service.parts.inviter.invite(line.contact, line.conversation)
    async with Visitor(service).chatting(handover=invitation.code) as visitor:
        await visitor.say("つづきはチャットで")
        chat = (await service.received(2))[-1]
        assert (chat.conversation, chat.contact) == (line.conversation, line.contact)
        answer = await service.answers(line.conversation, "承知しました")
        assert (await service.message(answer)).address == visitor.address
        while "承知しました" not in visitor.texts():
            await visitor.frame("message")


async def test_typing_is_seen_on_both_sides(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        await visitor.say("こんにちは")
        key = f"webchat:site:{visitor.address}"
        signals = service.parts.signals
        heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        with signals.listen(key, lambda kind, data: heard.put_nowait((kind, data))):
            await visitor.send("typing", on=True)
            async with asyncio.timeout(5):
                assert await heard.get() == ("customer_typing", {"on": True})
        await signals.publish("agent_typing", key, {"on": True})
        assert (await visitor.frame("typing"))["on"] is True


async def test_a_file_is_uploaded_and_said(service: Inside) -> None:
    async with Visitor(service).chatting() as visitor:
        data = b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(200_000)
        headers = {"Authorization": f"Bearer {visitor.token}", "Content-Type": "image/png", "X-File-Name": "a.png"}
        async with service.http.post(f"{service.url}/in/site/upload", data=data, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            uploaded = await answer.json()
        await visitor.say("写真です", attachments=[uploaded])
        (message,) = await service.received(1)
        assert [type(part).__name__ for part in message.parts] == ["Text", "Image"]
        assert await service.parts.media.get(uploaded["sha256"]) == data
        while not visitor.shown:
            await visitor.frame("message")
        url = visitor.shown[0]["parts"][1]["attachment"]["url"]
        async with service.http.get(url) as answer:
            assert answer.status == 200 and await answer.read() == data
        async with service.http.get(url.replace("expires=", "expires=9")) as answer:
            assert answer.status in (401, 403, 404, 410)
        forged = {**uploaded, "sha256": "0" * 64}
        await visitor.send("say", id="forged-upload", attachments=[forged])
        assert (await visitor.frame("refused"))["reason"] == "attachment_unknown"
