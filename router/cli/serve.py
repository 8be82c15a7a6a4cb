"""``madoguchi serve``: the service itself, in one process or several."""

from __future__ import annotations

import argparse
import os
from functools import partial

from router import app
from router.cli.catcher import catching
from router.cli.configuration import config_option, file_of, service_configuration
from router.cli.failure import Misused
from router.cli.parent_alive import while_parent_lives
from router.cli.processes import Parent
from router.cli.running import run_service, set_up_log
from router.cli.welcome import quickstart_facts, welcome
from router.settings import ROLES, Settings


def configure(parser: argparse.ArgumentParser) -> None:
    config_option(parser)
    parser.add_argument("--role", default=",".join(ROLES), help=f"one or several of {', '.join(ROLES)}; default: all")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="so many processes share the ports")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--parent-fd", type=int, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    roles = _roles(arguments.role)
    if arguments.processes < 1:
        raise Misused("--processes is 1 or more")
    settings = service_configuration(arguments)
    if arguments.processes > 1:
        return _run_parent(settings, roles, arguments)
    run_service(settings, _serve(settings, roles, arguments))
    return 0


def _roles(text: str) -> frozenset[str]:
    roles = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not roles or not roles <= set(ROLES):
        raise Misused(f"--role {text!r}: the roles are {', '.join(ROLES)}")
    return roles


async def _serve(settings: Settings, roles: frozenset[str], arguments: argparse.Namespace) -> None:
    """In one process; as a child of several, the port is shared and the parent greets."""
    ready = partial(_ready, settings, arguments.quickstart and arguments.child is None)
    facts = quickstart_facts() if arguments.quickstart else None
    service = app.serve(settings, roles, share_port=arguments.child is not None, quickstart=facts, ready=ready)
    if arguments.child is not None:
        await while_parent_lives(arguments.parent_fd, service)
    elif arguments.quickstart:
        async with catching(settings):
            await service
    else:
        await service


async def _ready(settings: Settings, greet: bool, parts: app.Parts) -> None:
    set_up_log(settings, parts.metrics.log_dropped)
    if greet:
        await welcome(settings, parts.tokens)


def _run_parent(settings: Settings, roles: frozenset[str], arguments: argparse.Namespace) -> int:
    words = ["--role", ",".join(sorted(roles))]
    words += ["--quickstart"] if arguments.quickstart else []
    file = None if arguments.quickstart else file_of(arguments)
    words += ["--config", str(file)] if file else []
    parent = Parent(settings, roles, arguments.processes, words, dict(os.environ), greet=arguments.quickstart)
    run_service(settings, parent.run())
    return parent.exit_code
