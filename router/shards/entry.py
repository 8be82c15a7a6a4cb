"""A command on its way through a shard: as it stands in the stream, and decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from contracts.codec import CodecError, Unknown, decode_command

DATA: Final = b"data"
SENDER: Final = b"from"
NUMBER: Final = b"n"
RAW: Final = b"raw"

_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Received:
    """One entry of a command stream. ``command`` is None when it cannot be understood; ``problem`` then says why."""

    id: str
    at_ms: int
    data: bytes
    raw: bytes | None
    command: Any
    problem: str | None
    sender: str | None
    number: int


def read_entry(id: bytes, fields: list[bytes]) -> Received:
    """An entry from its raw reply. Total: a malformed one carries its problem."""
    values = dict(zip(fields[::2], fields[1::2], strict=False))
    data = values.get(DATA, b"")
    command, problem = _decode(data)
    text = id.decode("ascii")
    sender = values.get(SENDER)
    return Received(
        text,
        int(text.partition("-")[0]),
        data,
        values.get(RAW),
        command,
        problem,
        None if sender is None else sender.decode("utf-8", "replace"),
        _number(values.get(NUMBER)),
    )


def _decode(data: bytes) -> tuple[Any, str | None]:
    try:
        command = decode_command(data)
    except CodecError as error:
        return None, str(error)
    if isinstance(command, Unknown):
        return None, f"a command of the unknown type {command.type!r}; a newer version may know it"
    return command, None


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) < _DIGITS else 0
