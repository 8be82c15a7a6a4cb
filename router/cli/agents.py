"""``madoguchi agents``: who works, and how they stand."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Literal

from contracts.agent import Agent, AgentState
from contracts.commands import PutAgent, RemoveAgent
from contracts.streams import DISPATCH
from router.api.agents import CAPACITY
from router.cli.configuration import config_option, configuration
from router.cli.failure import Misused
from router.cli.reach import reach, shard_count
from router.cli.show import Row, json_option, print_json, show
from router.cli.submitting import carry_out, command_id
from router.domain.dispatch.tables import AGENTS
from router.settings import Settings
from router.shards.state import StateReader


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every agent")
    put = actions.add_parser("put", help="add an agent, or change one")
    put.add_argument("id")
    put.add_argument("--name", help="default: the id")
    put.add_argument("--queue", action="append", help="serves this queue; may be repeated; default: default")
    put.add_argument("--team", action="append", default=[], help="serves every queue that names it; may be repeated")
    put.add_argument("--bot", action="store_true", help="a program: speaks only while it has the conversation")
    put.add_argument("--capacity", type=int, help="in units; default: 100, for a bot 100,000")
    put.add_argument(
        "--limit", action="append", default=[], metavar="CLASS=N", help="the most at once of a channel class"
    )
    put.add_argument("--skill", action="append", default=[], metavar="NAME=LEVEL", help="level from 1 to 5")
    put.add_argument("--language", action="append", default=[])
    put.add_argument("--shift", metavar="CALENDAR", help="when they work: a calendar of the policy")
    put.add_argument("--voice", metavar="NUMBER", help="where calls are put through to: E.164, or sip:...")
    put.add_argument("--disabled", action="store_true", help="is given nothing")
    remove = actions.add_parser("remove", help="their work goes back to its queues")
    remove.add_argument("id")
    for below in (listing, put, remove):
        config_option(below)
        json_option(below)


def run(arguments: argparse.Namespace) -> int:
    action = {"list": _list, "put": _put, "remove": _remove}[arguments.action]
    asyncio.run(action(configuration(arguments), arguments))
    return 0


async def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        rows = await StateReader(store, await shard_count(store, settings)).rows(DISPATCH, AGENTS)
    found = [rows[id] for id in sorted(rows)]
    if arguments.json:
        print_json(found)
    else:
        show([_row(state) for state in found], False, "no agent yet; add one with: madoguchi agents put ID")


def _row(state: AgentState) -> Row:
    agent, presence = state.agent, state.presence
    return {
        "id": agent.id,
        "name": f"{agent.name} (bot)" if agent.kind == "bot" else agent.name,
        "declared": presence.declared if agent.enabled else "disabled",
        "connected": presence.connected,
        "on_shift": presence.on_shift,
        "used": f"{state.used}/{agent.capacity}",
        "work": len(state.work),
        "idle": len(state.idle),
        "offers": len(state.offers),
        "wrap_up": len(state.wrap_up),
        "skills": [f"{skill} {level}" for skill, level in sorted(agent.skills.items())],
        "queues": [*agent.queues, *(f"team {team}" for team in agent.teams)],
    }


async def _put(settings: Settings, arguments: argparse.Namespace) -> None:
    kind: Literal["human", "bot"] = "bot" if arguments.bot else "human"
    agent = Agent(
        id=arguments.id,
        name=arguments.name or arguments.id,
        queues=tuple(arguments.queue or ["default"]),
        capacity=CAPACITY[kind] if arguments.capacity is None else arguments.capacity,
        limits=_numbers(arguments.limit, "--limit"),
        skills=_numbers(arguments.skill, "--skill"),
        languages=tuple(arguments.language),
        enabled=not arguments.disabled,
        kind=kind,
        teams=tuple(arguments.team),
        shift=arguments.shift,
        voice=arguments.voice,
    )
    async with reach(settings) as store:
        command = PutAgent(id=command_id(), by="cli", agent=agent)
        await carry_out(store, await shard_count(store, settings), DISPATCH, command)
    _told(arguments, {"put": agent.id})


async def _remove(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        command = RemoveAgent(id=command_id(), by="cli", agent=arguments.id)
        await carry_out(store, await shard_count(store, settings), DISPATCH, command)
    _told(arguments, {"removed": arguments.id})


def _numbers(pairs: Sequence[str], option: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if not name or not number.isascii() or not number.isdigit():
            raise Misused(f"{option} {pair!r} is not NAME=NUMBER")
        numbers[name] = int(number)
    return numbers


def _told(arguments: argparse.Namespace, what: dict[str, str]) -> None:
    if arguments.json:
        print_json(what)
    else:
        print(*(f"{word} {id}" for word, id in what.items()))
