"""``madoguchi connectors list``: each installed channel and what it can do."""

from __future__ import annotations

import argparse
from typing import Any, Final

from connectors.api import Connector
from connectors.registry import RegistryError, load, names
from router.cli.connectors.matrix import FACTS, SIGNS, row
from router.cli.failure import Failure
from router.cli.show import json_option, print_json, show

ABOUT = "what each installed channel can do"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", nargs="?", help="only this one, with every reason")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.channel is not None:
        return _one(load(arguments.channel), arguments.json)
    good, bad = installed()
    if arguments.json:
        print_json([*map(row, good), *({"channel": name, "problem": why} for name, why in bad.items())])
        return 0
    show([_short(cls) for cls in good], False, "no connector is installed")
    print("\ncarries: T text, I image, A audio, V video, F file, L location, C contact card, S sticker, O options,")
    print("P postback, R reaction, M template, K call; capital natively, small as something lesser")
    for name, why in bad.items():
        print(f"{name}: {why}")
    return 0


def installed() -> tuple[list[type[Connector[Any]]], dict[str, str]]:
    """The connectors that load, and why the others do not."""
    good: list[type[Connector[Any]]] = []
    bad: dict[str, str] = {}
    for name in names():
        try:
            good.append(load(name))
        except RegistryError as error:
            bad[name] = str(error)
    return good, bad


_LETTERS: Final = {
    "text": "t", "image": "i", "audio": "a", "video": "v", "file": "f", "location": "l", "contact_card": "c",
    "sticker": "s", "choice": "o", "postback": "p", "reaction": "r", "template": "m", "call": "k",
}  # fmt: skip


def _short(cls: type[Connector[Any]]) -> dict[str, Any]:
    carries = cls.manifest.carries
    letters = [
        letter.upper() if carries[kind].support == "native" else letter
        for kind, letter in _LETTERS.items()
        if kind in carries and carries[kind].support != "refused"
    ]
    facts = {about: tell(cls) for about, tell in FACTS.items()}
    return {"channel": cls.manifest.name, "carries": "".join(letters), **facts}


def _one(cls: type[Connector[Any]], as_json: bool) -> int:
    if as_json:
        notes = {kind: carry.how for kind, carry in cls.manifest.carries.items() if carry.how}
        print_json({**row(cls), "notes": notes})
        return 0
    for about, tell in FACTS.items():
        print(f"{about}: {tell(cls)}")
    for kind, carry in cls.manifest.carries.items():
        print(f"{SIGNS[carry.support]} {kind}: {carry.support}{f' ({carry.how})' if carry.how else ''}")
    if not cls.manifest.carries:
        raise Failure(f"{cls.manifest.name} declares nothing in carries")
    return 0
