"""What shape a settings type has: which keys, what is below them, which are secrets."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from connectors.api import Secret


@dataclass(frozen=True, slots=True)
class Shape:
    """``table``: keys as in ``struct``; ``tables``: named tables, ``list``: a list, of things shaped as ``item``."""

    kind: Literal["table", "tables", "list", "leaf"]
    type: Any
    struct: type[msgspec.Struct] | None = None
    item: Any = None
    secret: bool = False


def shape_of(annotation: Any) -> Shape:
    """The shape behind an annotation; optional and annotated types are seen through."""
    kind = bare(annotation)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if is_struct(kind):
        return Shape("table", kind, struct=kind)
    if origin is dict and is_struct(bare(args[1])):
        return Shape("tables", kind, item=args[1])
    if origin in (tuple, list):
        return Shape("list", kind, item=args[0], secret=args[0] is Secret)
    return Shape("leaf", kind, secret=kind is Secret)


def fields_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Key to annotation, in the order of the source."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def is_struct(kind: Any) -> bool:
    """Is it a table with fixed keys?"""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def bare(annotation: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    if typing.get_origin(annotation) is typing.Annotated:
        return bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [member for member in typing.get_args(annotation) if member is not type(None)]
        return bare(rest[0]) if len(rest) == 1 else annotation
    return annotation
