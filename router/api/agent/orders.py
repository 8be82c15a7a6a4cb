"""Carrying out what an agent's client says, by the same commands as REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import singledispatchmethod
from typing import Any

from contracts import codec, commands, ids
from contracts.conversation import Reach
from contracts.streams import DISPATCH
from router.api import care, find, writes
from router.api import conversations as rest
from router.api.access import require
from router.api.agent import frames
from router.api.agents import state_of
from router.api.problems import ApiError
from router.api.services import ApiServices
from router.api.tokens import Scope, Token
from router.api.ways import verdict_on

Result = dict[str, Any]


class Orders:
    """The orders of one connection. Each method may raise ApiError."""

    def __init__(
        self, services: ApiServices, token: Token, agent: str, watch: Callable[[str], Awaitable[None]]
    ) -> None:
        self._services = services
        self._token = token
        self._agent = agent
        self._watch = watch

    @singledispatchmethod
    async def carry_out(self, frame: Any) -> Result:
        """What came of a frame."""
        raise ApiError(400, "hello is said once, at the beginning", name="unexpected-frame")

    @carry_out.register
    async def _accept(self, frame: frames.Accept) -> Result:
        command = commands.AcceptOffer(**self._meta(frame.key), conversation=frame.conversation, agent=self._agent)
        return await self._dispatch(frame.conversation, command)

    @carry_out.register
    async def _decline(self, frame: frames.Decline) -> Result:
        command = commands.DeclineOffer(
            **self._meta(frame.key), conversation=frame.conversation, agent=self._agent, reason=frame.reason
        )
        return await self._dispatch(frame.conversation, command)

    @carry_out.register
    async def _claim(self, frame: frames.Claim) -> Result:
        command = commands.ClaimWork(**self._meta(frame.key), conversation=frame.conversation, agent=self._agent)
        return await self._dispatch(frame.conversation, command)

    @carry_out.register
    async def _reply(self, frame: frames.Reply) -> Result:
        body = rest.NewMessage(
            frame.text, frame.parts, frame.channel, frame.account, frame.address, frame.subject, frame.reply_to,
            frame.provider_extra, floor=frame.floor,
        )  # fmt: skip
        return await self._conversation(rest.send_command(**self._said(frame.key, frame.conversation), body=body))

    @carry_out.register
    async def _check(self, frame: frames.Check) -> Result:
        require(self._token, "reply")
        parts = rest.parts_of(frame.text, frame.parts)
        verdict = await verdict_on(self._services, frame.conversation, parts, frame, by=self._token.by)
        found: Result = codec.to_plain(verdict)
        return found

    @carry_out.register
    async def _note(self, frame: frames.Note) -> Result:
        body = rest.NewNote(frame.text, frame.parts)
        return await self._conversation(rest.note_command(**self._said(frame.key, frame.conversation), body=body))

    @carry_out.register
    async def _status(self, frame: frames.SetStatus) -> Result:
        rest.check_until(frame.status, frame.until)
        command = commands.SetStatus(
            **self._meta(frame.key), conversation=frame.conversation, status=frame.status, until=frame.until
        )
        return await self._conversation(command)

    @carry_out.register
    async def _transfer(self, frame: frames.Transfer) -> Result:
        body = rest.NewOwner(frame.queue, frame.agent, frame.note)
        command = rest.transfer_command(**self._said(frame.key, frame.conversation, "assign"), body=body)
        return await self._conversation(command)

    @carry_out.register
    async def _handoff(self, frame: frames.Handoff) -> Result:
        body = care.Handoff(frame.queue, frame.agent, frame.summary, frame.note, frame.skills, frame.floor, frame.force)
        care.check_handoff(self._token, body)
        id = self._meta(frame.key)["id"]
        return await self._conversation(care.handoff_command(id, self._token, frame.conversation, body))

    @carry_out.register
    async def _take_over(self, frame: frames.TakeOver) -> Result:
        command = commands.TakeOver(
            **self._said(frame.key, frame.conversation, "assign"), agent=self._agent, why=frame.why
        )
        return await self._dispatch(frame.conversation, command)

    @carry_out.register
    async def _consult(self, frame: frames.Consult) -> Result:
        agent = frame.agent or self._agent
        said = self._said(frame.key, frame.conversation)
        if not frame.end:
            await state_of(self._services, agent)
        return await self._conversation(commands.Consult(**said, agent=agent, note=frame.note, end=frame.end))

    @carry_out.register
    async def _callback(self, frame: frames.Callback) -> Result:
        body = care.CallbackWish(frame.at, frame.address)
        return await self._conversation(care.callback_command(**self._said(frame.key, frame.conversation), body=body))

    @carry_out.register
    async def _finish_wrap_up(self, frame: frames.FinishWrapUp) -> Result:
        command = commands.FinishWrapUp(**self._said(frame.key, frame.conversation), agent=self._agent)
        return await self._dispatch(frame.conversation, command)

    @carry_out.register
    async def _presence(self, frame: frames.Presence) -> Result:
        command = commands.DeclarePresence(**self._meta(frame.key), agent=self._agent, declared=frame.declared)
        return await self._done(DISPATCH, command)

    @carry_out.register
    async def _typing(self, frame: frames.Typing) -> Result:
        require(self._token, "reply")
        reach = await self._signal("agent_typing", frame.conversation, {"on": frame.on, "agent": self._agent})
        if reach is not None and self._services.show_typing is not None:
            self._services.show_typing(reach, frame.on)
        return {}

    @carry_out.register
    async def _read(self, frame: frames.Read) -> Result:
        require(self._token, "reply")
        await self._signal("agent_read", frame.conversation, {"message": frame.message, "agent": self._agent})
        if self._services.show_read is not None:
            self._services.show_read(await find.message(self._services, frame.conversation, frame.message))
        return {}

    @carry_out.register
    async def _watch_one(self, frame: frames.Watch) -> Result:
        await find.conversation(self._services, frame.conversation)
        await self._watch(frame.conversation)
        return {}

    # -- how ---------------------------------------------------------------------------------------------------------

    def _meta(self, key: str | None, scope: Scope = "reply") -> dict[str, str]:
        require(self._token, scope)
        if key is not None and not 1 <= len(key) <= 200:
            raise ApiError(422, "a key has 1 to 200 characters", where="$.key")
        id = writes.new_command_id() if key is None else writes.keyed_command_id(self._token.id, f"socket {key}")
        return {"id": id, "by": self._token.by}

    def _said(self, key: str | None, conversation: str, scope: Scope = "reply") -> Any:
        return {**self._meta(key, scope), "conversation": conversation}

    async def _conversation(self, command: Any) -> Result:
        return await self._done(find.shard_of_conversation(self._services, command.conversation), command)

    async def _dispatch(self, conversation: str, command: commands.Command) -> Result:
        find.shard_of_conversation(self._services, conversation)
        return await self._done(DISPATCH, command)

    async def _done(self, shard: str, command: commands.Command) -> Result:
        done = await writes.submit(self._services, shard, command)
        if done is None:
            return {"late": True, "command": command.id, "shard": shard}
        return {"command": command.id, **writes.outcome(shard, done).result}

    async def _signal(self, kind: str, conversation: str, data: dict[str, Any]) -> Reach | None:
        """Tells whoever holds the customer's socket; the way the customer used last, if there is one."""
        found = await find.conversation(self._services, conversation)
        if not found.reaches:
            return None
        reach = found.reaches[-1]
        key = ids.identity_key(reach.channel, reach.account, reach.address)
        await self._services.signals.publish(kind, key, {**data, "conversation": conversation})
        return reach
