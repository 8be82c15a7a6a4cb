"""Reading JSON strictly: whatever is wrong with the bytes is the sender's 400, 413, 415 or 422, never our 500.

aiohttp's own ``request.json()`` answers 500 for deep nesting, 5,000-digit integers, an unknown charset and invalid
UTF-8, and takes NaN; so bytes are read here, within a size and a time, and decoded by msgspec.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from router.api.problems import ApiError, bad_input

T = TypeVar("T")

MOST_BYTES: Final = 1_048_576
MOST_DEPTH: Final = 32
READ_TIMEOUT_S: Final = 10.0
_INT_LOW: Final = -(2**63)
_INT_HIGH: Final = 2**63 - 1


async def read_body(request: web.Request, most: int = MOST_BYTES) -> bytes:
    """The body's bytes.

    Raises:
        ApiError: 415 not JSON or compressed, 413 too large, 408 too slow.
    """
    _check_headers(request)
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await gather(request, most)
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {READ_TIMEOUT_S:.0f} seconds") from None


async def gather(request: web.Request, most: int) -> bytes:
    """The body's bytes as they come.

    Raises:
        ApiError: 413 more than ``most``.
    """
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most)
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _check_headers(request: web.Request) -> None:
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    charset = parameters.strip().lower().replace('"', "")
    if kind != "application/json" or charset not in ("", "charset=utf-8", "charset=utf8"):
        raise ApiError(415, "the body must be application/json in UTF-8", expected="Content-Type: application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(415, "a compressed body is not taken", expected="no Content-Encoding")


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"the body is larger than {most} bytes")


def decode(body: bytes, kind: type[T]) -> T:
    """A value of ``kind`` from JSON.

    Raises:
        ApiError: 400 no JSON at all (or too deep, or a number too large), 422 JSON that says something else.
    """
    given = _parse(body)
    try:
        value = msgspec.convert(given, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise wrong(str(error)) from None
    refuse_unknown(given, value)
    return value


def _parse(body: bytes) -> Any:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON: {_say(error)}", name="not-json", where="$") from None
    _check_values(given)
    return given


def _say(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 at byte {error.start}"
    return str(error)


def _check_values(given: Any) -> None:
    level = [given]
    for _ in range(MOST_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ApiError(400, f"the body is nested more than {MOST_DEPTH} deep", name="not-json", where="$")


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    elif isinstance(value, int) and not _INT_LOW <= value <= _INT_HIGH:
        raise ApiError(400, "an integer has more than 64 bits", name="not-json", where="$")


def wrong(message: str) -> ApiError:
    """A validation message of msgspec, told with its place apart."""
    said, _, place = message.partition(" - at `")
    expected = said.removeprefix("Expected ").partition(", got")[0] if said.startswith("Expected ") else None
    return bad_input(said, where=place.rstrip("`") or "$", expected=expected)


def refuse_unknown(given: Any, value: Any, where: str = "$") -> None:
    """Raises ApiError at the first field that the type does not know: misspelt ones must not pass in silence."""
    if isinstance(given, dict) and isinstance(value, msgspec.Struct):
        known = fields_of(type(value))
        for name, inner in given.items():
            if name not in known:
                raise _unknown(name, sorted(known), where)
            if known[name]:
                refuse_unknown(inner, getattr(value, known[name]), f"{where}.{name}")
    elif isinstance(given, list) and isinstance(value, tuple | list):
        for number, (inner, item) in enumerate(zip(given, value, strict=False)):
            refuse_unknown(inner, item, f"{where}[{number}]")
    elif isinstance(given, dict) and isinstance(value, dict):
        for name, inner in given.items():
            refuse_unknown(inner, value.get(name), f"{where}.{name}")


def _unknown(name: str, known: list[str], where: str) -> ApiError:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return bad_input(f"unknown field {name[:80]!r}{hint}", where=f"{where}.{name[:80]}", expected=", ".join(known))


@cache
def fields_of(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Names on the wire to attribute names; a tag field has an empty one."""
    found = {field.encode_name: field.name for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    return found | ({tag: ""} if tag else {})


def read_query(request: web.Request, kind: type[T]) -> T:
    """The query string as a ``kind``, whose fields are all optional. Raises ApiError 400."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise bad_input(f"the query has {name[:80]!r} twice", where=f"?{name[:80]}", status=400)
        given[name] = value
    try:
        found = msgspec.convert(given, kind, strict=False)
        refuse_unknown(given, found, "?")
    except msgspec.ValidationError as error:
        raise _in_query(wrong(str(error))) from None
    except ApiError as error:
        raise _in_query(error) from None
    return found


def _in_query(error: ApiError) -> ApiError:
    where = (error.problem.where or "?").replace("$.", "?").replace("?.", "?")
    return bad_input(error.problem.detail, where=where, expected=error.problem.expected, status=400)
