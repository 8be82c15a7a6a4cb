"""Old bytes decode for ever, and what we write is what any msgpack library writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgpack
import msgspec
import pytest

from contracts import codec, export
from contracts.codec import CodecError, Unknown, decode_command, decode_event, encode, to_plain
from tests.contracts.golden import FOLDER, TYPES, golden
from tests.contracts.samples import MOMENT, sample

FILES = sorted(FOLDER.glob("*.hex"))
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_old_bytes_decode_and_come_out_as_they_were(file: Path) -> None:
    data = bytes.fromhex(file.read_text())
    value = decode_event(data) if file.name.startswith("event.") else decode_command(data)
    assert not isinstance(value, Unknown)
    # Not the bytes: the head of a map grows from one byte to three when its type has got more than 15 fields since.
    assert msgpack.unpackb(encode(value), timestamp=3) == msgpack.unpackb(data, timestamp=3)


@pytest.mark.parametrize(("kind", "cls"), TYPES, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_every_type_and_field_has_golden_bytes(kind: str, cls: Any) -> None:
    known = golden(kind, export.name_of(cls))
    assert encode(sample(cls)) in known, "a new type or field: run python -m tests.contracts.golden"


@pytest.mark.parametrize(("kind", "cls"), TYPES, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_msgpack_reads_and_writes_the_same_bytes(kind: str, cls: Any) -> None:
    data = encode(sample(cls))
    plain = msgpack.unpackb(data, timestamp=3)
    assert msgpack.packb(plain, datetime=True) == data
    assert codec.iso(plain.get("at", MOMENT)) == "2026-11-21T09:30:00.123Z"


@pytest.mark.parametrize(("kind", "cls"), TYPES, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_json_of_every_type_fits_its_schema(kind: str, cls: Any) -> None:
    schema = export.schema(cls)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(to_plain(sample(cls)))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**to_plain(sample(cls)), "type": "something.else"})


def test_the_documents_are_fresh() -> None:
    for name, data in export.files().items():
        assert (ROOT / name).read_bytes() == data, f"{name}: run make gen"
    wanted = {*export.files(), "contracts/schema/openapi.json"}
    there = {str(file.relative_to(ROOT)) for file in (ROOT / export.FOLDER).rglob("*.json")}
    assert there == wanted


def test_asyncapi_names_every_event_and_every_reference_leads_somewhere() -> None:
    document = export.asyncapi()
    assert set(document["components"]["messages"]) == codec.EVENT_TYPES | codec.COMMAND_TYPES
    for ref in references(document):
        found: Any = document
        for step in ref.removeprefix("#/").split("/"):
            found = found[step]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [ref for inner in value.values() for ref in references(inner)]
    return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []


def test_unknown_types_are_kept_and_unknown_fields_passed_over() -> None:
    data = msgspec.msgpack.encode({"type": "message.teleported", "id": "x", "at": 1})
    assert decode_event(data) == Unknown("message.teleported", data)
    newer = {"type": "conversation.unassigned", "id": "x", "at": MOMENT, "reason": "r", "new": 1}
    known = msgspec.msgpack.encode(newer)
    assert decode_event(known).reason == "r"


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01", b"\x80", b"\x91" * 100_000, b"\xdf\xff\xff\xff\xff",
    b"\x81\xa4type\xb0message.received", b"\x81\xa4type\x01",
    b"\x82\xa4type\xb0message.received\xa2id\x01"])  # fmt: skip
def test_bytes_that_are_nothing_are_refused_not_guessed(data: bytes) -> None:
    for decode in (decode_event, decode_command):
        try:
            value = decode(data)
        except CodecError:
            continue
        assert isinstance(value, Unknown)
