"""``madoguchi check``: is everything right? One line a thing; what is wrong comes with its cause and the next step."""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from connectors import registry
from connectors.api import Connector, Secret
from connectors.registry import RegistryError
from router.accounts import options_of
from router.cli.ask import base_url, get
from router.cli.configuration import config_option, configuration, file_of, name_of
from router.cli.failure import Failure
from router.cli.policy_file import classes_of
from router.cli.reach import reach, shard_count
from router.cli.show import json_option, print_json
from router.domain.policy.check import check
from router.domain.policy.strand import strands
from router.enrich.registry import Nowhere, make
from router.settings import Account, Problem, Settings, SettingsError
from router.settings.root_key import RootKey
from router.store import StoreConfigError, StoreError

Level = Literal["ok", "warn", "fail"]
_COLOURS: Final = {"ok": "\033[32m", "warn": "\033[33m", "fail": "\033[31m"}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    level: Level
    what: str
    says: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    config_option(parser)
    json_option(parser)
    parser.add_argument("--offline", action="store_true", help="look at the configuration alone")
    parser.add_argument(
        "--health",
        nargs="?",
        const="",
        metavar="URL",
        help="only ask a running service whether it is alive (for containers)",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.health is not None:
        return _health(arguments)
    found = asyncio.run(_all(arguments))
    if arguments.json:
        print_json(found)
    else:
        for finding in found:
            _print(finding)
    return 1 if any(finding.level == "fail" for finding in found) else 0


def _health(arguments: argparse.Namespace) -> int:
    url = arguments.health or base_url(configuration(arguments))
    status, _ = get(f"{url.rstrip('/')}/healthz")
    if status != 200:
        raise Failure(f"{url}/healthz answers {status}", "its event loop does not move; look at its log")
    return 0


def _print(finding: Finding) -> None:
    mark = f"{_COLOURS[finding.level]}{finding.level:4}\033[0m" if sys.stdout.isatty() else f"{finding.level:4}"
    print(f"{mark} {finding.what}{': ' if finding.says else ''}{finding.says}")


async def _all(arguments: argparse.Namespace) -> list[Finding]:
    try:
        settings = configuration(arguments)
    except SettingsError as error:
        return [*map(_wrong, error.problems), *_looked(error.settings, arguments, (_accounts,))]
    found = [Finding("ok", "configuration", name_of(arguments)), *_looked(settings, arguments, _LOOKS)]
    if not arguments.offline:
        found += [finding async for finding in _store(settings)]
        found += _service(settings)
    return found


def _wrong(problem: Problem) -> Finding:
    return Finding("fail", "policy" if problem.path[:1] == ("policy",) else "configuration", str(problem))


def _looked(settings: Settings | None, arguments: argparse.Namespace, looks: Sequence[Look]) -> list[Finding]:
    """Nothing when there is nothing to look at."""
    return [] if settings is None else [finding for look in looks for finding in look(settings, arguments)]


# -- the configuration ----------------------------------------------------------------------------------------------


def _file(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    file = file_of(arguments)
    if file is not None and settings.service.secret is not None and os.stat(file).st_mode & stat.S_IROTH:
        yield Finding("warn", "configuration", f"every user of this machine can read {file}; chmod o-r {file}")


def _secret(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    if settings.service.secret is not None:
        yield Finding("ok", "root key", "configured")
    elif settings.store.url is not None:
        folder = settings.service.data_dir
        yield Finding(
            "warn", "root key", f"kept in {folder}/secret; copies on other hosts need the same: set service.secret"
        )
    else:
        yield Finding("ok", "root key", f"kept in {settings.service.data_dir}/secret")


def _public_url(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    url = settings.service.public_url
    local = any(f"//{host}" in url for host in ("127.0.0.1", "localhost", "[::1]"))
    if local and any(map(_is_called, settings.accounts.values())):
        yield Finding("warn", "public_url", f"{url} is this machine alone; providers need an address they can reach")
    elif url.startswith("http://") and not local:
        yield Finding("warn", "public_url", f"{url} is not encrypted; put TLS in front and write https://")


def _is_called(account: Account) -> bool:
    """Does a provider out in the world call us for this account?"""
    try:
        connector = registry.load(account.connector)
    except registry.RegistryError:
        return False
    theirs = connector.manifest.channel_class != "custom" and not connector.manifest.sessions
    return theirs and connector.verify is not Connector.verify


def _policy(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    at_ms = time.time_ns() // 1_000_000
    problems = check(settings.policy, settings.agents or None, at_ms)
    for problem in problems:
        yield Finding("fail" if problem.level == "error" else "warn", "policy", str(problem))
    stranded = strands(settings.policy, settings.agents or None, at_ms, classes_of(settings, settings.policy)).strands
    yield from (Finding("warn", "policy", f"{one}; madoguchi policy check tells its way") for one in stranded)
    if not problems and not stranded:
        queues, rules = len(settings.policy.queues), len(settings.policy.rules)
        yield Finding("ok", "policy", f"{queues} queues, {rules} rules, {len(settings.agents)} agents")


def _accounts(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    if not settings.accounts:
        yield Finding("warn", "accounts", "none is configured, so nobody can write to you; see deploy/settings.md")
    for name, account in settings.accounts.items():
        yield _account(name, account)


def _account(name: str, account: Account) -> Finding:
    try:
        cls = registry.load(account.connector)
        cls(name, registry.settings_of(cls, options_of(name, account, cls, _ANY_KEY), name))
    except RegistryError as error:
        return Finding("fail", f"account {name}", str(error))
    if not account.enabled:
        return Finding("warn", f"account {name}", f"{account.connector}, switched off (enabled = false)")
    return Finding("ok", f"account {name}", account.connector)


def _enrichers(settings: Settings, arguments: argparse.Namespace) -> Iterator[Finding]:
    for name, table in settings.enrichers.items():
        try:
            made = make(name, table, Nowhere())
        except RegistryError as error:
            yield Finding("fail", f"enricher {name}", str(error))
        else:
            yield Finding("ok", f"enricher {name}", made.manifest.name if table.enabled else "switched off")


_ANY_KEY: Final = RootKey(Secret("stands in for the root key: nothing is signed here"))

Look = Callable[[Settings, argparse.Namespace], Iterator[Finding]]
_LOOKS: Final[tuple[Look, ...]] = (_file, _secret, _public_url, _policy, _accounts, _enrichers)


# -- what runs ------------------------------------------------------------------------------------------------------


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with reach(settings) as store:
            facts = await store.facts()
            shards = await shard_count(store, settings)
    except Failure as error:
        yield Finding("warn", "store", str(error))
        return
    except StoreConfigError as error:
        yield Finding("fail", "store", str(error))
        return
    except StoreError as error:
        yield Finding("fail", "store", f"does not answer: {error}; check store.url and that it runs")
        return
    yield Finding("ok", "store", f"{facts.server}, {facts.mode}, durability {facts.durability} by {facts.proof}")
    for note in facts.notes:
        yield Finding("warn", "store", note)
    if shards != settings.shards.conversation:
        yield Finding("fail", "shards", f"the store was made with {shards}; set shards.conversation = {shards}")


def _service(settings: Settings) -> Iterator[Finding]:
    url = base_url(settings)
    try:
        status, report = get(f"{url}/readyz")
    except Failure:
        yield Finding("warn", "service", f"does not run at {url}; start it with: madoguchi serve")
        return
    told = report if isinstance(report, dict) else {}
    yield Finding("ok" if status == 200 else "fail", "service", f"{url} is {'ready' if status == 200 else 'not ready'}")
    yield from (finding for part in told.get("accounts", []) if (finding := _trouble(part)))


def _trouble(part: dict[str, Any]) -> Finding | None:
    if part.get("state") not in ("degraded", "failed"):
        return None
    says = f"{part['state']} since {part.get('since')}: {part.get('reason')}"
    return Finding("warn", f"account {part.get('name')}", says)
