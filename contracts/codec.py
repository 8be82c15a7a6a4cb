"""The bytes of the contracts: msgpack on streams, JSON over HTTP. Decoding never guesses.

An unknown type is handed back as :class:`Unknown` with its bytes; anything that is not what it claims to be raises
:class:`CodecError`. Unknown fields of a known type are passed over, so that newer writers do not break older readers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from contracts.commands import AnyCommand
from contracts.events import EventUnion

T = TypeVar("T")


class CodecError(ValueError):
    """Bytes that are not what they claim to be; the message says where and what was expected."""


class Unknown(msgspec.Struct, frozen=True):
    """An event or command of a type that this version does not know, kept whole."""

    type: str
    data: bytes


class _Tag(msgspec.Struct):
    type: str


def _no_extension(code: int, data: memoryview) -> Any:
    """Timestamps are the only extension of msgpack that the contracts use; JSON could not show another."""
    raise msgspec.ValidationError(f"extension type {code} means nothing here")


_encoder = msgspec.msgpack.Encoder()
_event_decoder = msgspec.msgpack.Decoder(EventUnion, ext_hook=_no_extension)
_command_decoder = msgspec.msgpack.Decoder(AnyCommand, ext_hook=_no_extension)
_tag_decoder = msgspec.msgpack.Decoder(_Tag)
_json_encoder = msgspec.json.Encoder()

# Invalid UTF-8 within text is reported by msgspec as UnicodeDecodeError, which is no DecodeError of its own.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_UNWRITABLE = (UnicodeEncodeError, OverflowError, TypeError, RecursionError)


def encode(value: Any) -> bytes:
    """Any contract value to msgpack bytes; times become msgpack timestamps.

    Raises:
        CodecError: msgpack cannot say it: half of a surrogate pair, an integer beyond 64 bits, nesting without end.
    """
    try:
        return _encoder.encode(value)
    except _UNWRITABLE as error:
        raise CodecError(f"{type(value).__name__} cannot be written: {error}") from None


def tag_of(value: msgspec.Struct) -> str:
    """The ``type`` of an event or command."""
    return str(value.__struct_config__.tag)


def decode_event(data: bytes) -> Any:
    """An event from its bytes, or :class:`Unknown`.

    Raises:
        CodecError: the bytes are no event at all, or a known event with wrong fields.
    """
    return _decode(_event_decoder, data, EVENT_TYPES)


def decode_command(data: bytes) -> Any:
    """A command from its bytes, or :class:`Unknown`.

    Raises:
        CodecError: the bytes are no command at all, or a known command with wrong fields.
    """
    return _decode(_command_decoder, data, COMMAND_TYPES)


def decode(data: bytes, kind: type[T]) -> T:
    """A value of ``kind`` from msgpack bytes, for example a stored conversation.

    Raises:
        CodecError: they are something else.
    """
    try:
        return msgspec.msgpack.decode(data, type=kind, ext_hook=_no_extension)
    except _UNREADABLE as error:
        raise CodecError(f"not a {kind.__name__}: {error}") from None


def to_json(value: Any) -> bytes:
    """JSON bytes; times are ISO 8601 in UTC with milliseconds, bytes are base64.

    Raises:
        CodecError: JSON cannot say it, as with :func:`encode`.
    """
    try:
        return _json_encoder.encode(to_plain(value))
    except _UNWRITABLE as error:
        raise CodecError(f"{type(value).__name__} cannot be written: {error}") from None


def to_plain(value: Any) -> Any:
    """The value as dicts, lists, text and numbers, times as ISO 8601 text with milliseconds."""
    return _iso(msgspec.to_builtins(value, builtin_types=(datetime,)))


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with milliseconds, for example ``2026-11-21T09:30:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(milliseconds: int) -> datetime:
    """The moment that many milliseconds after 1970, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def _decode(decoder: Any, data: bytes, known: frozenset[str]) -> Any:
    try:
        return decoder.decode(data)
    except _UNREADABLE as error:
        tag = _tag(data, error)
        if tag in known:
            raise CodecError(f"not a {tag}: {error}") from None
        return Unknown(tag, data)


def _tag(data: bytes, error: Exception) -> str:
    try:
        return _tag_decoder.decode(data).type
    except _UNREADABLE:
        raise CodecError(f"neither event nor command: {error}") from None


def _iso(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _key(key): _iso(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_iso(item) for item in value]
    return iso(value) if isinstance(value, datetime) else value


def _key(key: Any) -> str:
    """A key of a provider's own map as text: msgpack has keys of any kind, JSON of one."""
    return msgspec.json.encode(_iso(msgspec.to_builtins(key, builtin_types=(datetime,)))).decode().strip('"')


def _tags(union: Any) -> frozenset[str]:
    return frozenset(tag_of(member) for member in union.__args__)


EVENT_TYPES = _tags(EventUnion)
COMMAND_TYPES = _tags(AnyCommand)
