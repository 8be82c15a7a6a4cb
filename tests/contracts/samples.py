"""A value of any contract type with every field set, always the same: for golden bytes and schema tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import inspect

MOMENT = datetime(2026, 11, 21, 9, 30, 0, 123000, tzinfo=UTC)


def sample(kind: type[msgspec.Struct]) -> Any:
    """The value."""
    return msgspec.convert(_struct(inspect.type_info(kind), 0), kind)


def _struct(info: Any, depth: int) -> dict[str, Any]:
    found = {field.encode_name: _of(field.type, field.encode_name, depth + 1) for field in info.fields}
    if info.tag_field:
        found[info.tag_field] = info.tag
    return {name: value for name, value in found.items() if value is not msgspec.UNSET}


def _of(info: Any, name: str, depth: int) -> Any:
    match info:
        case inspect.StructType():
            return _struct(info, depth)
        case inspect.UnionType():
            return _of(_chosen(info, depth), name, depth)
        case inspect.VarTupleType() | inspect.ListType():
            return _items(info.item_type, name, depth)
        case inspect.DictType():
            return {"鍵": _of(info.value_type, name, depth)}
        case _:
            return _scalar(info, name)


def _items(info: Any, name: str, depth: int) -> list[Any]:
    if isinstance(info, inspect.UnionType) and depth < 5:
        return [_of(one, name, depth) for one in info.types]
    return [_of(info, name, depth)]


def _chosen(info: Any, depth: int) -> Any:
    real = [one for one in info.types if not isinstance(one, inspect.NoneType)]
    return real[0]


def _scalar(info: Any, name: str) -> Any:
    match info:
        case inspect.StrType():
            return f"{name}・値"
        case inspect.IntType():
            return 70_000 + len(name)
        case inspect.FloatType():
            return 35.5
        case inspect.BoolType():
            return True
        case inspect.DateTimeType():
            return MOMENT
        case inspect.LiteralType():
            return info.values[-1]
        case inspect.BytesType():
            return b"\x00\xff"
        case inspect.AnyType():
            return {"any": [1, "二", None, 2.5]}
        case _:
            raise TypeError(f"no sample for {info!r}")
