"""The environment as a second source: ``MADOGUCHI_<SECTION>__<KEY>=value`` wins over the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors import registry
from router.settings.convert import Mismatch, convert
from router.settings.problem import Path, Problem
from router.settings.secret_file import secret_of
from router.settings.sections import Account, Settings
from router.settings.shape import Shape, fields_of, shape_of
from router.settings.unknown import nearest

PREFIX = "MADOGUCHI_"
CONFIG = "MADOGUCHI_CONFIG"
"""Names the configuration file."""
_OTHERS = frozenset({CONFIG, "MADOGUCHI_CONFIG_FILE", "MADOGUCHI_IMAGE", "MADOGUCHI_PORT"})
"""Read by us elsewhere, or by ``deploy/compose.yaml``."""
_KUBERNETES = re.compile(r"^(?!.*__)MADOGUCHI_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$")
"""Kubernetes gives every container variables of this form when a service of it is called madoguchi."""


@dataclass(slots=True)
class Overlay:
    """What the environment sets: raw values by path, the variable each came from, and what is wrong."""

    raw: dict[str, Any] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_environment(environ: Mapping[str, str], accounts: Mapping[str, Any]) -> Overlay:
    """Values for settings, still text. ``accounts``: those of the file, to find ``shop-line`` from ``SHOP_LINE``.

    One underscore is enough between section and key (``MADOGUCHI_STORE_URL``); deeper needs two. Lists are separated
    by commas. Lists of tables (agents, queues, rules) cannot be set here.
    """
    overlay = Overlay()
    ours = [name for name in environ if name.startswith(PREFIX) and name not in _OTHERS and not _KUBERNETES.match(name)]
    for name in sorted(ours, key=lambda name: (not name.endswith("__CONNECTOR"), name)):
        _take(overlay, name, environ[name], accounts)
    return overlay


def _take(overlay: Overlay, name: str, value: str, accounts: Mapping[str, Any]) -> None:
    words = _words(name.removeprefix(PREFIX).lower())
    if words[0] not in _sections():
        overlay.problems.append(Problem((), f"unknown variable {name}", _near_section(words[0]), file="environment"))
        return
    if words[0] == "accounts" and len(words) > 2:
        words = ["accounts", _account(words[1], accounts), *words[2:]]
    known = _joined(accounts, overlay.raw.get("accounts", {}))
    try:
        _put(overlay, name, words, _typed(words, value, known))
    except Mismatch as error:
        problem = error.problem
        overlay.problems.append(Problem((), f"{name}: {problem.cause}", problem.remedy, file="environment"))


def _words(name: str) -> list[str]:
    return name.split("__") if "__" in name else name.split("_", 1)


def _sections() -> list[str]:
    return list(fields_of(Settings))


def _near_section(word: str) -> str:
    return f"MADOGUCHI_<SECTION>__<KEY>, sections: {nearest(word, _sections())}"


def _account(word: str, accounts: Mapping[str, Any]) -> str:
    """A variable's name cannot have a hyphen; the file's account can."""
    return next((name for name in accounts if name.replace("-", "_") == word), word)


def _typed(words: list[str], value: str, accounts: Mapping[str, Any]) -> Any:
    annotation: Any = Settings
    for index, word in enumerate(words):
        if index == 2 and words[0] == "accounts" and word not in fields_of(Account):
            annotation = _option(accounts.get(words[1]), word)
            break
        annotation = _below(shape_of(annotation), word)
    return _read(value, annotation)


def _read(value: str, annotation: Any) -> Any:
    shape = shape_of(annotation)
    if shape.kind == "list" and not shape_of(shape.item).struct:
        return [part.strip() for part in value.split(",") if part.strip()]
    if shape.kind != "leaf":
        raise Mismatch(Problem((), "a table cannot be set by a variable", "set it in the file"))
    return value if shape.secret or annotation is str else convert(value, annotation, lax=True)


def _below(shape: Shape, word: str) -> Any:
    if shape.kind == "tables":
        return shape.item
    if shape.struct is None:
        raise Mismatch(Problem((), f"there is nothing below it that is called {word}", "set it in the file"))
    fields = fields_of(shape.struct)
    key = secret_of(word, fields) or word
    if key not in fields:
        raise Mismatch(Problem((), "unknown setting", nearest(word, fields)))
    return fields[key]


def _option(table: Any, key: str) -> Any:
    """The type of a connector's own setting; text when the connector cannot be asked, which is told elsewhere."""
    try:
        fields = fields_of(registry.load(str(table["connector"])).Settings)
    except (registry.RegistryError, KeyError, TypeError):
        return str
    return fields.get(key, str)


def _put(overlay: Overlay, name: str, words: list[str], value: Any) -> None:
    table = overlay.raw
    for word in words[:-1]:
        table = table.setdefault(word, {})
    table[words[-1]] = value
    overlay.names[tuple(words)] = name


def _joined(file: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    tables = {name: table for name, table in file.items() if isinstance(table, dict)}
    return tables | {name: tables.get(name, {}) | table for name, table in variables.items()}
