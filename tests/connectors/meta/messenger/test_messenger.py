"""The Messenger connector against the conformance kit; the published signature vector is the judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.api import Batch, Failed, ProviderRequest, ProviderResponse, Request, Secret, Verified
from connectors.meta.gate import signature
from connectors.meta.graph import SHARED
from connectors.meta.messenger import MessengerConnector
from connectors.meta.messenger.errors import CODES
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Reaction, Text
from contracts.identity import Profile, ReplyContext
from contracts.inbound import InboundMessage

SECRET = "madoguchi_app_secret"
PAGE = "1234567890"
TARO = "6543210987654321"
CASES = Path(__file__).parent / "cases"
GRAPH = "https://graph.facebook.com/v24.0"


class TestMessenger(ConnectorConformance):
    connector = MessengerConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "app_secret": SECRET,
        "verify_token": "a-word-of-our-own",
        "access_token": "token-of-the-page",
        "page_id": PAGE,
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = [each if isinstance(each, int) else each[1] for each in (*CODES, *SHARED)]  # noqa: RUF012
    echoes = True

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-hub-signature-256": signature(SECRET.encode(), body).decode()}


def made(**settings: Any) -> MessengerConnector:
    given: dict[str, Any] = {
        "app_secret": Secret(SECRET), "verify_token": Secret("v"), "access_token": Secret("t"), "page_id": PAGE,
        **settings,
    }  # fmt: skip
    return MessengerConnector("main", MessengerConnector.Settings(**given))


def test_published_vector() -> None:
    body = (
        b'{"object":"page","entry":[{"id":"1","time":1458692752478,"messaging":[{"sender":{"id":"2"},"recipient":{"id"'
        b':"1"},"timestamp":1458692752478,"message":{"mid":"m_1","text":"\\u00e4\\u00f6\\u00e5"}}]}]}'
    )
    mac = "sha256=a91880bebbdce262762695ea33ef96a5cceb6b23e00515076b3e0eb6fb67ab74"
    request = Request("POST", "", {}, {"x-hub-signature-256": mac}, body, case_files.NOW, "")
    page = made(page_id="1")
    assert isinstance(page.verify(request), Verified)
    parsed = page.parse(request)
    assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
    assert parsed.events[0].parts == (Text("äöå"),)


def body_of(request: ProviderRequest | None) -> Any:
    assert request is not None and request.url == f"{GRAPH}/{PAGE}/messages"
    return json.loads(request.body)


def late(hours: float, automatic: bool = False, **settings: Any) -> Any:
    """What is sent so long after the person's last message: the body's kind, or the problem's."""
    message = case_files.Message((Text("x"),), TARO)
    outbound = case_files.outbound_of(message, "main", "messenger", message.parts)
    window = ReplyContext(window_expires_at=outbound.now - timedelta(hours=hours - 24))
    reach = msgspec.structs.replace(outbound.reach, reply=window)
    calls = made(**settings).render(msgspec.structs.replace(outbound, reach=reach, automatic=automatic))
    if isinstance(calls, Failed):
        return calls.problem.kind
    body = body_of(calls[0])
    return body.get("tag") or body["messaging_type"]


@pytest.mark.parametrize(
    ("hours", "automatic", "human_agent", "goes"),
    [
        (23.9, False, False, "RESPONSE"),
        (24, False, False, "window_closed"),
        (24, False, True, "HUMAN_AGENT"),
        (24, True, True, "window_closed"),
        (167.9, False, True, "HUMAN_AGENT"),
        (168, False, True, "window_closed"),
    ],
)
def test_people_may_answer_longer_than_machines(hours: float, automatic: bool, human_agent: bool, goes: str) -> None:
    assert late(hours, automatic, human_agent=human_agent) == goes


def test_the_host_is_told_what_the_account_may_do() -> None:
    assert [made(human_agent=each).manifest.agent_window_s for each in (False, True)] == [None, 7 * 86_400]
    assert MessengerConnector.manifest.agent_window_s == 7 * 86_400


def test_a_reaction_goes_to_the_message_that_messenger_knows() -> None:
    message = case_files.Message((Reaction("ms_1", "👍"),), TARO)
    outbound = case_files.outbound_of(message, "main", "messenger", message.parts)
    calls = made().render(msgspec.structs.replace(outbound, targets={"ms_1": "m_IN1"}))
    assert not isinstance(calls, Failed)
    assert body_of(calls[0])["payload"] == {"message_id": "m_IN1", "reaction": "like"}


def test_typing_and_read_marks() -> None:
    recipient = {"recipient": {"id": TARO}}
    assert body_of(made().typing_request(TARO, True)) == {**recipient, "sender_action": "typing_on"}
    assert body_of(made().typing_request(TARO, False)) == {**recipient, "sender_action": "typing_off"}
    assert body_of(made().read_request({"from": TARO})) == {**recipient, "sender_action": "mark_seen"}
    assert made().read_request({}) is None


def test_profiles() -> None:
    asked = made().profile_request("1/../2", None)
    assert asked is not None and asked.url == f"{GRAPH}/1%2F..%2F2?fields=first_name,last_name,profile_pic"
    told = ProviderResponse(
        200, {}, '{"first_name":"花子","last_name":"山田","profile_pic":"https://p","id":"1"}'.encode()
    )
    assert made().read_profile(told) == Profile("花子 山田", picture="https://p")
    assert made().read_profile(ProviderResponse(400, {}, b'{"error":{"code":100}}')) is None
    assert made().read_profile(ProviderResponse(200, {}, b'{"id":"1"}')) is None


def test_media_come_by_their_link_without_our_token() -> None:
    request = made().media_request(Attachment("at_1", source="https://scontent.xx.fbcdn.net/a.jpg"))
    assert request is not None and not request.secret_headers
    assert made().media_request(Attachment("at_1")) is None


def test_probe_and_handover_link() -> None:
    assert made().probe_request().url == f"{GRAPH}/{PAGE}?fields=id,name"
    assert made().handover_link("MG-ABCD-1234") == f"https://m.me/{PAGE}?ref=MG-ABCD-1234&text=MG-ABCD-1234"
    assert made(page_username="shop").handover_link("a b") == "https://m.me/shop?ref=a+b&text=a+b"
