"""``madoguchi gen``: writes again what follows from the code. The files are committed, and tests want them fresh."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import pathlib
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Any, Final

from connectors.registry import GROUP
from router.cli.failure import Failure
from router.cli.show import json_option, print_json
from router.settings.reference import example, page

ROOT: Final = pathlib.Path(__file__).parents[2]

Files = Mapping[pathlib.Path, bytes]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when something is not fresh")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    if not (ROOT / "pyproject.toml").is_file():
        raise Failure("this is for a checkout of the source", "clone it and run make gen there")
    changed = sorted(str(file.relative_to(ROOT)) for file, data in everything().items() if _differs(file, data))
    if not arguments.check:
        _write()
    if arguments.json:
        print_json({"changed": changed})
    else:
        print("\n".join(changed) or "everything is fresh")
    return 1 if arguments.check and changed else 0


def everything() -> dict[pathlib.Path, bytes]:
    """Every generated file, by its path, with the bytes that it should have."""
    return {file: data for make in _MAKERS for file, data in make().items()}


def _write() -> None:
    for file, data in everything().items():
        if _differs(file, data):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def _differs(file: pathlib.Path, data: bytes) -> bool:
    return not file.is_file() or file.read_bytes() != data


def _settings() -> Files:
    deploy = ROOT / "deploy"
    return {deploy / "settings.md": page().encode(), deploy / "madoguchi.example.toml": example().encode()}


def _schemas() -> Files:
    """JSON Schemas and AsyncAPI."""
    if importlib.util.find_spec("contracts.export") is None:
        return {}
    export: Any = importlib.import_module("contracts.export")
    files: Files = export.files()
    return {ROOT / name: data for name, data in files.items()}


def _openapi() -> Files:
    openapi: Any = importlib.import_module("router.api.openapi")
    return {openapi.TARGET: openapi.document()}


def _matrix() -> Files:
    """The channels by capability: of this source's own entry points, whatever else is installed."""
    matrix: Any = importlib.import_module("router.cli.connectors.matrix")
    return {ROOT / "connectors" / "MATRIX.md": matrix.page(own(ROOT / "pyproject.toml")).encode()}


def own(project: pathlib.Path) -> list[Any]:
    """The connector classes that a project's entry points name."""
    points = tomllib.loads(project.read_text("utf-8"))["project"]["entry-points"][GROUP]
    return [EntryPoint(name, value, GROUP).load() for name, value in points.items()]


_MAKERS: Final[tuple[Callable[[], Files], ...]] = (_settings, _schemas, _openapi, _matrix)
