"""The webhook connector against the conformance kit, and against the ``standardwebhooks`` package as a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from connectors.api import Failed, Refused, Secret, Verified
from connectors.kit import standard_webhooks
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.webhook import WebhookConnector
from contracts.content import Text

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 8
KEY = standard_webhooks.key_of(SECRET)
CASES = Path(__file__).parent / "cases"


class TestWebhook(ConnectorConformance):
    connector = WebhookConnector
    cases = CASES
    settings = {"secret": SECRET, "url": "https://app.example.com/madoguchi"}  # noqa: RUF012
    stale_after_s = 300

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        text = Webhook(SECRET).sign("msg_case", at, body.decode("utf-8", "surrogateescape")) if _utf8(body) else None
        if text is None:  # the judge signs text only
            return standard_webhooks.headers([KEY], "msg_case", at, body)
        return {"webhook-id": "msg_case", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": text}


def _utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def made(**settings: object) -> WebhookConnector:
    return WebhookConnector("main", WebhookConnector.Settings(**{"secret": Secret(SECRET), **settings}))  # type: ignore[arg-type]


VECTORS = [
    ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}',
     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    (
        "msg_01JZ", 1789344000,
        '{"type":"message.created","timestamp":"2026-09-14T00:00:00Z","data":{"text":"こんにちは😀"}}',
        "v1,oO4NOCLWdS7IEYEcFiMUPz55RIk3gmVd6YI0Fi7bmPs=",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "seconds", "body", "signature"), VECTORS)
def test_published_vectors(message: str, seconds: int, body: str, signature: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    headers = standard_webhooks.headers([KEY], message, at, body.encode())
    assert headers["webhook-signature"] == signature == Webhook(SECRET).sign(message, at, body)
    assert standard_webhooks.fault([KEY], headers, body.encode(), at) is None


def test_the_time_zone_of_the_host_does_not_change_the_signature() -> None:
    message, seconds, body, signature = VECTORS[0]
    tokyo = datetime.fromtimestamp(seconds, UTC).astimezone(datetime.strptime("+0900", "%z").tzinfo)
    assert standard_webhooks.headers([KEY], message, tokyo, body.encode())["webhook-signature"] == signature


def _signed(signature: str, message: str = "msg_1", seconds: str = "1789344000") -> dict[str, str]:
    return {"webhook-id": message, "webhook-timestamp": seconds, "webhook-signature": signature}


GOOD = standard_webhooks.headers([KEY], "msg_1", case_files.NOW, b"{}")["webhook-signature"]
OLD = standard_webhooks.headers([standard_webhooks.key_of(OTHER)], "msg_1", case_files.NOW, b"{}")["webhook-signature"]


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        (_signed(GOOD), True),
        (_signed(f"{OLD} {GOOD}"), True),
        (_signed(f"v1a,AAAA {GOOD}"), True),
        (_signed(GOOD.replace("v1,", "v2,")), False),
        (_signed(OLD), False),
        (_signed(GOOD.removeprefix("v1,")), False),
        (_signed("v1,!!!"), False),
        (_signed("v1,あ"), False),
        (_signed(GOOD, "msg.1"), False),
        (_signed(GOOD, ""), False),
        (_signed(GOOD, seconds="1789344000.9"), False),
        (_signed(GOOD, seconds="١٧٨٩٣٤٤٠٠٠"), False),
        (_signed(GOOD, seconds="-1"), False),
        (_signed(GOOD, seconds="9" * 400), False),
        ({}, False),
    ],
)
def test_traps_of_verifying(headers: dict[str, str], good: bool) -> None:
    assert (standard_webhooks.fault([KEY], headers, b"{}", case_files.NOW) is None) is good


def test_a_dot_in_the_id_cannot_move_bytes_from_the_id_to_the_body() -> None:
    headers = standard_webhooks.headers([KEY], "a.1", datetime.fromtimestamp(2, UTC), b"3")
    moved = {**headers, "webhook-id": "a", "webhook-timestamp": "1"}
    assert standard_webhooks.fault([KEY], headers, b"3", datetime.fromtimestamp(2, UTC)) is not None
    assert standard_webhooks.fault([KEY], moved, b"2.3", datetime.fromtimestamp(2, UTC)) is None


def test_rotation_accepts_and_signs_with_both() -> None:
    changing = made(secret=Secret(OTHER), previous_secrets=(Secret(SECRET),), url="https://app.example.com")
    assert isinstance(changing.verify(made().simulate("u", "x", 1, 1_789_344_000_000)), Verified)
    call = _render(changing)
    for secret in (SECRET, OTHER):
        # The judge compares with the present time, so it is asked for the signature instead.
        judged = Webhook(secret).sign(call.headers["webhook-id"], case_files.NOW, call.body.decode())
        assert judged in call.headers["webhook-signature"].split(" ")


def test_a_plain_text_secret() -> None:
    plain = made(secret=Secret("ひみつの言葉"), secret_format="text")
    assert isinstance(plain.verify(plain.simulate("u", "x", 1, 1_789_344_000_000)), Verified)
    assert isinstance(made().verify(plain.simulate("u", "x", 1, 1_789_344_000_000)), Refused)


def test_the_judge_takes_what_we_send_now() -> None:
    call = _render(made(url="https://app.example.com"), datetime.now(UTC))
    assert Webhook(SECRET).verify(call.body, dict(call.headers))["type"] == "message"


def test_a_retry_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    connector = made(url="https://app.example.com")
    first, again = _render(connector), _render(connector, case_files.NOW + timedelta(minutes=1))
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] != again.headers["webhook-timestamp"]


def test_an_account_without_a_url_only_receives() -> None:
    outbound = case_files.outbound_of(case_files.Message((Text("x"),), "u"), "main", "webhook", (Text("x"),))
    failed = made().render(outbound)
    assert isinstance(failed, Failed) and failed.problem.kind == "config"


def test_attachments_show_nothing_of_where_they_came_from() -> None:
    call = case_files.outbound_cases(CASES)["whole"].calls[0]
    assert set(call.body["parts"][1]["attachment"]) == {"id", "name", "media_type", "size", "url"}


def test_handover_link() -> None:
    assert made(link="https://example.com/?t={text}").handover_link("a b") == "https://example.com/?t=a%20b"


@pytest.mark.parametrize("wrong", [{"url": "ftp://x"}, {"link": "https://x"}, {"secret": Secret("short")}])
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"should|expected"):
        made(**wrong)


def _render(connector: WebhookConnector, now: datetime = case_files.NOW):  # type: ignore[no-untyped-def]
    message = case_files.Message((Text("こんにちは"),), "user-1")
    outbound = msgspec.structs.replace(case_files.outbound_of(message, "main", "webhook", message.parts), now=now)
    calls = connector.render(outbound)
    assert not isinstance(calls, Failed)
    assert json.loads(calls[0].body)["parts"] == [{"kind": "text", "text": "こんにちは"}]
    return calls[0]
