"""2,000 mutated payloads and random JSON: parse always answers, and what it answers can always be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from connectors.api import Batch, Connector, Ignored, Malformed, Request, Secret
from connectors.line import LineConnector
from connectors.testing import cases as case_files
from connectors.testing.mutate import encode, mutated
from connectors.webhook import WebhookConnector
from contracts.codec import to_json

HERE = Path(__file__).parent
LINE = LineConnector(
    "main", LineConnector.Settings(channel_secret=Secret("s"), channel_access_token=Secret("t"), bot_user_id=None)
)
WEBHOOK = WebhookConnector("main", WebhookConnector.Settings(secret=Secret("whsec_" + "QUJD" * 8)))
BOTH = [pytest.param(LINE, "line", id="line"), pytest.param(WEBHOOK, "webhook", id="webhook")]

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(["message", "text", "follow", "user", "U1", "postback", "edit", "2026-09-14T00:00:00Z"])
)  # fmt: skip
KEYS = st.sampled_from(
    ["type", "events", "message", "id", "source", "timestamp", "sender", "text", "extra", "postback", "data", "sent_at"]
) | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(KEYS, each, max_size=5), max_leaves=25
)


def check(connector: Connector[Any], body: bytes) -> None:
    parsed = connector.parse(Request("POST", "", {}, {"webhook-id": "m"}, body, case_files.NOW, ""))
    assert type(parsed) in (Batch, Ignored, Malformed)
    if isinstance(parsed, Batch):
        assert len(parsed.events) == len(parsed.raws)
        for event in parsed.events:
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
            to_json(event)


@pytest.mark.parametrize(("connector", "channel"), BOTH)
def test_mutated_cases(connector: Connector[Any], channel: str) -> None:
    payloads = [case.payload() for case in case_files.inbound_cases(HERE / channel / "cases").values()]
    for number in range(2_000):
        check(connector, mutated(payloads[number % len(payloads)], number))


@pytest.mark.parametrize(("connector", "channel"), BOTH)
def test_random_values(connector: Connector[Any], channel: str) -> None:
    @seed(20261121)
    @settings(max_examples=300, deadline=None, database=None)
    @given(VALUES)
    def run(value: Any) -> None:
        check(connector, encode(value))
        check(connector, encode({"destination": "U1", "events": [value]}))
        check(connector, encode({"type": "message", "sender": value, "text": "x", "extra": value}))

    run()
