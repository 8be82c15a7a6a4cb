"""The connector of WhatsApp through Twilio against the conformance kit, and against Twilio's SDK as a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from connectors.api import Batch, Request, Secret
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.twilio.errors import MESSAGING
from connectors.twilio.whatsapp import TwilioWhatsAppConnector
from contracts.conversation import Reach
from contracts.inbound import InboundMessage
from tests.connectors.twilio.judge import ACCOUNT, TOKEN, accepted, signed

CASES = Path(__file__).parent / "cases"
TARO = "+818012345678"
HOST = "https://madoguchi.example.com/in"


class TestWhatsApp(ConnectorConformance):
    connector = TwilioWhatsAppConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "phone_number": "+14155238886",
        "webhook_url": HOST,
        "templates": {
            "order_shipped": "HX" + "a" * 32,
            "greeting/ja": "HX" + "b" * 32,
            "greeting/en": "HX" + "c" * 32,
        },
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = list(MESSAGING)  # noqa: RUF012
    echoes = True

    def sign_request(self, request: Request) -> Mapping[str, str]:
        return signed(request)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        raise AssertionError("the URL is signed too")


def made(**settings: Any) -> TwilioWhatsAppConnector:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT, "auth_token": Secret(TOKEN), "phone_number": "+14155238886", "webhook_url": HOST,
        **settings,
    }  # fmt: skip
    return TwilioWhatsAppConnector("main", TwilioWhatsAppConnector.Settings(**given))


def test_the_sdk_accepts_what_we_simulate() -> None:
    assert accepted(made().simulate(TARO, "こんにちは 😀 & +", 7, 1_789_344_000_000))


def test_typing_names_the_customers_last_message() -> None:
    parsed = made().parse(made().simulate(TARO, "x", 1, 1_789_344_000_000))
    assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
    last = parsed.events[0].threading.thread
    reach = Reach("twilio_whatsapp", "main", TARO, case_files.NOW, thread=last)
    shown = made().typing_in(reach, True)
    assert shown is not None and shown.url == "https://messaging.twilio.com/v3/Indicators/Typing.json"
    assert json.loads(shown.body) == {"channel": "WHATSAPP", "messageId": parsed.events[0].provider_id}
    assert made().typing_in(reach, False) is None
    assert made().typing_in(msgspec.structs.replace(reach, thread=None), True) is None


def test_handover_link() -> None:
    assert made().handover_link("続き 1") == "https://wa.me/14155238886?text=%E7%B6%9A%E3%81%8D%201"
