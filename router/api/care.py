"""What happens to a conversation between people: handed over, taken over, talked over, called back, finished up."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web

from contracts import commands
from contracts.policy import Need
from contracts.streams import DISPATCH
from router.api import find, writes
from router.api.access import require
from router.api.agents import state_of
from router.api.call import Call
from router.api.conversations import Acting
from router.api.problems import bad_input
from router.api.tokens import Token

Written = writes.Done | web.Response

_MOST_SKILLS: Final = 20
_LEVELS: Final = range(1, 6)


class Handoff(msgspec.Struct, frozen=True):
    """To a queue, or to an agent, with a summary that whoever gets it is shown first. ``skills``: what is needed from
    now on. ``floor``: as told with the assignment. ``force`` (to an agent, whatever their capacity) needs the scope
    ``assign``."""

    queue: str | None = None
    agent: str | None = None
    summary: str | None = None
    note: str | None = None
    skills: tuple[Need, ...] = ()
    floor: int | None = None
    force: bool = False


class TakingOver(msgspec.Struct, frozen=True):
    """``agent``: who gets it; default: the token's own. ``why`` becomes a note."""

    agent: str | None = None
    why: str | None = None


class Consulting(msgspec.Struct, frozen=True):
    """``agent`` is asked for advice; the note says what about."""

    agent: str
    note: str | None = None


class ConsultOver(msgspec.Struct, frozen=True):
    """``agent``: who is not asked any more; default: the token's own."""

    agent: str | None = None


class CallbackWish(msgspec.Struct, frozen=True):
    """``at``: not before, default: when it is their turn. ``address``: a number other than the one known."""

    at: datetime | None = None
    address: str | None = None


# -- over REST -----------------------------------------------------------------------------------------------------


async def hand_off(call: Call) -> Written:
    """An agent's token hands off only what that agent has; one without an agent needs ``assign``."""
    body: Handoff = call.body
    check_handoff(call.token, body)
    id = await writes.command_id(call)
    return await _to_conversation(call, handoff_command(id, call.token, call.path("id"), body))


async def take_over(call: Call) -> Written:
    """The conversation is the agent's at once, whoever has it, and whatever they hold."""
    body: TakingOver = call.body
    agent, id = call.acting_agent(body.agent), await writes.command_id(call)
    command = commands.TakeOver(id=id, by=call.token.by, conversation=call.path("id"), agent=agent, why=body.why)
    return await _to_dispatch(call, command)


async def consult(call: Call) -> Written:
    body: Consulting = call.body
    await state_of(call.services, body.agent)
    id = await writes.command_id(call)
    command = commands.Consult(id=id, by=call.token.by, conversation=call.path("id"), agent=body.agent, note=body.note)
    return await _to_conversation(call, command)


async def end_consult(call: Call) -> Written:
    """By who asked, or who was asked."""
    body: ConsultOver = call.body
    agent, id = body.agent or call.acting_agent(), await writes.command_id(call)
    command = commands.Consult(id=id, by=call.token.by, conversation=call.path("id"), agent=agent, end=True)
    return await _to_conversation(call, command)


async def request_callback(call: Call) -> Written:
    id = await writes.command_id(call)
    return await _to_conversation(call, callback_command(id, call.token.by, call.path("id"), call.body))


async def finish_wrap_up(call: Call) -> Written:
    body: Acting = call.body
    agent, id = call.acting_agent(body.agent), await writes.command_id(call)
    command = commands.FinishWrapUp(id=id, by=call.token.by, conversation=call.path("id"), agent=agent)
    return await _to_dispatch(call, command)


async def _to_conversation(call: Call, command: commands.Command) -> Written:
    shard = find.shard_of_conversation(call.services, call.path("id"))
    return await writes.carry_out(call, shard, command)


async def _to_dispatch(call: Call, command: commands.Command) -> Written:
    find.shard_of_conversation(call.services, call.path("id"))
    return await writes.carry_out(call, DISPATCH, command)


# -- the same by REST and WebSocket --------------------------------------------------------------------------------


def check_handoff(token: Token, body: Handoff) -> None:
    """Raises ApiError 403 or 422."""
    if (body.queue is None) == (body.agent is None):
        raise bad_input("give either a queue or an agent", where="$", expected="queue, or agent")
    if len(body.skills) > _MOST_SKILLS or any(need.level not in _LEVELS for need in body.skills):
        raise bad_input(f"at most {_MOST_SKILLS} skills at levels from 1 to 5", where="$.skills", expected="1 to 5")
    if body.force or token.agent is None:
        require(token, "assign")


def handoff_command(id: str, token: Token, conversation: str, body: Handoff) -> commands.Transfer:
    """The command for a handoff."""
    return commands.Transfer(
        id=id, by=token.by, conversation=conversation, queue=body.queue, agent=body.agent, note=body.note,
        force=body.force, floor=body.floor, summary=body.summary, skills=body.skills, own=token.agent is not None,
    )  # fmt: skip


def callback_command(id: str, by: str, conversation: str, body: CallbackWish) -> commands.RequestCallback:
    """The command for a call back. Raises ApiError 422."""
    if body.at is not None and body.at.tzinfo is None:
        raise bad_input("at has no time zone", where="$.at", expected="for example 2026-11-21T09:30:00+09:00")
    if body.address is not None and not 1 <= len(body.address.strip()) <= 200:
        raise bad_input("an address has 1 to 200 characters", where="$.address", expected="+819012345678")
    return commands.RequestCallback(id=id, by=by, conversation=conversation, at=body.at, address=body.address)
