"""Customers' WebSockets: ``/chat/<account>``. The socket is ours, what is said over it is the connector's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from connectors.api import (
    Action,
    Batch,
    Close,
    Invite,
    NotAccepted,
    Publish,
    Refused,
    Say,
    Session,
    SessionOpen,
    Typing,
    Watch,
)
from contracts import ids
from contracts.inbound import InboundTyping, Sender
from router.accounts import Account, Accounts
from router.edge.history import History
from router.edge.invite import Inviter
from router.edge.publish import Publisher
from router.media.links import Links
from router.shards.signals import Signals
from router.shards.tail import Entry, Follower, Tail, TooSlow
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.edge")

PREFIX: Final = "/chat/"
_HEARTBEAT_S: Final = 20.0
_SEND_S: Final = 5.0
_FRAME: Final = 65_536


@dataclass(slots=True)
class SocketServices:
    """What sockets need of the host."""

    accounts: Accounts
    publisher: Publisher
    tail: Tail
    signals: Signals
    history: History
    inviter: Inviter
    links: Links
    most: int = 5_000
    open: set[web.WebSocketResponse] = field(default_factory=set)
    draining: bool = False


async def answer(services: SocketServices, request: web.BaseRequest) -> web.StreamResponse:
    """Upgrades the request and holds the conversation until either side ends it."""
    account = services.accounts.get(request.path[len(PREFIX) :])
    if account is None or not account.connector.manifest.sessions:
        return web.Response(status=404, text="no such account\n")
    if services.draining or len(services.open) >= services.most:
        return web.Response(status=503, headers={"Retry-After": "5"})
    opened = SessionOpen(dict(request.query), request.headers, datetime.now(UTC), request.remote, services.links.url)
    session = account.connector.session(opened)
    if isinstance(session, Refused):
        return web.Response(status=session.status)
    socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_FRAME, compress=False)
    await socket.prepare(request)
    services.open.add(socket)
    try:
        await Conversation(services, account, session, socket).run()
    finally:
        services.open.discard(socket)
    return socket


async def close_all(services: SocketServices) -> None:
    """The copy goes away; clients connect again elsewhere and resume."""
    services.draining = True
    closing = (socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"restart") for socket in list(services.open))
    await asyncio.gather(*closing, return_exceptions=True)


class Conversation:
    """One socket at work: frames are taken one after another, so order is kept; events come beside them."""

    def __init__(
        self, services: SocketServices, account: Account, session: Session, socket: web.WebSocketResponse
    ) -> None:
        self._services = services
        self._account = account
        self._session = session
        self._socket = socket
        self._lock = asyncio.Lock()
        """The session is a plain state machine: one call at a time."""
        self._watching: asyncio.Task[None] | None = None
        self._ended = False
        self._typing = False
        self._typed = asyncio.Event()

    async def run(self) -> None:
        """Until the socket is closed."""
        try:
            await self._do(self._session.opened())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._frame(message.data)
                elif message.type is WSMsgType.BINARY:
                    await self._frame("")  # no connector speaks binary; the session counts it as a bad frame
                if self._ended:
                    break
        finally:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.gather(self._watching, return_exceptions=True)
            await self._socket.close()

    async def _frame(self, text: str) -> None:
        async with self._lock:
            await self._do(self._session.frame(text, datetime.now(UTC)))

    async def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if self._ended:
                return
            await self._act(action)

    async def _act(self, action: Action) -> None:
        match action:
            case Say(frame=frame):
                await self._say(frame)
            case Publish():
                await self._do(await self._publish(action))
            case Watch():
                await self._watch(action)
            case Typing(address=address, on=on):
                await self._services.publisher.typing(self._account, InboundTyping(Sender(address), on))
            case Invite(address=address):
                await self._invite(address)
            case Close(code=code, reason=reason):
                self._ended = True
                await self._socket.close(code=code, message=reason.encode()[:120])

    async def _say(self, frame: str) -> None:
        try:
            async with asyncio.timeout(_SEND_S):
                await self._socket.send_str(frame)
        except (TimeoutError, ConnectionError):
            # A reader that does not read: it comes back and resumes.
            self._ended = True
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1):
                    await self._socket.close(code=WSCloseCode.TRY_AGAIN_LATER)

    async def _publish(self, action: Publish) -> Sequence[Action]:
        try:
            await self._services.publisher.publish(self._account, Batch((action.event,)))
        except NotAccepted as error:
            return self._session.refused(action.tag, str(error))
        return self._session.published(action.tag)

    async def _invite(self, address: str) -> None:
        try:
            invitation = await self._services.inviter.invite_identity(self._key(address))
        except StoreError:
            invitation = None
        if invitation is not None:
            await self._do(self._session.invited(invitation.code, invitation.links))

    # -- watching ---------------------------------------------------------------------------------------------------

    def _key(self, address: str) -> str:
        return ids.identity_key(self._account.channel, self._account.name, address)

    async def _watch(self, action: Watch) -> None:
        ready = asyncio.Event()
        self._watching = asyncio.create_task(self._events(action, ready), name=f"chat.{self._account.name}")
        # History comes before anything that is said from now on.
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, self._watching), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _events(self, action: Watch, ready: asyncio.Event) -> None:
        key = self._key(action.address)
        with (
            self._services.tail.follower(keys=[key]) as follower,
            self._services.signals.listen(key, self._signalled),
        ):
            typing = asyncio.create_task(self._tell_typing(), name="chat.typing")
            try:
                await self._do(self._session.history(await self._earlier(follower, key, action.after)))
                ready.set()
                while not self._ended:
                    await self._event(follower, key, await follower.next())
            except (TooSlow, StoreError) as error:
                log.info("chat.dropped", account=self._account.name, reason=type(error).__name__)
                await self._socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            finally:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)

    async def _earlier(self, follower: Follower, key: str, after: str | None) -> Sequence[tuple[str, Any]]:
        contact = await self._services.history.contact_of(key)
        if contact is not None:
            follower.watch(contact)
        return await self._services.history.of_identity(key, contact, after)

    async def _event(self, follower: Follower, key: str, entry: Entry) -> None:
        if entry.type in ("identity.linked", "identity.unlinked") and entry.event.identity.key == key:
            follower.watch(entry.event.identity.contact)
        event = entry.event
        async with self._lock:
            await self._do(self._session.event(self._services.history.position_of(event), event))

    def _signalled(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "agent_typing":
            self._typing = bool(data.get("on"))
            self._typed.set()

    async def _tell_typing(self) -> None:
        """The agent's typing, the latest state of it: never more than one such frame waits."""
        while True:
            await self._typed.wait()
            self._typed.clear()
            async with self._lock:
                await self._do(self._session.event("", InboundTyping(Sender(""), self._typing)))
