"""The whole service in this process, with customers on three channels, and agents over REST and WebSocket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import smtplib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import aiohttp

from connectors.line import LineConnector
from connectors.registry import settings_of
from contracts.streams import DISPATCH
from router.api.tokens import Scope
from router.app import ROLES, Parts, running
from router.domain.dispatch.tables import AGENTS
from router.settings import read
from tests.servers.fake_line import FakeLine, fake_line
from tests.servers.ports import free_ports
from tests.servers.smtp import MailHost, mail_host

USER_KEY = "fedcba9876543210fedcba9876543210"
ROOT_KEY = "journeys-root-key-" * 3
CONFIG = """
[service]
data_dir = "{folder}/data"
secret = "{root}"
drain_s = 0
stop_s = 2
[http]
listen = "127.0.0.1:0"
private_webhooks = true
[store]
durability = "memory"
[accounts.line]
connector = "line"
channel_secret = "{line_secret}"
channel_access_token = "{line_token}"
api_base = "{line_url}"
data_base = "{line_url}"
allow_private = true
[accounts.web]
connector = "webchat"
token_key = "0123456789abcdef0123456789abcdef"
user_key = "{user_key}"
origins = ["*"]
[accounts.mail]
connector = "email"
address = "support@shop.example"
authserv_ids = ["mx.shop.example"]
token_key = "0123456789abcdef0123456789abcdef"
listen = "127.0.0.1:{mail_in}"
smtp_host = "127.0.0.1"
smtp_port = {mail_out}
smtp_tls = "none"
insecure = true
allow_private = true
"""
PEOPLE = """
[[agents]]
id = "aoi"
name = "葵"
[[agents]]
id = "ren"
name = "蓮"
[policy]
presence_grace_s = 1
[[policy.queues]]
name = "default"
offer_timeout_s = {offer_s}
"""
SCOPES: tuple[Scope, ...] = ("read", "reply", "assign")


class Agent:
    """An agent at their WebSocket: everything they were told, and questions with their answers."""

    def __init__(self, name: str, token: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.name = name
        self.token = token
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)

    async def until(self, wanted: Callable[[dict[str, Any]], bool], patience: float = 8) -> dict[str, Any]:
        """The first frame that is wanted, of those told and those to come."""
        async with asyncio.timeout(patience):
            for number in itertools.count():
                if number == len(self.told):
                    self.told.append(await self.socket.receive_json())
                if wanted(self.told[number]):
                    return self.told[number]
        raise AssertionError

    async def event(self, type: str, **fields: Any) -> dict[str, Any]:
        """The event with these fields; what was told before it is forgotten."""

        def wanted(frame: dict[str, Any]) -> bool:
            event = frame.get("event", {})
            return event.get("type") == type and all(event.get(name) == value for name, value in fields.items())

        found: dict[str, Any] = (frame := await self.until(wanted))["event"]
        self.told = self.told[self.told.index(frame) + 1 :]
        return found

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """What came of a frame."""
        id = f"q{next(self._numbers)}"
        await self.socket.send_json({"type": type, "id": id, **fields})
        return await self.until(lambda frame: frame["type"] == "result" and frame["id"] == id)


class Counter:
    """A running service and its surroundings."""

    def __init__(self, parts: Parts, line: FakeLine, post: MailHost, http: aiohttp.ClientSession, mail_in: int) -> None:
        assert parts.server is not None
        self.parts = parts
        self.line = line
        self.post_office = post
        self.http = http
        self.url = f"http://127.0.0.1:{parts.server.port}"
        self.admin = ""
        self._mail_in = mail_in
        self._numbers = itertools.count(1)

    # -- customers ---------------------------------------------------------------------------------------------------

    async def mail(self, sender: str, text: str) -> None:
        """A mail whose sender our own mail server has verified."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, "support@shop.example", "ご相談"
        mail["Message-ID"] = make_msgid(domain="customer.example")
        mail["Authentication-Results"] = f"mx.shop.example; dmarc=pass header.from={sender.partition('@')[2]}"
        mail.set_content(text)
        await asyncio.to_thread(self._deliver, mail)

    def _deliver(self, mail: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self._mail_in, timeout=10) as server:
            server.send_message(mail)

    async def write(self, user: str, text: str) -> None:
        """By LINE, as the platform signs it."""
        request = line_connector(self.line).simulate(user, text, next(self._numbers), int(time.time() * 1000))
        assert request is not None
        assert await self.line.send(request, f"{self.url}/in/line") == [200]

    async def chat(self, text: str, **user: Any) -> None:
        """In the web chat, as a user whom the shop's backend has signed for."""
        body = {"user": signed(user)}
        async with self.http.post(f"{self.url}/in/web/token", data=json.dumps(body)) as answer:
            token = (await answer.json())["token"]
        async with self.http.ws_connect(f"{self.url}/chat/web") as socket:
            await socket.send_json({"type": "hello", "token": token})
            await socket.send_json({"type": "say", "id": f"client-{next(self._numbers):04}", "text": text})
            async with asyncio.timeout(5):
                while (await socket.receive_json())["type"] != "accepted":
                    pass

    # -- agents ------------------------------------------------------------------------------------------------------

    async def token(self, agent: str) -> str:
        return (await self.parts.tokens.create("journey", SCOPES, agent=agent))[1]

    @asynccontextmanager
    async def agent(self, name: str) -> AsyncIterator[Agent]:
        """Signed in and online within the block."""
        token = await self.token(name)
        async with self.http.ws_connect(f"{self.url}/v1/agent") as socket:
            found = Agent(name, token, socket)
            await socket.send_json({"type": "hello", "token": token})
            await found.until(lambda frame: frame["type"] == "ready")
            assert (await found.ask("presence", declared="online"))["ok"]
            yield found

    # -- the API -----------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, token: str | None = None, **how: Any) -> tuple[int, Any, Any]:
        """Status, body, headers."""
        headers = {"Authorization": f"Bearer {token or self.admin}", **how.pop("headers", {})}
        async with self.http.request(method, self.url + path, headers=headers, **how) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def get(self, path: str) -> Any:
        """The body of a 200."""
        status, body, _ = await self.call("GET", path)
        assert status == 200, body
        return body

    async def do(self, conversation: str, what: str, token: str | None = None, **body: Any) -> tuple[int, Any]:
        """Status and body of something done to a conversation."""
        status, answer, _ = await self.call("POST", f"/v1/conversations/{conversation}/{what}", token, json=body)
        return status, answer

    async def conversations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/v1/conversations"))["items"]
        return found

    async def only(self, count: int) -> dict[str, Any]:
        """The one conversation there is, once it has so many messages."""

        async def there() -> Any:
            found = await self.conversations()
            return found[0] if len(found) == 1 and found[0]["messages"] >= count else None

        found: dict[str, Any] = await eventually(there)
        return found


def line_connector(line: FakeLine) -> LineConnector:
    options = {name: value for name, value in line.settings().items() if name != "connector"}
    return LineConnector("line", settings_of(LineConnector, options, "line"))  # type: ignore[arg-type]


def signed(user: dict[str, Any]) -> str:
    """A JWT of the shop's backend for the web chat."""

    def piece(value: Any) -> str:
        return (
            base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
            .rstrip(b"=")
            .decode()
        )

    said = f"{piece({'alg': 'HS256', 'typ': 'JWT'})}.{piece({'aud': 'web', 'exp': int(time.time()) + 200, **user})}"
    return f"{said}.{piece(hmac.digest(USER_KEY.encode(), said.encode(), hashlib.sha256))}"


async def eventually(ask: Callable[[], Any], patience: float = 10) -> Any:
    """What it gives, once that is something."""
    async with asyncio.timeout(patience):
        while not (found := await ask()):
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def counter(
    folder: Path,
    *,
    offer_s: int = 120,
    roles: frozenset[str] = ROLES,
    store_url: str | None = None,
    people: str = PEOPLE,
) -> AsyncIterator[Counter]:
    """The service at work, its agents known. ``people``: agents and policy."""
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(fake_line())
        post = await stack.enter_async_context(mail_host())
        (mail_in,) = free_ports(1)
        settings = read(config(folder, line, mail_in, post.port, offer_s, people), "journey.toml", {})
        parts = await stack.enter_async_context(running(settings, roles, store_url=store_url))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        found = Counter(parts, line, post, http, mail_in)
        found.admin = (await parts.tokens.create("admin", ("admin", *SCOPES)))[1]
        if "worker" in roles:
            await eventually(lambda: seeded(parts))
        yield found


async def seeded(parts: Parts) -> bool:
    return len(await parts.state.rows(DISPATCH, AGENTS)) == len(parts.settings.agents)


def config(folder: Path, line: FakeLine, mail_in: int, mail_out: int, offer_s: int, people: str) -> str:
    account = line.settings()
    words: dict[str, Any] = {
        "folder": folder, "root": ROOT_KEY, "line_url": line.url, "line_secret": account["channel_secret"],
        "line_token": account["channel_access_token"], "user_key": USER_KEY, "mail_in": mail_in,
        "mail_out": mail_out, "offer_s": offer_s,
    }  # fmt: skip
    text = CONFIG + people
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
