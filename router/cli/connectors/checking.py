"""``madoguchi connectors check PACKAGE``: runs the conformance kit, and says which rule is broken and why."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Final

import msgspec

from connectors.registry import GROUP
from router.cli.connectors.judged import TARGET, Judged
from router.cli.failure import Failure
from router.cli.show import json_option, print_json

JUDGE: Final = "router.cli.connectors.judge"
ABOUT = "run the conformance kit against a connector's package"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", help="a folder, an installed package (madoguchi-acme, madoguchi_acme) or a channel")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("pytest") is None:
        raise Failure("the kit needs pytest, which is not installed", "pip install pytest")
    found = _tests(arguments.package)
    judged = _run(found)
    if not judged.kits and not judged.broken:
        raise Failure(
            f"no class in {found} inherits connectors.testing.ConnectorConformance",
            "connectors/GUIDE.md shows one; the tests of Madoguchi's own channels are in a checkout only",
        )
    if arguments.json:
        print_json(
            {"passed": judged.passed, "broken": [{"rule": rule, "why": why} for rule, why in judged.broken.items()]}
        )
    else:
        _tell(judged)
    return 1 if judged.broken else 0


def _tell(judged: Judged) -> None:
    for rule, why in judged.broken.items():
        print(f"✗ {rule}\n{_indented(why)}")
    many = len(judged.broken)
    print(f"{many} broken, {judged.passed} kept" if many else f"✓ all {judged.passed} checks passed")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[:12])


# -- where the tests are ----------------------------------------------------------------------------------------------


def _tests(package: str) -> Path:
    """The folder in which the package's tests are."""
    if Path(package).is_dir():
        return Path(package).resolve()
    for module in (*_modules_of_channel(package), _module_of(package), package):
        folder = _folder(module)
        if folder is not None:
            return folder
    raise Failure(
        f"{package!r} is no folder, no installed package and no channel",
        "name a folder (.), a distribution (madoguchi-acme) or a channel as madoguchi connectors list shows it",
    )


def _folder(module: str | None) -> Path | None:
    if module is None or not all(part.isidentifier() for part in module.split(".")):
        return None
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        return None
    folder = Path(places[0])
    beside = folder.parents[len(module.split(".")) - 1] / "tests" / Path(*module.split("."))
    return beside if beside.is_dir() else folder


def _module_of(package: str) -> str | None:
    """The module that an installed distribution's connector is in."""
    try:
        found = [point.module for point in distribution(package).entry_points if point.group == GROUP]
    except (PackageNotFoundError, ValueError):
        return None
    return found[0] if found else None


def _modules_of_channel(package: str) -> list[str]:
    return [point.module for point in entry_points(group=GROUP) if point.name == package]


# -- the run ----------------------------------------------------------------------------------------------------------


def _run(folder: Path) -> Judged:
    """Runs the tests in a process of their own, as the folder's configuration of pytest wants it.

    Raises:
        Failure: pytest came to nothing.
    """
    options = ["-p", JUDGE, "-p", "no:cacheprovider", "--import-mode=importlib", "-q", "-o", "addopts="]
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "judged.json"
        own = str(folder) if (folder / "pyproject.toml").exists() else ""
        path = os.pathsep.join(each for each in (own, os.environ.get("PYTHONPATH", "")) if each)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", str(folder), *options, "--continue-on-collection-errors"],
            env={**os.environ, TARGET: str(told), "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        if not told.exists():
            raise Failure(f"pytest cannot run in {folder}: {_last_words(done.stderr or done.stdout)}")
        return msgspec.json.decode(told.read_bytes(), type=Judged)


def _last_words(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
