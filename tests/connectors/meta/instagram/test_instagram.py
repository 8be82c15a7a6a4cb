"""The Instagram connector against the conformance kit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.api import Batch, Failed, ProviderResponse, Refused, Secret, Verified
from connectors.kit.text import size
from connectors.meta.gate import signature
from connectors.meta.graph import SHARED
from connectors.meta.instagram import InstagramConnector
from connectors.meta.instagram.errors import CODES
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.content import Text
from contracts.identity import Profile

SECRET = "madoguchi_app_secret"
OWN = "17841400000000000"
TARO = "1234567890987654"
CASES = Path(__file__).parent / "cases"
GRAPH = "https://graph.instagram.com/v24.0"


class TestInstagram(ConnectorConformance):
    connector = InstagramConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "app_secret": SECRET,
        "verify_token": "a-word-of-our-own",
        "access_token": "token-of-the-account",
        "account_id": OWN,
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = [each if isinstance(each, int) else each[1] for each in (*CODES, *SHARED)]  # noqa: RUF012
    echoes = True

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-hub-signature-256": signature(SECRET.encode(), body).decode()}


def made(**settings: Any) -> InstagramConnector:
    given: dict[str, Any] = {
        "app_secret": Secret(SECRET), "verify_token": Secret("v"), "access_token": Secret("t"), "account_id": OWN,
        **settings,
    }  # fmt: skip
    return InstagramConnector("main", InstagramConnector.Settings(**given))


def bodies(connector: InstagramConnector, *texts: str, reply_to: str | None = None) -> list[tuple[str, Any]]:
    message = case_files.Message(tuple(map(Text, texts)), TARO, reply_to=reply_to)
    calls = connector.render(case_files.outbound_of(message, "main", "instagram", message.parts))
    assert not isinstance(calls, Failed)
    return [(call.url, json.loads(call.body)) for call in calls]


def test_either_apps_secret_may_sign() -> None:
    request = made().simulate(TARO, "x", 1, 1_789_344_000_000)
    assert isinstance(made(app_secret=Secret("a"), more_app_secrets=(Secret(SECRET),)).verify(request), Verified)
    assert isinstance(made(app_secret=Secret("a"), more_app_secrets=(Secret("b"),)).verify(request), Refused)


def test_a_thousand_bytes_are_333_kanji() -> None:
    sent = bodies(made(), "漢" * 334)
    assert [len(body["message"]["text"]) for _, body in sent] == [333, 1]
    assert all(size(body["message"]["text"], "bytes") <= 1_000 for _, body in sent)


def test_an_account_behind_a_page_speaks_as_the_page() -> None:
    by_page = made(page_id="1234567890", api_base="https://graph.facebook.com")
    ((url, body),) = bodies(by_page, "x")
    assert url == "https://graph.facebook.com/v24.0/1234567890/messages"
    assert (body["messaging_type"], body["message"]["metadata"]) == ("RESPONSE", f"ms_{'a' * 26}.0")
    ((url, body),) = bodies(made(), "x")
    assert (url, body) == (f"{GRAPH}/{OWN}/messages", {"recipient": {"id": TARO}, "message": {"text": "x"}})
    assert by_page.probe_request().url == "https://graph.facebook.com/v24.0/1234567890?fields=id,name"
    assert made().probe_request().url == f"{GRAPH}/me?fields=user_id,username"


def test_with_a_page_an_echo_brings_our_id_back() -> None:
    by_page = made(page_id="1234567890")
    request = by_page.simulate(TARO, "x", 1, 1_789_344_000_000)
    echo = json.loads(request.body)
    item = echo["entry"][0]["messaging"][0]
    item["sender"], item["recipient"] = item["recipient"], item["sender"]
    item["message"] |= {"is_echo": True, "metadata": "ms_0123.0"}
    body = json.dumps(echo).encode()
    parsed = by_page.parse(type(request)("POST", "", {}, {}, body, request.received_at, ""))
    assert isinstance(parsed, Batch)
    (receipt,) = parsed.events
    assert (receipt.state, receipt.message) == ("sent", "ms_0123.0")  # type: ignore[union-attr]


def test_profiles() -> None:
    asked = made().profile_request(TARO, None)
    assert asked is not None and asked.url == f"{GRAPH}/{TARO}?fields=name,username,profile_pic"
    told = ProviderResponse(200, {}, b'{"username":"hanako","profile_pic":"https://p"}')
    assert made().read_profile(told) == Profile("hanako", picture="https://p")


def test_handover_link() -> None:
    assert made().handover_link("x") is None
    assert made(username="example.shop").handover_link("MG-1") == "https://ig.me/m/example.shop?ref=MG-1"
