"""One agent's connection at work."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Final

import structlog
from aiohttp import WSMsgType, web

from contracts import codec, ids
from contracts.agent import AgentState
from contracts.commands import AgentConnection
from contracts.conversation import Conversation
from contracts.streams import DISPATCH, conversation_shard
from router.api import find
from router.api.agent import frames
from router.api.agent.orders import Orders
from router.api.agent.outbox import Full, Outbox
from router.api.agent.view import View
from router.api.body import decode
from router.api.context import context_of
from router.api.events import event_plain
from router.api.following import closing
from router.api.problems import ApiError, Problem, plain
from router.api.services import ApiServices
from router.api.tables import AGENTS, WORK, consulted
from router.api.tokens import Token
from router.api.writes import store_trouble
from router.shards.tail import Entry, TooSlow
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.api")

_AT_ONCE: Final = 20
"""Frames of one client being carried out; the next waits."""
_MOST_SHOWN: Final = 500
_RATE: Final = 50.0
"""Frames a second that a client may send on average; it may send as many at once."""


class Ended(Exception):
    """The connection is to be closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class AgentSession:
    """From the answered ``hello`` to the close."""

    def __init__(
        self, services: ApiServices, socket: web.WebSocketResponse, token: Token, agent: str, hello: frames.Hello
    ) -> None:
        self._services = services
        self._socket = socket
        self._token = token
        self._agent = agent
        self._hello = hello
        self._id = f"as_{secrets.token_hex(8)}"
        self._outbox = Outbox(socket, services.limits.queue, services.limits.send_timeout_s)
        self._orders = Orders(services, token, agent, self._watch)
        self._view = View(agent, ())
        self._busy = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: dict[str, ExitStack] = {}

    async def run(self) -> None:
        """Until the client leaves. Raises Ended when it is we who end it."""
        await self._announce(True)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for work in (self._outbox.run, self._follow, self._keep_announcing, self._refuse_when_full):
                    group.create_task(work(), name=f"agent.{work.__name__}")
                await self._read()
                raise Ended(1000, "")
        except* Ended as ended:
            raise _first(ended) from None
        except* (TimeoutError, ConnectionError, Full):
            raise Ended(1013, "frames were not taken in time; connect again and resume") from None
        except* TooSlow:
            raise Ended(1013, "too many events at once; connect again and resume") from None
        except* StoreError:
            raise Ended(1013, "the store cannot be reached; connect again and resume") from None
        finally:
            for stack in self._listening.values():
                stack.close()
            await self._announce_end()

    # -- what the client says ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        allowance, last = _RATE, loop.time()
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                raise Ended(1003, "frames are JSON text")
            now = loop.time()
            allowance, last = min(_RATE, allowance + (now - last) * _RATE), now
            if allowance < 1:
                raise Ended(1008, "too many frames")
            allowance -= 1
            await self._busy.acquire()
            self._group.create_task(self._obey(message.data), name="agent.order")

    async def _obey(self, text: str) -> None:
        # Tasks begin in the order of the frames, and append before they wait: so two answers keep their order.
        id: str | None = None
        try:
            frame = read_frame(text)
            id = getattr(frame, "id", None)
            result = await self._orders.carry_out(frame)
            self._put({"type": "result", "id": id, "ok": True, "result": result})
        except ApiError as error:
            self._refuse(id, error.problem)
        except StoreError as error:
            self._refuse(id, store_trouble(error).problem)
        finally:
            self._busy.release()

    def _refuse(self, id: str | None, problem: Problem) -> None:
        self._put({"type": "result", "id": id, "ok": False, "problem": plain(problem)})

    def _put(self, frame: dict[str, Any]) -> None:
        self._outbox.put(codec.to_json(frame))

    async def _refuse_when_full(self) -> None:
        await self._outbox.full.wait()
        raise Full

    # -- what the client is told --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        tail = self._services.tail
        await self._services.submitter.listen()  # the tail sleeps until somebody listens
        # The position is taken before the state is read: what happens between comes twice, and never not at all.
        start = self._hello.after or tail.now()
        state = await self._welcome(start)
        known = self._hello.conversations[:_MOST_SHOWN]
        self._view.mine = {*_held(state), *known}
        self._listen_to_mine()
        with tail.follower(self._view.accept, self._view.keys) as follower:
            self._view.widen = follower.watch
            self._follower = follower
            async with closing(tail.entries(follower, start)) as entries:
                async for entry in entries:
                    if self._view.shows(entry):
                        await self._tell(entry)

    async def _tell(self, entry: Entry) -> None:
        new = entry.conversation in self._view.asked - self._listening.keys()
        self._put({"type": "event", "token": entry.token, "event": event_plain(entry)})
        self._listen_to_mine()
        if new and entry.conversation is not None:
            await self._show(entry.conversation, None)

    async def _welcome(self, start: str) -> AgentState:
        rows = await self._services.state.rows(DISPATCH, AGENTS)
        if self._agent not in rows:
            raise Ended(4404, "this agent is not declared")
        state: AgentState = rows[self._agent]
        self._put({
            "type": "welcome", "agent": state, "session": self._id, "token": start,
            "resumed": self._hello.after is not None, "scopes": self._token.scopes,
            "heartbeat_s": self._services.limits.heartbeat_s,
        })  # fmt: skip
        self._view.asked = await self._asked()
        for id in dict.fromkeys((*_held(state), *sorted(self._view.asked))):
            if self._hello.after is None or id not in self._hello.conversations:
                await self._show(id, state)
        self._put({"type": "ready"})
        return state

    async def _asked(self) -> set[str]:
        """Where they are asked for advice."""
        state = self._services.state
        shards = [conversation_shard(number) for number in range(state.shards)]
        found = await asyncio.gather(*(state.index(shard, consulted(self._agent)) for shard in shards))
        return {id for members in found for id, _ in members}

    async def _show(self, id: str, state: AgentState | None) -> None:
        try:
            conversation = await find.conversation(self._services, id)
            context = await context_of(self._services, conversation)
        except ApiError:
            return  # gone in the meantime; its events will tell
        self._put({
            "type": "conversation", "conversation": conversation, "context": context,
            "offer": await self._offer(id) if state is not None and id in state.offers else None,
            "wrap_up_until": await self._expiry(id) if state is not None and id in state.wrap_up else None,
        })  # fmt: skip

    async def _offer(self, id: str) -> dict[str, Any]:
        work = await self._services.state.get(DISPATCH, WORK, id)
        return {"queue": work.queue if work else None, "expires_at": await self._expiry(id)}

    async def _expiry(self, id: str) -> datetime | None:
        """When the offer, or the wrap-up, ends."""
        work = await self._services.state.get(DISPATCH, WORK, id)
        return None if work is None or work.expires_ms is None else codec.moment(work.expires_ms)

    # -- typing, which is never stored --------------------------------------------------------------------------------

    async def _watch(self, conversation: str) -> None:
        self._view.watched.add(conversation)
        self._view.widen(conversation)
        if conversation not in self._listening:
            self._listen(conversation)

    def _listen_to_mine(self) -> None:
        shown = self._view.shown
        for gone in self._listening.keys() - shown:
            self._listening.pop(gone).close()
            self._view.people.pop(gone, None)
        for new in shown - self._listening.keys():
            self._listen(new)

    def _listen(self, id: str) -> None:
        self._listening[id] = ExitStack()
        self._group.create_task(self._listen_to_identities(id), name="agent.listen")

    async def _listen_to_identities(self, id: str) -> None:
        try:
            conversation = await find.conversation(self._services, id)
        except (ApiError, StoreError):
            return
        stack = self._listening.get(id)
        if stack is not None:
            self._view.meet(id, conversation.contact)
            for key in _identities(conversation):
                stack.enter_context(self._services.signals.listen(key, self._heard(id)))

    def _heard(self, id: str) -> Any:
        def heard(kind: str, data: dict[str, Any]) -> None:
            if kind == "customer_typing" and not self._outbox.full.is_set():
                self._try_put({"type": "typing", "conversation": id, "on": bool(data.get("on"))})

        return heard

    def _try_put(self, frame: dict[str, Any]) -> None:
        try:
            self._put(frame)
        except Full:
            return  # the connection ends by itself

    # -- being there -------------------------------------------------------------------------------------------------

    async def _keep_announcing(self) -> None:
        while True:
            await asyncio.sleep(self._services.limits.reannounce_s)
            if not await self._services.tokens.stands(self._token.id):
                raise Ended(4401, "the token was revoked or has expired")
            await self._announce(True)

    async def _announce(self, connected: bool) -> None:
        command = AgentConnection(by=self._token.by, agent=self._agent, session=self._id, connected=connected)
        await self._services.appender.append(DISPATCH, command)

    async def _announce_end(self) -> None:
        try:
            async with asyncio.timeout(2):
                await asyncio.shield(asyncio.ensure_future(self._announce(False)))
        except (StoreError, TimeoutError):
            log.warning("agent.leave_not_told", agent=self._agent)  # the session runs out by itself


def _held(state: AgentState) -> tuple[str, ...]:
    """All that is theirs in some way."""
    return (*state.work, *state.offers, *state.idle, *state.wrap_up)


def read_frame(text: str) -> Any:
    """A frame from its text. Raises ApiError 400 or 422."""
    try:
        return decode(text.encode("utf-8"), frames.ClientFrame)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        raise ApiError(400, "the frame is not UTF-8", name="not-json") from None


def _identities(conversation: Conversation) -> list[str]:
    return [ids.identity_key(reach.channel, reach.account, reach.address) for reach in conversation.reaches]


def _first(group: BaseExceptionGroup[Ended]) -> Ended:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Ended)
    return found
