"""The WhatsApp connector against the conformance kit, and against pywa as a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pywa.api import GraphAPI
from pywa.client import WhatsApp
from pywa.types.base_update import RawUpdate
from pywa.utils import webhook_updates_validator

from connectors.api import (
    Batch,
    Failed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Response,
    Secret,
    Verified,
)
from connectors.meta.gate import signature
from connectors.meta.graph import SHARED
from connectors.meta.whatsapp import WhatsAppConnector
from connectors.meta.whatsapp.errors import CODES
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Image, Reaction, Template, Text
from contracts.conversation import Reach
from contracts.inbound import InboundMessage

SECRET = "madoguchi_app_secret"
NUMBER = "106540352242922"
CASES = Path(__file__).parent / "cases"
TARO = "819012345678"
GRAPH = "https://graph.facebook.com/v24.0"


class TestWhatsApp(ConnectorConformance):
    connector = WhatsAppConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "app_secret": SECRET,
        "verify_token": "a-word-of-our-own",
        "access_token": "token-of-the-account",
        "phone_number_id": NUMBER,
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = [each for each in (*CODES, *SHARED) if isinstance(each, int)]  # noqa: RUF012
    echoes = True

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-hub-signature-256": signature(SECRET.encode(), body).decode()}


def made(**settings: Any) -> WhatsAppConnector:
    given: dict[str, Any] = {
        "app_secret": Secret(SECRET), "verify_token": Secret("a-word-of-our-own"), "access_token": Secret("t"),
        "phone_number_id": NUMBER, **settings,
    }  # fmt: skip
    return WhatsAppConnector("main", WhatsAppConnector.Settings(**given))


# -- pywa as the judge ------------------------------------------------------------------------------------------------

VECTOR = (
    b'{"object":"page","entry":[{"id":"1","time":1458692752478,"messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"}'
    b',"timestamp":1458692752478,"message":{"mid":"m_1","text":"\\u00e4\\u00f6\\u00e5"}}]}]}'
)


def test_published_vector() -> None:
    mac = "sha256=a91880bebbdce262762695ea33ef96a5cceb6b23e00515076b3e0eb6fb67ab74"
    assert len(VECTOR) == 196 and signature(SECRET.encode(), VECTOR).decode() == mac
    assert webhook_updates_validator(SECRET, VECTOR, mac)
    rewritten = json.dumps(json.loads(VECTOR), ensure_ascii=False, separators=(",", ":")).encode()
    request = Request("POST", "", {}, {"x-hub-signature-256": mac}, rewritten, case_files.NOW, "")
    assert isinstance(made().verify(request), Refused)


def test_pywa_takes_what_we_simulate() -> None:
    request = made().simulate(TARO, "こんにちは😀", 7, 1_789_344_000_000)
    assert webhook_updates_validator(SECRET, request.body, request.headers["x-hub-signature-256"])
    update = judged(request.body)
    assert (type(update).__name__, update.text, update.from_user.wa_id) == ("Message", "こんにちは😀", TARO)


PARTLY = {
    "another_object": "another product of Meta's",
    "errors_only": "errors without a message",
    "status_unknown": "a status that is not documented",
    "unknown_type": "not as documented",
    "wrong_types": "not as documented",
    "message_without_id": "not as documented",
    "nobody": "not as documented",
    "changed_user_id": "newer than pywa",
    "handshake": "no webhook",
    "handshake_of_another": "no webhook",
    "document_by_url_only": "older than pywa",
}
"""Cases that pywa does not read, and why."""


@pytest.mark.parametrize("name", sorted(set(case_files.inbound_cases(CASES)) - set(PARTLY)))
def test_pywa_reads_the_payloads_of_our_cases(name: str) -> None:
    update = judged(case_files.inbound_cases(CASES)[name].payload())
    assert update is not None


def judged(body: bytes) -> Any:
    """The first update of a webhook as pywa reads it. It wants a user id with every customer, which Meta promises."""
    raw = json.loads(body.replace(b"\\ud800", b""))
    value = raw["entry"][0]["changes"][0]["value"]
    for contact in value.setdefault("contacts", [{"wa_id": TARO}]):
        contact.setdefault("user_id", "JP.1")
    client = WhatsApp(phone_id=NUMBER, token="t", filter_updates=False)
    update = RawUpdate(json.dumps(raw).encode(), hmac_header=None, update_hash="x")
    handler: Any = client._get_handler_type(update)
    return handler._update.from_update(client, update)


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_pywa_would_send_the_bodies_of_our_calls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(GraphAPI, "_request", lambda self, **how: sent.append(how["json"]))
    for call in case_files.outbound_cases(CASES)[name].calls:
        body = call.body
        api = GraphAPI.__new__(GraphAPI)
        api.send_message(
            NUMBER, body.get("to"), body.get("recipient"), body["recipient_type"], body["type"], body[body["type"]],
            body.get("context", {}).get("message_id"), body["biz_opaque_callback_data"],
        )  # fmt: skip
        assert sent.pop() == body
    assert not sent


# -- what the cases cannot say ----------------------------------------------------------------------------------------


def asked(method: str = "GET", **query: str) -> Request:
    return Request(method, "", query, {}, b"", case_files.NOW, "")


def test_handshake() -> None:
    right = {"hub.mode": "subscribe", "hub.verify_token": "a-word-of-our-own", "hub.challenge": "1158201444"}
    assert made().handshake(asked(**right)) == Response(200, b"1158201444")
    for wrong in ({"hub.verify_token": "あ"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""}):
        refused = made().handshake(asked(**{**right, **wrong}))
        assert refused is not None and refused.status == 403
    assert made().handshake(asked("POST")) is None


def test_either_secret_is_accepted_while_it_changes() -> None:
    old = made().simulate(TARO, "x", 1, 1_789_344_000_000)
    changing = made(app_secret=Secret("new"), more_app_secrets=(Secret(SECRET),))
    assert isinstance(changing.verify(old), Verified)
    assert isinstance(made(app_secret=Secret("new")).verify(old), Refused)


def test_media_are_found_then_fetched_and_the_token_stays_at_home() -> None:
    picture = Attachment("at_1", source="2754859441498128")
    first = made().media_request(picture)
    assert first is not None
    assert first.url == f"{GRAPH}/2754859441498128?phone_number_id={NUMBER}" and first.secret_headers
    for url, ours in (
        ("https://lookaside.fbsbx.com/a?mid=1", True),
        ("https://lookaside.fbsbx.com.evil.example/a", False),
    ):
        second = made().media_location(picture, ProviderResponse(200, {}, json.dumps({"url": url}).encode()))
        assert second is not None and (second.url, bool(second.secret_headers)) == (url, ours)
    assert made().media_location(picture, ProviderResponse(200, {}, b"<html>")) is None
    direct = made().media_request(Attachment("at_1", source="https://lookaside.fbsbx.com/b"))
    assert direct is not None and direct.secret_headers and made().media_request(Attachment("at_1")) is None


def test_typing_and_read_marks_name_the_customers_last_message() -> None:
    reach = Reach("whatsapp", "main", TARO, case_files.NOW, thread="wamid.IN1")
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN1"}
    assert body_of(made().typing_in(reach, True)) == {**mark, "typing_indicator": {"type": "text"}}
    assert made().typing_in(reach, False) is None
    assert made().typing_in(msgspec.structs.replace(reach, thread=None), True) is None
    assert body_of(made().read_request({"wamid": "wamid.IN1"})) == mark
    assert made().read_request({}) is None
    parsed = made().parse(made().simulate(TARO, "x", 1, 1_789_344_000_000))
    assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
    event = parsed.events[0]
    assert event.threading.thread == event.provider_id == (event.extra or {})["wamid"]


def body_of(request: ProviderRequest | None) -> Any:
    assert request is not None and request.url == f"{GRAPH}/{NUMBER}/messages"
    return json.loads(request.body)


def test_a_status_brings_back_our_id_and_the_address_that_was_used() -> None:
    message = case_files.Message((Text("a"),), "JP.123")
    calls = made().render(case_files.outbound_of(message, "main", "whatsapp", message.parts))
    assert not isinstance(calls, Failed)
    data = json.loads(calls[0].body)["biz_opaque_callback_data"]
    assert data == f"ms_{'a' * 26}.0 JP.123"


def test_a_reaction_goes_to_the_message_that_whatsapp_knows() -> None:
    message = case_files.Message((Reaction("ms_1", "👍"),), TARO)
    outbound = case_files.outbound_of(message, "main", "whatsapp", message.parts)
    calls = made().render(msgspec.structs.replace(outbound, targets={"ms_1": "wamid.IN1"}))
    assert not isinstance(calls, Failed)
    assert json.loads(calls[0].body)["reaction"] == {"message_id": "wamid.IN1", "emoji": "👍"}


@pytest.mark.parametrize("named", [False, True])
def test_parameters_of_templates_are_counted_or_named(named: bool) -> None:
    template = Template("order_shipped", "ja", {"number": "1234", "day": "火曜"})
    message = case_files.Message((template,), TARO)
    outbound = case_files.outbound_of(message, "main", "whatsapp", message.parts)
    calls = made(named_parameters=named).render(outbound)
    assert not isinstance(calls, Failed)
    (component,) = json.loads(calls[0].body)["template"]["components"]
    names = [each.get("parameter_name") for each in component["parameters"]]
    assert names == (["number", "day"] if named else [None, None])
    assert [each["text"] for each in component["parameters"]] == ["1234", "火曜"]


def test_a_caption_that_is_too_long_follows_as_text() -> None:
    message = case_files.outbound_cases(CASES)["image_with_caption"].message
    (image,) = message.parts
    assert isinstance(image, Image)
    long = msgspec.structs.replace(image, caption="あ" * 5_000)
    outbound = case_files.outbound_of(message, "main", "whatsapp", (Text("first"), long, Text("last")))
    calls = made().render(outbound)
    assert not isinstance(calls, Failed)
    assert [json.loads(call.body)["type"] for call in calls] == ["text", "image", "text", "text", "text"]
    assert [call.covers for call in calls] == [1, 0, 0, 1, 1]
    assert made().render(msgspec.structs.replace(outbound, done=2)) == calls[4:]


def test_probe_and_handover_link() -> None:
    assert made().probe_request().url.startswith(f"{GRAPH}/{NUMBER}?fields=display_phone_number,")
    assert made().handover_link("x") is None
    link = made(phone_number="+15550783881").handover_link("続き 1")
    assert link == "https://wa.me/15550783881?text=%E7%B6%9A%E3%81%8D%201"
