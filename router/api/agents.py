"""Agents: who they are, whether they are there, and what they hold."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from aiohttp import web

from contracts import commands
from contracts.agent import Agent, AgentState, Declared
from contracts.streams import DISPATCH
from router.api import writes
from router.api.access import require
from router.api.call import Call
from router.api.paging import Page
from router.api.problems import bad_input, not_found
from router.api.services import ApiServices
from router.api.tables import AGENTS

Written = writes.Done | web.Response

CAPACITY: Final = {"human": 100, "bot": 100_000}
"""Units, where none are said: a program talks with thousands at once."""


class NewAgent(msgspec.Struct, frozen=True):
    """An agent as declared; capacity in units (default: 100; for a bot 100,000), ``limits`` by channel class, skills
    from 1 to 5. ``teams``: they serve every queue that names one; ``shift``: a calendar of the policy."""

    name: str
    queues: tuple[str, ...] = ("default",)
    capacity: int | None = None
    limits: dict[str, int] = {}
    skills: dict[str, int] = {}
    languages: tuple[str, ...] = ()
    enabled: bool = True
    kind: Literal["human", "bot"] = "human"
    teams: tuple[str, ...] = ()
    shift: str | None = None
    voice: str | None = None
    """Where calls are put through to: a number in E.164, or ``sip:...``."""


class NewPresence(msgspec.Struct, frozen=True):
    """What the agent declares; whether a connection of theirs stands is a fact of its own."""

    declared: Declared


async def list_agents(call: Call) -> Page[AgentState]:
    rows = await call.services.state.rows(DISPATCH, AGENTS)
    return Page(tuple(rows[id] for id in sorted(rows)))


async def get_agent(call: Call) -> AgentState:
    """``me`` is the token's agent."""
    return await state_of(call.services, named(call))


def named(call: Call) -> str:
    """The agent in the path."""
    id = call.path("id")
    return call.acting_agent() if id == "me" else id


async def state_of(services: ApiServices, id: str) -> AgentState:
    """The agent as they stand. Raises ApiError 404."""
    rows = await services.state.rows(DISPATCH, AGENTS)
    if id not in rows:
        raise not_found("agent", id)
    found: AgentState = rows[id]
    return found


async def put_agent(call: Call) -> Written:
    body: NewAgent = call.body
    _check(body)
    id = await writes.command_id(call)
    capacity = CAPACITY[body.kind] if body.capacity is None else body.capacity
    agent = msgspec.convert({**msgspec.to_builtins(body), "id": call.path("id"), "capacity": capacity}, Agent)
    return await writes.carry_out(call, DISPATCH, commands.PutAgent(id=id, by=call.token.by, agent=agent))


def _check(body: NewAgent) -> None:
    if not body.name.strip() or len(body.name) > 200:
        raise bad_input("a name has 1 to 200 characters", where="$.name")
    if body.capacity is not None and not 0 <= body.capacity <= 1_000_000:
        raise bad_input(f"capacity is {body.capacity}", where="$.capacity", expected="0 to 1,000,000 units")
    for skill, level in body.skills.items():
        if not 1 <= level <= 5:
            raise bad_input(f"level {level}", where=f"$.skills.{skill[:100]}", expected="1 to 5")
    for channel_class, limit in body.limits.items():
        if limit < 0:
            raise bad_input(f"limit {limit}", where=f"$.limits.{channel_class[:100]}", expected="0 or more")


async def remove_agent(call: Call) -> Written:
    id = await writes.command_id(call)
    return await writes.carry_out(call, DISPATCH, commands.RemoveAgent(id=id, by=call.token.by, agent=call.path("id")))


async def declare_presence(call: Call) -> Written:
    """One's own; another agent's needs the scope ``assign``."""
    agent = named(call)
    if agent != call.token.agent:
        require(call.token, "assign")
    body: NewPresence = call.body
    id = await writes.command_id(call)
    command = commands.DeclarePresence(id=id, by=call.token.by, agent=agent, declared=body.declared)
    return await writes.carry_out(call, DISPATCH, command)
