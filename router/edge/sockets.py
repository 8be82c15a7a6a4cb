"""Customers' WebSockets: ``/chat/<account>``. The socket is ours, what is said over it is the connector's."""

from __future__ import annotations

import asyncio
from collections import Counter
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
from router.edge.callers import Callers
from router.edge.history import History
from router.edge.invite import Inviter
from router.edge.publish import Publisher
from router.media.links import Links
from router.observe.log import error_name
from router.settings.sections import Limits
from router.shards.signals import Signals
from router.shards.tail import Entry, Follower, Tail, TooSlow
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.edge")

PREFIX: Final = "/chat/"
_HEARTBEAT_S: Final = 20.0
_SEND_S: Final = 5.0
_CLOSE_S: Final = 2.0


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
    callers: Callers
    limits: Limits
    open: set[web.WebSocketResponse] = field(default_factory=set)
    watching: Counter[str] = field(default_factory=Counter)
    """How many sockets watch an identity."""
    draining: bool = False


async def answer(services: SocketServices, request: web.BaseRequest) -> web.StreamResponse:
    """Upgrades the request and holds the conversation until either side ends it."""
    account = services.accounts.get(request.path[len(PREFIX) :])
    if account is None or not account.connector.manifest.sessions:
        return web.Response(status=404, text="no such account\n")
    if services.draining or len(services.open) >= services.limits.sessions:
        return web.Response(status=503, headers={"Retry-After": "5"})
    session = _session(services, account, request)
    if isinstance(session, Refused):
        return web.Response(status=session.status)
    remote = services.callers.address_of(request)
    if not services.callers.admits(remote, asyncio.get_running_loop().time()):
        return web.Response(status=429, headers={"Retry-After": "60"})
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_S, max_msg_size=services.limits.frame_bytes, compress=False, timeout=_CLOSE_S
    )
    await socket.prepare(request)
    services.open.add(socket)
    try:
        await Conversation(services, account, session, socket, request.transport).run()
    finally:
        services.open.discard(socket)
    return socket


def _session(services: SocketServices, account: Account, request: web.BaseRequest) -> Session | Refused:
    remote = services.callers.address_of(request)
    opened = SessionOpen(dict(request.query), request.headers, datetime.now(UTC), remote, services.links.url)
    try:
        return account.connector.session(opened)
    except Exception as error:
        log.error("connector.failed", account=account.name, error=type(error).__name__)
        return Refused(f"the connector failed: {type(error).__name__}", 500)


async def close_all(services: SocketServices) -> None:
    """The copy goes away; clients connect again elsewhere and resume."""
    services.draining = True
    closing = (socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"restart") for socket in list(services.open))
    await asyncio.gather(*closing, return_exceptions=True)


class _TooMany(Exception):
    """The visitor has more sockets than one may have."""


class Conversation:
    """One socket at work: frames are taken one after another, so order is kept; events come beside them."""

    def __init__(
        self,
        services: SocketServices,
        account: Account,
        session: Session,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
    ) -> None:
        self._services = services
        self._account = account
        self._session = session
        self._socket = socket
        self._transport = transport
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
            await self._hear()
        except Exception as error:
            # The connector's bug or ours: this socket ends, the client comes back and resumes.
            log.error("chat.failed", account=self._account.name, error=error_name(error))
            await self._end(WSCloseCode.INTERNAL_ERROR)
        finally:
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.gather(self._watching, return_exceptions=True)
            await self._end(WSCloseCode.OK)

    async def _hear(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                await self._frame(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._frame("")  # no connector speaks binary; the session counts it as a bad frame
            if self._ended:
                return

    async def _end(self, code: int, reason: str = "") -> None:
        """Closes the socket. One whose client takes nothing any more would never be rid of what waits for it."""
        self._ended = True
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code=code, message=reason.encode()[:120])
        except (TimeoutError, ConnectionError):
            if self._transport is not None:
                self._transport.abort()

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
                await self._end(code, reason)

    async def _say(self, frame: str) -> None:
        try:
            async with asyncio.timeout(_SEND_S):
                await self._socket.send_str(frame)
        except (TimeoutError, ConnectionError):
            # A reader that does not read: it comes back and resumes.
            log.info("chat.dropped", account=self._account.name, reason="slow_reader")
            self._ended = True
            if self._transport is not None:
                self._transport.abort()

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
        self._watching = asyncio.create_task(self._watched(action, ready), name=f"chat.{self._account.name}")
        # History comes before anything that is said from now on.
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, self._watching), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _watched(self, action: Watch, ready: asyncio.Event) -> None:
        """Events for as long as the socket stands; without them it must not stand."""
        key = self._key(action.address)
        watching = self._services.watching
        watching[key] += 1
        try:
            if watching[key] > self._services.limits.sessions_per_visitor:
                raise _TooMany
            await self._events(key, action.after, ready)
        except (TooSlow, StoreError, _TooMany) as error:
            log.info("chat.dropped", account=self._account.name, reason=type(error).__name__)
            await self._end(WSCloseCode.TRY_AGAIN_LATER)
        except Exception as error:
            log.error("chat.failed", account=self._account.name, error=error_name(error))
            await self._end(WSCloseCode.INTERNAL_ERROR)
        finally:
            watching[key] -= 1
            if not watching[key]:
                del watching[key]

    async def _events(self, key: str, after: str | None, ready: asyncio.Event) -> None:
        with (
            self._services.tail.follower(accept=lambda entry: _led(follower, key, entry), keys=[key]) as follower,
            self._services.signals.listen(key, self._signalled),
        ):
            typing = asyncio.create_task(self._tell_typing(), name="chat.typing")
            try:
                await self._services.tail.started()
                await self._do(self._session.history(await self._earlier(follower, key, after)))
                ready.set()
                while not self._ended:
                    await self._event(await follower.next())
            finally:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)

    async def _earlier(self, follower: Follower, key: str, after: str | None) -> Sequence[tuple[str, Any]]:
        contact = await self._services.history.contact_of(key)
        if contact is not None:
            follower.watch(contact)
        return await self._services.history.of_identity(key, contact, after)

    async def _event(self, entry: Entry) -> None:
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


def _led(follower: Follower, key: str, entry: Entry) -> bool:
    """To whom the identity belongs is heeded while the entry is offered: the contact's first message is the next."""
    if entry.type in ("identity.linked", "identity.unlinked") and entry.event.identity.key == key:
        follower.watch(entry.event.identity.contact)
    return True
