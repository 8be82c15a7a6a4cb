"""Every value that does not fit its type, and every required key that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import msgspec

from router.settings.convert import Mismatch, convert
from router.settings.problem import Path, Problem
from router.settings.shape import Shape, bare, fields_of, shape_of
from router.settings.unknown import nearest


def mismatches(raw: Any, annotation: Any, path: Path = ()) -> Iterator[Problem]:
    """Looks at each value by itself, so that all are found at once and each is told by its exact place."""
    shape = shape_of(annotation)
    if shape.kind == "table" and isinstance(raw, dict):
        yield from _table(raw, shape, path)
    elif shape.kind == "tables" and isinstance(raw, dict):
        for key, value in raw.items():
            yield from mismatches(value, shape.item, (*path, key))
    elif shape.kind == "list" and isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from mismatches(value, shape.item, (*path, index))
    else:
        yield from _leaf(raw, annotation, path)


def _table(raw: dict[str, Any], shape: Shape, path: Path) -> Iterator[Problem]:
    assert shape.struct is not None
    fields = fields_of(shape.struct)
    for key in raw:
        if key in fields:
            yield from mismatches(raw[key], fields[key], (*path, key))
    for field in msgspec.structs.fields(shape.struct):
        if field.required and field.encode_name not in raw:
            yield Problem((*path, field.encode_name), "missing", "set it")


def _leaf(raw: Any, annotation: Any, path: Path) -> Iterator[Problem]:
    try:
        convert(raw, annotation, path)
    except Mismatch as error:
        kind = bare(annotation)
        is_choice = get_origin(kind) is Literal and isinstance(raw, str)
        yield replace(error.problem, remedy=nearest(raw, get_args(kind))) if is_choice else error.problem
