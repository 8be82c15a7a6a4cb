"""``madoguchi policy``: look at the routing policy, check another, compare, publish, go back."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from contracts.agent import Agent
from contracts.commands import PublishPolicy, RollbackPolicy
from contracts.policy import Policy
from contracts.streams import DISPATCH
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure
from router.cli.policy_file import PolicyFile, policy_file
from router.cli.reach import reach, shard_count
from router.cli.show import json_option, print_json, show
from router.cli.submitting import carry_out, command_id
from router.cli.toml import toml
from router.domain.dispatch.tables import AGENTS, CURRENT, HISTORY, POLICIES, POLICY
from router.domain.policy.check import check, check_beside
from router.domain.policy.diff import Change, diff
from router.domain.policy.problem import Level
from router.domain.policy.strand import Report, strands
from router.domain.policy.versions import History
from router.settings import Problem, Settings, SettingsError
from router.shards.state import StateReader
from router.store import Store, StoreError

_THE_SERVICES: Final = "the service's"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    looking = actions.add_parser("check", help="what is wrong with a policy, and what work it would strand")
    looking.add_argument("--offline", action="store_true", help="with the configuration's agents; ask no store")
    comparing = actions.add_parser("diff", help="what would be different from the policy in force")
    publishing = actions.add_parser("publish", help="put a policy in force")
    for below in (looking, comparing, publishing):
        below.add_argument("file", nargs="?", help="TOML with the policy alone; default: the configuration's [policy]")
    back = actions.add_parser("rollback", help="put an earlier policy in force again")
    back.add_argument("number", nargs="?", type=int, help="default: the one before")
    for below in (publishing, back):
        below.add_argument("--why", help="kept with the number")
        below.add_argument("--expected", type=int, metavar="NUMBER", help="only if this one is in force")
        below.add_argument("--dry-run", action="store_true", help="tell what would change, and change nothing")
    publishing.add_argument("--anyway", action="store_true", help="even if it can strand work")
    one = actions.add_parser("show", help="the policy in force, or an earlier one")
    one.add_argument("number", nargs="?", type=int)
    listing = actions.add_parser("list", help="the last hundred, latest first")
    for below in (looking, comparing, publishing, back, one, listing):
        config_option(below)
        json_option(below)


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_ACTIONS[arguments.action](arguments))


# -- check -----------------------------------------------------------------------------------------------------------


class Checked(msgspec.Struct, frozen=True):
    """What was found. ``agents``: whose; ``stranding`` is None when there are errors."""

    file: str
    agents: str
    problems: tuple[dict[str, Any], ...]
    stranding: Report | None


async def _check(arguments: argparse.Namespace) -> int:
    try:
        file = policy_file(arguments)
    except SettingsError as error:
        if not arguments.json:
            raise
        print_json(Checked(arguments.file or "", "none", tuple(_row(problem) for problem in error.problems), None))
        return 1
    agents, whose = await _agents(file.settings, arguments)
    at_ms = time.time_ns() // 1_000_000
    found = (
        check_beside(file.policy, agents or (), at_ms) if whose == _THE_SERVICES else check(file.policy, agents, at_ms)
    )
    problems = [(file.located(problem), problem.level) for problem in found]
    bad = any(problem.level == "error" for problem in found)
    report = strands(file.policy, agents, at_ms, file.classes)
    if arguments.json:
        print_json(Checked(file.name, whose, tuple(_row(*problem) for problem in problems), report))
    else:
        _tell(file, problems, report, whose)
    return 1 if bad or report.strands else 0


def _row(problem: Problem, level: Level = "error") -> dict[str, Any]:
    names = ("file", "line", "column", "cause", "remedy")
    place = {"path": ".".join(map(str, problem.path)), "level": level}
    return place | {name: getattr(problem, name) for name in names}


async def _agents(settings: Settings | None, arguments: argparse.Namespace) -> tuple[Sequence[Agent] | None, str]:
    """Those of the service if it runs, else the configuration's; None when there is neither."""
    if settings is None:
        return None, "none"
    if not getattr(arguments, "offline", False):
        try:
            async with reach(settings) as store:
                rows = await (await _reader(store, settings)).rows(DISPATCH, AGENTS)
            return [rows[id].agent for id in sorted(rows)], _THE_SERVICES
        except (Failure, StoreError):
            return (settings.agents, "the configuration's") if settings.agents else (None, "none")
    return (settings.agents, "the configuration's") if settings.agents else (None, "none")


def _tell(file: PolicyFile, problems: Sequence[tuple[Problem, Level]], report: Report, whose: str) -> None:
    for problem, level in problems:
        print(f"{level}: {problem}")
    for strand in report.strands:
        print(f"stranded: {strand.sentence}")
        for clause in strand.story:
            print(f"    {clause}")
    if not problems and not report.strands:
        seen = "nothing can be stranded" if report.complete else "nothing was found to be stranded"
        with_whom = f"with {whose} agents" if whose != "none" else "if there are agents"
        queues, rules = len(file.policy.queues), len(file.policy.rules)
        print(f"{file.name}: {queues} queues, {rules} rules; {seen} {with_whom} ({report.looked} examples)")


# -- diff, publish, rollback -----------------------------------------------------------------------------------------


async def _diff(arguments: argparse.Namespace) -> int:
    file, settings = policy_file(arguments), configuration(arguments)
    async with reach(settings) as store:
        present = await _present(await _reader(store, settings))
    _changes(diff(present, file.policy), arguments)
    return 0


async def _publish(arguments: argparse.Namespace) -> int:
    file, settings = policy_file(arguments), configuration(arguments)
    async with reach(settings) as store:
        reader = await _reader(store, settings)
        changes = diff(await _present(reader), file.policy)
        if not arguments.anyway:
            rows = await reader.rows(DISPATCH, AGENTS)
            _refuse_stranding(file, [state.agent for state in rows.values()])
        if arguments.dry_run:
            _changes(changes, arguments)
            return 0
        command = PublishPolicy(
            id=command_id(), by="cli", policy=file.policy, expected=arguments.expected, why=arguments.why
        )
        await carry_out(store, reader.shards, DISPATCH, command)
        _published(await _history(reader), changes, arguments)
    return 0


def _refuse_stranding(file: PolicyFile, agents: Sequence[Agent]) -> None:
    report = strands(file.policy, agents, time.time_ns() // 1_000_000, file.classes)
    if report.strands:
        first = report.strands[0]
        way = "".join(f"\n    {clause}" for clause in first.story)
        raise Failure(f"{first.sentence}{way}\nnothing was published", "policy check shows all; --anyway does it")


async def _rollback(arguments: argparse.Namespace) -> int:
    settings = configuration(arguments)
    async with reach(settings) as store:
        reader = await _reader(store, settings)
        history = await _history(reader)
        number = history.number - 1 if arguments.number is None else arguments.number
        changes = diff(await _present(reader), await _version(reader, history, number))
        if arguments.dry_run:
            _changes(changes, arguments)
            return 0
        command = RollbackPolicy(
            id=command_id(), by="cli", number=number, expected=arguments.expected, why=arguments.why
        )
        await carry_out(store, reader.shards, DISPATCH, command)
        _published(await _history(reader), changes, arguments)
    return 0


def _changes(changes: Sequence[Change], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(changes)
    else:
        print("\n".join(map(str, changes)) or "nothing would change")


def _published(history: History, changes: Sequence[Change], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json({"number": history.number, "changes": changes})
    else:
        print("\n".join([*map(str, changes), f"policy {history.number} is in force"]))


# -- show, list ------------------------------------------------------------------------------------------------------


async def _show(arguments: argparse.Namespace) -> int:
    settings = configuration(arguments)
    async with reach(settings) as store:
        reader = await _reader(store, settings)
        history = await _history(reader)
        number = history.number if arguments.number is None else arguments.number
        policy = await _present(reader) if number == history.number else await _version(reader, history, number)
    if arguments.json:
        print_json({"number": number, "policy": policy})
    else:
        print(f"# policy {number}")
        print(toml(msgspec.to_builtins(policy)), end="")
    return 0


async def _list(arguments: argparse.Namespace) -> int:
    settings = configuration(arguments)
    async with reach(settings) as store:
        notes = (await _history(await _reader(store, settings))).notes[::-1]
    names = ("number", "at", "by", "source", "rolled_back_to", "why")
    rows = [{name: getattr(note, name) for name in names} for note in notes]
    show(rows, arguments.json, "no policy was published yet; the default one is in force")
    return 0


async def _reader(store: Store, settings: Settings) -> StateReader:
    return StateReader(store, await shard_count(store, settings))


async def _present(reader: StateReader) -> Policy:
    return await reader.get(DISPATCH, POLICY, CURRENT) or Policy()


async def _history(reader: StateReader) -> History:
    return await reader.get(DISPATCH, HISTORY, CURRENT) or History()


async def _version(reader: StateReader, history: History, number: int) -> Policy:
    policy = await reader.get(DISPATCH, POLICIES, str(number))
    if policy is None:
        kept = f"there are {history.notes[0].number} to {history.number}" if history.notes else "none was published yet"
        raise Failure(f"policy {number} is not kept; {kept}", "madoguchi policy list shows them")
    return policy


_ACTIONS = {
    "check": _check,
    "diff": _diff,
    "publish": _publish,
    "rollback": _rollback,
    "show": _show,
    "list": _list,
}
