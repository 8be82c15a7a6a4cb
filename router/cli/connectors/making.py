"""``madoguchi connectors new NAME``: a package of its own with code, cases, tests, README and CI, that passes."""

from __future__ import annotations

import argparse
import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from connectors.registry import names
from router.cli.failure import Failure, Misused

ABOUT = "write the package of a new connector"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")
_TITLE: Final = re.compile(r"[\w .&()-]{1,60}")
_PLACES: Final = {
    "connector.py.txt": "{module}/connector.py",
    "simulator.py.txt": "{module}/simulator.py",
    "__init__.py.txt": "{module}/__init__.py",
    "README.md.txt": "{module}/README.md",
    "test.py.txt": "{module}/tests/test_{name}.py",
    "pyproject.toml.txt": "pyproject.toml",
    "ci.yml.txt": ".github/workflows/check.yml",
}
"""Where each file of the template goes; cases go beside the test."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the channel, in lower case: acme, my_gateway")
    parser.add_argument("--into", metavar="FOLDER", help="where to write it; default: madoguchi-NAME here")
    parser.add_argument("--title", help="the provider's name for people; default: made from the name")


def run(arguments: argparse.Namespace) -> int:
    name = _checked(arguments.name)
    if arguments.title is not None and not _TITLE.fullmatch(arguments.title):
        raise Misused(f"{arguments.title!r} cannot be a title: up to 60 letters, digits, spaces and . - & ( )")
    folder = Path(arguments.into or f"madoguchi-{_dashed(name)}")
    if folder.exists():
        raise Failure(f"{folder} is there already and is not overwritten", "name another: --into FOLDER")
    _write(folder, package(name, arguments.title))
    print(f"wrote {folder}: a connector that works, its fake provider, cases and tests")
    print(f"next: cd {folder} && pip install -e '.[test]' && madoguchi connectors check .")
    return 0


def package(name: str, title: str | None = None) -> dict[str, str]:
    """The text of each file by its path in the package."""
    words = {
        "{name}": name,
        "{dashed}": _dashed(name),
        "{module}": f"madoguchi_{name}",
        "{class}": "".join(word.capitalize() for word in name.split("_")),
        "{title}": title or " ".join(word.capitalize() for word in name.split("_")),
    }
    template = files("router.cli.connectors") / "template"
    places = {place: template / source for source, place in _PLACES.items()}
    for folder in ("", "in", "out"):
        places.update(_cases(template / "cases" / folder if folder else template / "cases", folder))
    return {_filled(place, words): _filled(source.read_text("utf-8"), words) for place, source in places.items()}


def _cases(folder: Traversable, name: str) -> dict[str, Traversable]:
    below = f"{{module}}/tests/cases/{name}/" if name else "{module}/tests/cases/"
    return {below + each.name: each for each in folder.iterdir() if each.name.endswith(".json")}


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise Misused(f"{name!r} cannot be a channel's name: 2 to 31 lower-case letters, digits and _, a letter first")
    if name in names():
        raise Misused(f"a connector {name!r} is installed already; choose another name")
    return name


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _write(folder: Path, made: dict[str, str]) -> None:
    try:
        for place, text in made.items():
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    except OSError as error:
        raise Failure(f"{folder} cannot be written ({error.strerror})", "name another: --into FOLDER") from None
