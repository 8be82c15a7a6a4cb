"""``madoguchi token``: who may use the API."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime, timedelta

from router.api.tokens import SCOPES, TokenStore
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure
from router.cli.reach import reach
from router.cli.show import json_option, print_json, show
from router.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a token; it is shown once")
    create.add_argument("name", help="who or what it is for")
    create.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it opens; default: read (with --agent: reply)"
    )
    create.add_argument("--agent", metavar="ID", help="whoever holds it is this agent")
    create.add_argument("--days", type=int, help="how long it is good for; default: until it is revoked")
    listing = actions.add_parser("list", help="every token, without its secret")
    revoke = actions.add_parser("revoke", help="take a token back, at once")
    revoke.add_argument("id", help="as the list shows it")
    for below in (create, listing, revoke):
        config_option(below)
        json_option(below)


def run(arguments: argparse.Namespace) -> int:
    action = {"create": _create, "list": _list, "revoke": _revoke}[arguments.action]
    asyncio.run(action(configuration(arguments), arguments))
    return 0


async def _create(settings: Settings, arguments: argparse.Namespace) -> None:
    if arguments.days is not None and arguments.days < 1:
        raise Failure("a token is good for at least one day", "give --days 1 or more, or leave it out")
    scopes = tuple(dict.fromkeys(arguments.scope or (["read", "reply"] if arguments.agent else ["read"])))
    expires = datetime.now(UTC) + timedelta(days=arguments.days) if arguments.days else None
    async with reach(settings) as store:
        tokens = TokenStore(store.lane("tokens", durable=True))
        token, text = await tokens.create(arguments.name, scopes, agent=arguments.agent, expires_at=expires)
    if arguments.json:
        print_json({"token": token, "text": text})
    else:
        print(text)


async def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        found = await TokenStore(store.lane("tokens")).all()
    rows = [
        {"id": one.id, "name": one.name, "scopes": one.scopes, "agent": one.agent, "created_at": one.created_at,
         "expires_at": one.expires_at}
        for one in found
    ]  # fmt: skip
    show(rows, arguments.json, "no token yet; make one with: madoguchi token create NAME")


async def _revoke(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        if not await TokenStore(store.lane("tokens", durable=True)).revoke(arguments.id):
            raise Failure(f"no token has the id {arguments.id!r}", "madoguchi token list shows them")
    if arguments.json:
        print_json({"revoked": arguments.id})
    else:
        print(f"revoked {arguments.id}")
