"""The bytes of a working day: they decode for ever to the same values, and any msgpack library reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args

import jsonschema
import msgpack
import msgspec
import pytest

from contracts import export
from contracts.codec import decode_command, decode_event, encode, iso, to_plain
from contracts.content import KINDS, Part
from contracts.inbound import Inbound
from tests.contracts.examples import FOLDER, Example, all_news, examples, parts, rendered

each = pytest.mark.parametrize("one", examples(), ids=lambda one: one.name)


@each
def test_old_bytes_decode_to_equal_values(one: Example) -> None:
    assert _reader(one)(bytes.fromhex(one.hex.read_text())) == one.value


@each
def test_what_is_written_today_is_the_same(one: Example) -> None:
    assert encode(one.value).hex() == one.hex.read_text().strip()
    assert rendered(one.value) == one.json.read_text()


@each
def test_msgpack_reads_it_and_we_read_what_msgpack_writes(one: Example) -> None:
    """Values, not bytes: a map of less than 16 fields may have a head of three bytes when its type has more fields."""
    plain = msgpack.unpackb(bytes.fromhex(one.hex.read_text()), timestamp=3)
    assert _reader(one)(msgpack.packb(plain, datetime=True)) == one.value
    assert _shown(plain) == msgspec.json.decode(one.json.read_bytes())


@each
def test_the_json_fits_its_schema(one: Example) -> None:
    jsonschema.Draft202012Validator(export.schema(type(one.value))).validate(to_plain(one.value))


def test_there_is_one_of_each_kind() -> None:
    assert {type(part) for part in parts()} == set(get_args(Part))
    assert {part.__struct_config__.tag for part in parts()} == {*KINDS, "unsupported"}
    assert {type(news) for news in all_news()} == set(get_args(Inbound))


def test_no_file_is_left_over() -> None:
    """A type that is no longer written must still be read: keep its example."""
    names = [file.stem for file in FOLDER.iterdir()]
    assert sorted(set(names)) == sorted(one.name for one in examples())
    assert len(names) == 2 * len(set(names))


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return iso(value) if isinstance(value, datetime) else value


def _reader(one: Example) -> Callable[[bytes], Any]:
    return decode_event if one.name.startswith("event.") else decode_command
