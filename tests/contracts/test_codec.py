"""What the codec does with anything at all: bytes of anybody's, and values that msgpack or JSON cannot say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from contracts import commands, events
from contracts.codec import CodecError, Unknown, decode, decode_command, decode_event, encode, to_json
from contracts.content import Text
from contracts.conversation import Conversation
from contracts.message import Message
from contracts.policy import Policy

AT = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
RECEIVED = events.MessageReceived(
    id="ev_1", at=AT, conversation="cv_07_a", contact="ct_07_a", seq=2,
    message=Message(
        id="ms_1", conversation="cv_07_a", contact="ct_07_a", seq=2, direction="inbound", channel="line",
        account="honten", address="U1", parts=(Text("領収書をお願いします🙏"),), at=AT,
        extra={"絵文字": [1, None, 2.5]},
    ),
)  # fmt: skip
SEND = commands.SendMessage(conversation="cv_07_a", message="ms_2", parts=(Text("はい。"),), extra={"a": 1})
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
    | st.binary() | MOMENTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def understood(data: bytes) -> list[Any]:
    """What the decoders make of it, unknown types aside; anything but an answer or a CodecError ends the test."""
    found = []
    for read in (decode_event, decode_command, lambda data: decode(data, Conversation)):
        try:
            found.append(read(data))
        except CodecError as error:
            assert str(error)
    return [value for value in found if not isinstance(value, Unknown)]


def harmless(data: bytes) -> None:
    """What is understood can be shown and written again."""
    for value in understood(data):
        json.loads(to_json(value))
        encode(value)


# -- reading ---------------------------------------------------------------------------------------------------------


@seed(20261121)
@settings(max_examples=2_000, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    harmless(data)


@seed(20261121)
@settings(max_examples=2_000, deadline=None)
@given(st.sampled_from([RECEIVED, SEND]), st.data())
def test_changed_bytes_are_refused_or_harmless(value: msgspec.Struct, data: st.DataObject) -> None:
    changed = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    harmless(bytes(changed))


@seed(20261121)
@settings(max_examples=2_000, deadline=None)
@given(st.sampled_from([RECEIVED, SEND]), st.data())
def test_wrong_types_are_refused(value: msgspec.Struct, data: st.DataObject) -> None:
    fields = msgpack.unpackb(encode(value), timestamp=3)
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(PLAIN)
    harmless(msgpack.packb(fields, datetime=True))


@pytest.mark.parametrize("value", [RECEIVED, SEND], ids=["event", "command"])
def test_every_truncation_is_refused(value: msgspec.Struct) -> None:
    data = encode(value)
    assert [understood(data[:size]) for size in range(len(data))] == [[]] * len(data)


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a", b"\x81", b"\xdd\x00\x00\x00\x01"])
@pytest.mark.parametrize("before", [b"", encode(SEND)[:-2] + b"\xc0\xa5other", b"\x82\xa4type\xa1x\xa1a"])
def test_endless_nesting_is_refused(opening: bytes, before: bytes) -> None:
    harmless(before + opening * 200_000)


@pytest.mark.parametrize("size", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"])
def test_a_size_that_is_a_lie_costs_nothing(size: bytes) -> None:
    assert understood(size) == []
    assert understood(encode(SEND)[:-1] + size) == []


@pytest.mark.parametrize("data", [
    b"\x81\xa4type\xa2\xff\xfe",
    b"\x82\xa4type\xacsend_message\xacconversation\xa3a\xffb",
    b"\x82\xa4type\xaemessage.unsent\xa2id\xa3\xed\xa0\x80",
])  # fmt: skip
def test_text_that_is_not_utf_8_is_refused(data: bytes) -> None:
    assert understood(data) == []


def test_an_unknown_type_is_kept_whole() -> None:
    data = msgpack.packb({"at": AT, "type": "message.teleported", "whither": "月"}, datetime=True)
    assert decode_event(data) == decode_command(data) == Unknown("message.teleported", data)


def test_an_event_is_no_command_and_a_command_no_event() -> None:
    assert decode_command(encode(RECEIVED)) == Unknown("message.received", encode(RECEIVED))
    assert decode_event(encode(SEND)) == Unknown("send_message", encode(SEND))


@pytest.mark.parametrize("value", [RECEIVED, SEND, commands.PublishPolicy(policy=Policy())], ids=type)
def test_unknown_fields_are_passed_over_at_every_depth(value: msgspec.Struct) -> None:
    read: Callable[[bytes], Any] = decode_event if value is RECEIVED else decode_command
    assert read(msgpack.packb(_with_news(msgpack.unpackb(encode(value), timestamp=3)), datetime=True)) == value


def _with_news(value: Any) -> Any:
    if isinstance(value, dict):
        known = {key: item if key == "extra" else _with_news(item) for key, item in value.items()}
        return {**known, "of_a_newer_version": {"a": [1]}}
    return [_with_news(item) for item in value] if isinstance(value, list) else value


def test_extensions_other_than_times_are_refused() -> None:
    fields = msgpack.unpackb(encode(SEND))
    assert understood(msgpack.packb({**fields, "extra": {"a": msgpack.ExtType(5, b"x")}})) == []


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [encode, to_json])
@pytest.mark.parametrize("value", [
    events.MessageUnsent(id="\ud83d", at=AT, message_id="x"),
    msgspec.structs.replace(SEND, parts=(Text("\udc00"),)),
    msgspec.structs.replace(SEND, extra={"\ud800": 1}),
    reduce(lambda inner, _: [inner], range(100_000), []),
    {"a": object()},
], ids=["event", "text", "key", "deep", "object"])  # fmt: skip
def test_what_cannot_be_written_is_a_codec_error(write: Callable[[Any], bytes], value: Any) -> None:
    with pytest.raises(CodecError, match="cannot be written"):
        write(value)


@pytest.mark.parametrize(
    ("key", "shown"), [(1, "1"), (None, "null"), (True, "true"), (b"a", "YQ=="), (AT, "2026-11-21T09:30:00.123Z")]
)
def test_keys_of_a_providers_own_map_become_text_in_json(key: Any, shown: str) -> None:
    assert json.loads(to_json({"extra": {key: 1}})) == {"extra": {shown: 1}}


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))])
@pytest.mark.parametrize("micro", [0, 1, 123_456, 999_999])
def test_json_times_are_utc_with_exactly_milliseconds(zone: timezone, micro: int) -> None:
    at = datetime(2026, 11, 21, 9, 30, 0, micro, tzinfo=UTC).astimezone(zone)
    shown = json.loads(to_json(events.MessageUnsent(id="e", at=at, message_id="m")))["at"]
    assert re.fullmatch(r"2026-11-21T09:30:00\.\d{3}Z", shown)
    assert shown[-4:-1] == f"{micro // 1000:03d}"


# -- the same bytes as any msgpack library ---------------------------------------------------------------------------


@seed(20261121)
@settings(max_examples=500, deadline=None)
@given(PLAIN)
def test_the_bytes_are_those_of_the_msgpack_package(value: Any) -> None:
    data = encode(value)
    assert data == msgpack.packb(value, datetime=True)
    assert msgpack.unpackb(data, timestamp=3) == msgspec.msgpack.decode(data) == value


@seed(20261121)
@given(MOMENTS)
def test_times_are_msgpack_timestamps(at: datetime) -> None:
    found = msgpack.unpackb(encode(at))
    assert isinstance(found, msgpack.Timestamp)
    assert found.to_datetime() == at
