"""``madoguchi connectors``: the channels there are, and the making of another."""

from __future__ import annotations

import argparse
from typing import Protocol

from router.cli.connectors import checking, listing, making
from router.cli.failure import Misused


class Part(Protocol):
    """A module of this package."""

    ABOUT: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


_PARTS: dict[str, Part] = {"list": listing, "check": checking, "new": making}


def configure(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    for name, part in _PARTS.items():
        part.configure(below.add_parser(name, help=part.ABOUT, description=part.ABOUT.capitalize() + "."))


def run(arguments: argparse.Namespace) -> int:
    if arguments.action is None:
        raise Misused(f"madoguchi connectors needs one of {', '.join(_PARTS)}; for example: madoguchi connectors list")
    return _PARTS[arguments.action].run(arguments)
