"""``madoguchi accounts``: what is configured, and how the running service finds it."""

from __future__ import annotations

import argparse
from typing import Any

from router.cli.ask import base_url, get
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure
from router.cli.show import Row, json_option, show
from router.settings import Settings

_BROKEN = ("degraded", "failed")


def configure(parser: argparse.ArgumentParser) -> None:
    config_option(parser)
    json_option(parser)
    parser.add_argument("--url", help="of the service; default: where the configuration says that it listens")


def run(arguments: argparse.Namespace) -> int:
    settings = configuration(arguments)
    try:
        known = _asked(arguments.url or base_url(settings))
    except Failure as error:
        known = {}
        trouble = str(error)
    else:
        trouble = ""
    rows = list(_rows(settings, known))
    show(rows, arguments.json, "no account is configured; see deploy/settings.md")
    if trouble:
        raise Failure(trouble)
    return 1 if any(row["state"] in _BROKEN for row in rows) else 0


def _asked(url: str) -> dict[str, list[dict[str, Any]]]:
    """What ``/readyz`` says of each account; one entry for each direction."""
    _, report = get(f"{url.rstrip('/')}/readyz")
    found: dict[str, list[dict[str, Any]]] = {}
    for part in (report or {}).get("accounts", []):
        name, _, direction = str(part.get("name", "")).partition(".")
        found.setdefault(name, []).append({"direction": direction, **part})
    return found


def _rows(settings: Settings, known: dict[str, list[dict[str, Any]]]) -> list[Row]:
    rows: list[Row] = []
    for name, account in settings.accounts.items():
        parts = known.get(name) or [{"state": "unknown" if account.enabled else "off"}]
        rows += [_row(name, account.connector, part) for part in parts]
    return rows


def _row(name: str, connector: str, part: dict[str, Any]) -> Row:
    told = {key: part.get(key) for key in ("direction", "state", "since", "reason", "last_ok")}
    return {"account": name, "connector": connector, **told}
