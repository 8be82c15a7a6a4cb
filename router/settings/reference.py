"""The reference page and the example file, written from the types, their defaults and the texts beside them."""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import textwrap
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from connectors import registry
from connectors.api import Connector, Secret
from router.settings.sections import Settings
from router.settings.shape import bare, fields_of, shape_of

Values = Mapping[tuple[str, ...], str]
"""Settings by path, as TOML text: these are set in an example, everything else is a comment."""

_SAMPLES = {
    ("accounts", "NAME", "connector"): '"webchat"',
    ("agents", "id"): '"aoi"',
    ("agents", "name"): '"Aoi"',
    ("media", "s3", "bucket"): '"my-bucket"',
    ("policy", "calendars", "office", "zone"): '"Asia/Tokyo"',
    ("policy", "calendars", "office", "week"): '{ mon = ["09:00-12:00", "13:00-18:00"], sat = ["10:00-15:00"] }',
    ("policy", "calendars", "office", "holidays"): '"JP"',
    ("policy", "queues", "escalate"): '"default"',
    ("policy", "queues", "hours"): '"office"',
    ("policy", "queues", "name"): '"default"',
    ("policy", "queues", "overflow", "do"): '"message"',
    ("policy", "queues", "overflow", "queue"): '"default"',
    ("policy", "queues", "overflow", "text"): '"closed"',
    ("policy", "queues", "sla"): '"standard"',
    ("policy", "rules", "name"): '"japanese"',
    ("policy", "rules", "queue"): '"default"',
    ("policy", "rules", "when", "languages"): '["ja"]',
    ("policy", "rules", "skills", "skill"): '"billing"',
    ("policy", "rules", "relax", "after_s"): "120",
    ("policy", "rules", "sla"): '"standard"',
    ("policy", "slas", "standard", "hours"): '"office"',
    ("policy", "slas", "standard", "notice"): '"late"',
    ("templates", "shipped", "texts"): '{ en = "Your order {number} is on its way." }',
    ("templates", "shipped", "params"): '["number"]',
    ("templates", "shipped", "channels", "whatsapp", "name"): '"order_shipped"',
}
_NAMES = {
    ("accounts",): "NAME",
    ("enrichers",): "sentiment",
    ("policy", "calendars"): "office",
    ("policy", "classes"): "chat",
    ("policy", "slas"): "standard",
    ("templates",): "shipped",
    ("templates", "channels"): "whatsapp",
    ("templates", "shipped", "channels"): "whatsapp",
}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Secret: "secret"}
_INTRODUCTION = """\
# Madoguchi's settings. What is commented out is the default.
#
# Every setting can be given by the environment too, and then wins: MADOGUCHI_<SECTION>__<KEY>, for example
# MADOGUCHI_STORE__URL (MADOGUCHI_STORE_URL will do) or MADOGUCHI_ACCOUNTS__SHOP__CHANNEL_SECRET.
# Every secret may stand in a file of its own, not readable for everybody, that <key>_file names:
# secret_file = "/run/secrets/madoguchi", or MADOGUCHI_SERVICE__SECRET_FILE.
#
# Check it: madoguchi check
"""


# -- what the source says -------------------------------------------------------------------------------------------


def docs_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field in the source, also of the fields that come from a parent."""
    docs: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        if issubclass(each, msgspec.Struct) and each is not msgspec.Struct:
            docs.update(_docs_in(each))
    return docs


def _docs_in(struct: type[msgspec.Struct]) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
            docs[field.target.id] = _one_line(below.value.value)  # type: ignore[attr-defined]
    return docs


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _about(struct: type[msgspec.Struct]) -> str:
    return _one_line(inspect.getdoc(struct) or "")


# -- the example ----------------------------------------------------------------------------------------------------


def example(values: Values | None = None) -> str:
    """A configuration file with every key; those of ``values`` are set."""
    lines = [_INTRODUCTION]
    for section, annotation in fields_of(Settings).items():
        lines += ["", *_section((section,), annotation, values or {})]
    lines += _connectors(values or {})
    return "\n".join(lines) + "\n"


def _section(path: tuple[str, ...], annotation: Any, values: Values) -> Iterator[str]:
    shape = shape_of(annotation)
    if shape.kind == "tables":
        path = (*path, _NAMES[path])
        shape, header = shape_of(shape.item), f"[{'.'.join(path)}]"
    elif shape.kind == "list":
        shape, header = shape_of(shape.item), f"[[{'.'.join(path)}]]"
    else:
        header = f"[{'.'.join(path)}]"
    assert shape.struct is not None
    yield from _comment(_about(shape.struct))
    is_set = any(place[: len(path)] == path for place in values) or (len(path) == 1 and not header.startswith("[["))
    yield header if is_set else f"#{header}"
    yield from _keys(path, shape.struct, values)


def _keys(path: tuple[str, ...], struct: type[msgspec.Struct], values: Values) -> Iterator[str]:
    docs = docs_of(struct)
    below: list[tuple[tuple[str, ...], Any]] = []
    for field in msgspec.structs.fields(struct):
        place = (*path, field.encode_name)
        if place in (("accounts", "NAME", "options"), ("enrichers", "sentiment", "options")):
            continue
        if _has_tables(field.type):
            below.append((place, field.type))
            continue
        yield from _comment(docs.get(field.name, ""))
        yield (
            f"{field.encode_name} = {values[place]}"
            if place in values
            else f"#{field.encode_name} = {_sample(place, field)}"
        )
    for place, annotation in below:
        yield ""
        yield from _section(place, annotation, values)


def _has_tables(annotation: Any) -> bool:
    shape = shape_of(annotation)
    return shape.kind in ("table", "tables") or (shape.kind == "list" and shape_of(shape.item).kind == "table")


def _sample(place: tuple[str, ...], field: Any) -> str:
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if place in _SAMPLES:
        return _SAMPLES[place]
    if default is None or default is msgspec.NODEFAULT:
        return _filler(field.type)
    return _toml(default)


def _filler(annotation: Any) -> str:
    kind = bare(annotation)
    if typing.get_origin(kind) is Literal:
        return _toml(typing.get_args(kind)[0])
    if shape_of(kind).kind == "list":
        return "[]"
    if typing.get_origin(kind) is dict:
        return "{}"
    return {int: "1", float: "1.0", bool: "false"}.get(kind, '""')


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{}" if not value else "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text.replace("``", ""), 110):
        yield f"# {line}"


def _connectors(values: Values) -> Iterator[str]:
    """Each connector with the settings that it cannot do without; NAME stands for a name of your own."""
    for name, kind in built_in().items():
        struct = kind.Settings
        path = ("accounts", f"my-{name}")
        mark = "" if (*path, "connector") in values else "#"
        yield ""
        yield f"# {kind.manifest.title}; all its settings are in deploy/settings.md."
        yield f"{mark}[{'.'.join(path)}]"
        yield f'{mark}connector = "{name}"'
        for field in msgspec.structs.fields(struct):
            place = (*path, field.encode_name)
            if place in values:
                yield f"{field.encode_name} = {values[place]}"
            elif field.required:
                yield from _comment(docs_of(struct).get(field.name, ""))
                yield f"#{field.encode_name} = {_filler(field.type)}"


def built_in() -> dict[str, type[Connector[Any]]]:
    """The connectors of this package, without those whose extra is not installed; others have pages of their own."""
    kinds: dict[str, type[Connector[Any]]] = {}
    for name in registry.names():
        with contextlib.suppress(registry.RegistryError):
            kinds[name] = registry.load(name)
    return {name: kind for name, kind in kinds.items() if kind.__module__.startswith("connectors.")}


# -- the page -------------------------------------------------------------------------------------------------------


def page() -> str:
    """The settings reference, in Markdown."""
    lines = ["# Settings", "", "<!-- Written by `madoguchi gen` from router/settings/sections.py. -->", ""]
    lines += [line.removeprefix("# ").removeprefix("#") for line in _INTRODUCTION.splitlines()[2:]]
    for section, annotation in fields_of(Settings).items():
        lines += _part((section,), annotation)
    for name, kind in built_in().items():
        lines += [
            "",
            f'## [accounts.NAME] with connector = "{name}"',
            "",
            _about(kind.Settings),
            "",
            *_rows(kind.Settings),
        ]
    return "\n".join(lines) + "\n"


def _part(path: tuple[str, ...], annotation: Any) -> Iterator[str]:
    shape = shape_of(annotation)
    title = ".".join(path)
    if shape.kind == "tables":
        title = f"[{title}.{_NAMES[path]}]"
    elif shape.kind == "list":
        title = f"[[{title}]]"
    else:
        title = f"[{title}]"
    struct = shape.struct or shape_of(shape.item).struct
    assert struct is not None
    yield from ("", f"## {title}", "", _ticks(_about(struct)), "", *_rows(struct))
    for key, inner in fields_of(struct).items():
        if _has_tables(inner):
            yield from _part((*path, key), inner)


def _ticks(text: str) -> str:
    return text.replace("``", "`")


def _rows(struct: type[msgspec.Struct]) -> Iterator[str]:
    docs = docs_of(struct)
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    for field in msgspec.structs.fields(struct):
        if not _has_tables(field.type) and field.name != "options":
            told = _ticks(docs.get(field.name, "")).replace("|", "\\|")
            yield f"| `{field.encode_name}` | {_kind(field.type)} | {_default(field)} | {told} |"


def _kind(annotation: Any) -> str:
    kind = bare(annotation)
    if typing.get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(kind))
    if shape_of(kind).kind == "list":
        return f"list of {_kind(typing.get_args(kind)[0])}"
    if typing.get_origin(kind) is dict:
        return f"table of {_kind(typing.get_args(kind)[1])}"
    return _WORDS.get(kind, "text")


def _default(field: Any) -> str:
    if field.required:
        return "**required**"
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    return "" if default is None else f"`{_toml(default)}`"
