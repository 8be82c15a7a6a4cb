"""From the arguments to a command. argparse, since it is there already and each command is small; only the module of
the command that was asked for is imported, so that a listing does not wait for the whole service to load.

Exit codes: 0 all is well, 1 a problem was found, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from connectors.registry import RegistryError
from router.cli.failure import Failure, Misused
from router.observe.log import error_name, places
from router.settings import SettingsError
from router.store.errors import StoreConfigError, StoreError

OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "serve": "run the service",
    "init": "write a configuration file with a fresh secret",
    "check": "look the configuration, the store and a running service over",
    "try": "send a message as a customer would: email, LINE or webhook",
    "token": "make, list and revoke API tokens",
    "accounts": "each account and how it does",
    "connectors": "each channel by what it can do; check a connector's package, or begin a new one",
    "simulate-provider": "a channel's fake provider, for whoever has no account there yet",
    "agents": "list, put and remove agents",
    "policy": "check, compare, publish and take back the routing policy",
    "rehearse": "a day of traffic under another policy, beside the present one",
    "why": "the story of a conversation's routing, a sentence a step",
    "streams": "each shard: waiting commands, owner, events",
    "dead": "commands that could not be carried out: list, show, replay",
    "gen": "write again what is generated (for developers)",
    "version": "the version of this and of what it runs on",
}


class Command(Protocol):
    """A module of this package: what it takes, and what it does."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        parser, command = _parser(words)
        return command.run(parser.parse_args(words)) if command else _help(parser, words)
    except (Failure, RegistryError, SettingsError, StoreError) as error:
        _tell(error)
        return PROBLEM
    except Misused as error:
        _say(str(error))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough (`| head`); the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        return _tell_bug(error, "--traceback" in words)


def _parser(words: Sequence[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    parser = argparse.ArgumentParser(prog="madoguchi", description="Omnichannel message routing.", allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="as the command version")
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    asked = "version" if "--version" in words else next((word for word in words if not word.startswith("-")), None)
    command: Command | None = None
    for name, about in COMMANDS.items():
        below = commands.add_parser(name, help=about, description=about.capitalize() + ".", allow_abbrev=False)
        if name == asked:
            command = _load(name)
            command.configure(below)
    return parser, command


def _load(name: str) -> Command:
    module: Command = importlib.import_module(f"router.cli.{_MODULES.get(name, name)}")
    return module


_MODULES = {"try": "attempt", "simulate-provider": "simulate_provider"}


def _help(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    parser.parse_args(words)
    parser.print_help()
    return USAGE


def _tell(error: Exception) -> None:
    if isinstance(error, SettingsError):
        for problem in error.problems:
            _say(str(problem))
    elif isinstance(error, StoreError) and not isinstance(error, StoreConfigError):
        _say(f"the store does not answer: {error}; check store.url and that it runs, then: madoguchi check")
    else:
        _say(str(error))


def _tell_bug(error: Exception, whole: bool) -> int:
    """Without the exception's message, which may quote a customer."""
    if whole:
        raise error
    _say(f"a mistake of ours: {error_name(error)} at {places(error.__traceback__)}; --traceback shows all of it")
    return PROBLEM


def _say(sentence: str) -> None:
    print(f"madoguchi: {sentence}", file=sys.stderr)
