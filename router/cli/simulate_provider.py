"""``madoguchi simulate-provider``: a channel's fake provider, for people who have no account there yet.

It takes the calls of a service's account and posts webhooks to it, as the real one does: a customer's words from the
arguments or the terminal go in, and what the service sends to the customer is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.api import Connector
from connectors.registry import load, simulator_of
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure, Misused
from router.cli.simulated import Simulated, simulated
from router.cli.toml import toml

TALK: Final = ("こんにちは。在庫はありますか。", "Hello, do you have it in stock?", "では一つお願いします😀")
TICK_S: Final = 0.05


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="as madoguchi connectors list shows it")
    parser.add_argument(
        "--to", required=True, metavar="URL", help="the account's webhook: http://127.0.0.1:8080/in/NAME"
    )
    parser.add_argument("--account", help="take the secrets of this account in the configuration; else sample ones")
    parser.add_argument("--listen", type=int, default=2590, metavar="PORT", help="where our calls go; default 2590")
    parser.add_argument("--say", action="append", metavar="TEXT", help="what the customer writes; may be repeated")
    parser.add_argument("--for", dest="seconds", type=float, default=None, metavar="SECONDS", help="then end")
    parser.add_argument("--speed", type=float, default=60.0, help="of its schedule: 60 makes an hour a minute")
    parser.add_argument("--settings", action="store_true", help="only print the account's settings for madoguchi.toml")
    faults = parser.add_argument_group("what goes wrong")
    faults.add_argument("--throttle", type=int, default=0, metavar="N", help="the first N sends get 429")
    faults.add_argument("--break", dest="broken", type=int, default=0, metavar="N", help="the next N get 503")
    faults.add_argument("--lose", type=int, default=0, metavar="N", help="the next N are done and never answered")
    faults.add_argument("--duplicate", type=int, default=0, metavar="N", help="the first webhook comes N times more")
    faults.add_argument("--disorder", type=int, default=0, metavar="N", help="the first N webhooks come last first")
    config_option(parser)


def run(arguments: argparse.Namespace) -> int:
    connector = load(arguments.channel)
    _check(arguments)
    if arguments.settings:
        print(_table(connector, arguments.to, f"http://127.0.0.1:{arguments.listen}"))
        return 0
    settings = _account(arguments) if arguments.account else None
    return asyncio.run(_simulate(arguments, connector, settings))


def _check(arguments: argparse.Namespace) -> None:
    if not arguments.to.startswith(("http://", "https://")) or "/in/" not in arguments.to:
        raise Misused(
            f"--to {arguments.to!r} should be an account's webhook, for example http://127.0.0.1:8080/in/line"
        )
    if not 0 < arguments.listen < 65_536:
        raise Misused(f"--listen {arguments.listen} should be a port from 1 to 65535")
    if arguments.speed <= 0:
        raise Misused("--speed should be more than 0")
    for name in ("throttle", "broken", "lose", "duplicate", "disorder"):
        if getattr(arguments, name) < 0:
            raise Misused(f"--{name.replace('broken', 'break')} should be 0 or more")


def _account(arguments: argparse.Namespace) -> Mapping[str, Any]:
    accounts = configuration(arguments).accounts
    found = accounts.get(arguments.account)
    if found is None:
        raise Failure(
            f"there is no account {arguments.account!r} in the configuration", "madoguchi accounts lists them"
        )
    if found.connector != arguments.channel:
        raise Failure(f"the account {arguments.account!r} is one of {found.connector}, not of {arguments.channel}")
    return found.options


def _table(connector: type[Connector[Any]], to: str, url: str) -> str:
    """The account as it stands in a configuration file."""
    values = {"connector": connector.manifest.name, "allow_private": True, **simulator_of(connector).sample(url)}
    return toml({"accounts": {to.rstrip("/").rpartition("/")[2]: values}}).strip()


async def _simulate(
    arguments: argparse.Namespace, connector: type[Connector[Any]], settings: Mapping[str, Any] | None
) -> int:
    try:
        async with simulated(
            connector, arguments.to, port=arguments.listen, speed=arguments.speed, settings=settings
        ) as shell:
            print(f"{connector.manifest.title}, imitated, at {shell.url}; webhooks go to {arguments.to}")
            if settings is None:
                print(f"the service needs this account:\n\n{_table(connector, arguments.to, shell.url)}\n")
            # What was said in an earlier run has its ids for ever.
            shell.simulator.begin(int(time.time()))
            _misbehave(shell, arguments)
            return await _converse(shell, arguments.say or TALK, arguments.seconds)
    except OSError as error:
        raise Failure(
            f"port {arguments.listen} cannot be used ({error.strerror})", "name another: --listen PORT"
        ) from None


def _misbehave(shell: Simulated[Any], arguments: argparse.Namespace) -> None:
    simulator = shell.simulator
    simulator.throttle(arguments.throttle)
    simulator.fail(503, times=arguments.broken)
    simulator.lose(arguments.lose)
    if arguments.disorder:
        simulator.disorder(arguments.disorder)
    if arguments.duplicate:
        simulator.duplicate(arguments.duplicate)


async def _converse(shell: Simulated[Any], texts: Sequence[str], seconds: float | None) -> int:
    """Says the texts, then what is typed, and prints what comes back until the end of the terminal or of the time."""
    for text in texts:
        _say(shell, text)
    typed = asyncio.create_task(_typed(shell)) if sys.stdin.isatty() else None
    watching = asyncio.create_task(_print(shell))
    try:
        await asyncio.wait([each for each in (typed, watching) if each is not None], timeout=seconds,
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    finally:
        for task in (typed, watching):
            if task is not None:
                task.cancel()
    return _verdict(shell)


def _say(shell: Simulated[Any], text: str) -> None:
    shell.say(text)
    print(f"  {shell.simulator.customer}: {text}", flush=True)


async def _typed(shell: Simulated[Any]) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            _say(shell, line.strip())


async def _print(shell: Simulated[Any]) -> None:
    """Each message that reaches the customer, each webhook's end and each rule that was broken, as it happens."""
    reached = heard = complaints = 0
    told: set[int] = set()
    while True:
        for each in shell.simulator.reached[reached:]:
            print(f"  -> {each.to}: {each.text or json.dumps(each.content, ensure_ascii=False)}", flush=True)
        for words in shell.simulator.heard[heard:]:
            print(f"  ~ {words}", flush=True)
        for why in shell.simulator.complaints[complaints:]:
            print(f"  !! {why}", flush=True)
        reached, heard = len(shell.simulator.reached), len(shell.simulator.heard)
        complaints = len(shell.simulator.complaints)
        for webhook in shell.simulator.webhooks:
            if webhook.attempt > 1 and webhook.state == "waiting" and webhook.attempt not in told:
                told.add(webhook.attempt)
                print(f"  .. not taken; attempt {webhook.attempt} follows", flush=True)
        await asyncio.sleep(TICK_S)


def _verdict(shell: Simulated[Any]) -> int:
    simulator = shell.simulator
    taken = sum(each.state == "taken" for each in simulator.webhooks)
    print(f"{taken} of {len(simulator.webhooks)} webhooks taken, {len(simulator.reached)} messages came back")
    if not taken and simulator.webhooks:
        raise Failure(f"nothing was taken at {simulator.to}", "does the service run, with the account as shown above?")
    return 1 if simulator.complaints else 0
