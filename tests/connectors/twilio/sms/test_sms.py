"""The SMS connector against the conformance kit, and against Twilio's SDK as a judge."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response as SdkResponse
from twilio.rest import Client

from connectors.api import Batch, Failed, ProviderRequest, Request, Secret
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.twilio.errors import MESSAGING
from connectors.twilio.sms import SmsConnector
from connectors.twilio.sms.segments import Segments, segments
from contracts.attachment import Attachment
from contracts.content import Image, Text
from tests.connectors.twilio.judge import ACCOUNT, TOKEN, accepted, signed

CASES = Path(__file__).parent / "cases"
TARO = "+818012345678"
HOST = "https://madoguchi.example.com/in"
API = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}"


class TestSms(ConnectorConformance):
    connector = SmsConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "phone_number": "+815012345678",
        "webhook_url": HOST,
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = list(MESSAGING)  # noqa: RUF012
    echoes = True

    def sign_request(self, request: Request) -> Mapping[str, str]:
        return signed(request)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        raise AssertionError("the URL is signed too")


def made(**settings: Any) -> SmsConnector:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT, "auth_token": Secret(TOKEN), "phone_number": "+815012345678", "webhook_url": HOST,
        **settings,
    }  # fmt: skip
    return SmsConnector("main", SmsConnector.Settings(**given))


def rendered(connector: SmsConnector, *parts: Any, **more: Any) -> list[ProviderRequest]:
    message = case_files.Message(parts, TARO, **more)
    calls = connector.render(case_files.outbound_of(message, "main", "twilio_sms", parts))
    assert not isinstance(calls, Failed), calls
    return list(calls)


# -- the SDK as the judge ---------------------------------------------------------------------------------------------


def test_the_sdk_accepts_what_we_simulate() -> None:
    request = made().simulate(TARO, "こんにちは 😀 & +", 7, 1_789_344_000_000)
    assert accepted(request)
    parsed = made().parse(request)
    assert isinstance(parsed, Batch)


class Recorder(TwilioHttpClient):
    """Keeps what the SDK would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, list[tuple[str, str]]]] = []

    def request(self, method: str, url: str, **how: Any) -> SdkResponse:  # type: ignore[override]
        pairs = [
            (name, str(value))
            for name, values in how["data"].items()
            for value in (values if isinstance(values, list) else [values])
        ]
        self.sent.append((method, url, pairs))
        return SdkResponse(201, '{"sid": "SM1"}')


ARGUMENTS = {
    "Body": "body", "To": "to", "From": "from_", "MediaUrl": "media_url", "StatusCallback": "status_callback",
    "ValidityPeriod": "validity_period", "SmartEncoded": "smart_encoded", "SendAsMms": "send_as_mms",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_the_sdk_would_send_our_calls(name: str) -> None:
    for call in case_files.outbound_cases(CASES)[name].calls:
        wanted = parse_qsl(call.body)
        recorder = Recorder()
        Client(ACCOUNT, TOKEN, http_client=recorder).messages.create(**{ARGUMENTS[key]: text for key, text in wanted})
        ((method, url, sent),) = recorder.sent
        assert (method, url, sorted(sent)) == (call.method, call.url, sorted(wanted))


# -- what the cases cannot say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("a" * 152 + "€" + "a" * 100, Segments("GSM-7", 254, 2)),
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3)),
        ("あ" * 70, Segments("UCS-2", 70, 1)),
        ("あ" * 71, Segments("UCS-2", 71, 2)),
        ("a" * 69 + "😀", Segments("UCS-2", 71, 2)),
        ("😀" * 34, Segments("UCS-2", 68, 1)),
        ("😀" * 67, Segments("UCS-2", 134, 3)),
        ("", Segments("GSM-7", 0, 1)),
    ],
)
def test_segments(text: str, counted: Segments) -> None:
    assert segments(text) == counted


def test_a_text_that_would_be_too_dear_is_refused() -> None:
    message = case_files.Message((Text("あ" * 135),), TARO)
    outbound = case_files.outbound_of(message, "main", "twilio_sms", message.parts)
    dear = made(max_segments=2).render(outbound)
    assert isinstance(dear, Failed) and dear.problem.kind == "too_large"
    assert "3 segments of UCS-2, and at most 2" in dear.problem.sentence
    assert not isinstance(made(max_segments=3).render(outbound), Failed)


def test_signs_in_by_token_or_by_key() -> None:
    def name_of(connector: SmsConnector) -> str:
        header = connector.probe_request().secret_headers["authorization"]
        return base64.b64decode(header.removeprefix("Basic ")).decode()

    assert name_of(made()) == f"{ACCOUNT}:{TOKEN}"
    assert name_of(made(api_key=Secret("SK1"), api_secret=Secret("s"))) == "SK1:s"
    assert made().probe_request().url == f"{API}.json"


def test_credentials_stay_at_home() -> None:
    for url, ours in ((f"{API}/Messages/MM1/Media/ME1", True), ("https://api.twilio.com.evil.example/x", False)):
        request = made().media_request(Attachment("at_1", source=url))
        assert request is not None and (request.url, bool(request.secret_headers)) == (url, ours)
    assert made().media_request(Attachment("at_1")) is None
    assert made().media_request(Attachment("at_1", source="file:///etc/passwd")) is None


def test_senders() -> None:
    (both,) = rendered(made(messaging_service_sid="MG1"), Text("x"))
    assert b"MessagingServiceSid=MG1&From=%2B815012345678" in both.body
    (service,) = rendered(made(messaging_service_sid="MG1", phone_number=None, webhook_url=None), Text("x"))
    assert service.body == b"Body=x&To=%2B818012345678&MessagingServiceSid=MG1"
    with pytest.raises(ValueError, match="is needed"):
        made(phone_number=None)


def test_a_service_takes_all_its_numbers() -> None:
    request = made().simulate(TARO, "x", 1, 1_789_344_000_000)
    assert isinstance(made(messaging_service_sid="MG1", phone_number="+815099999999").parse(request), Batch)
    assert not isinstance(made(phone_number="+815099999999").parse(request), Batch)


def test_without_mms_a_picture_is_a_link() -> None:
    message = case_files.outbound_cases(CASES)["image_with_caption"].message
    (image,) = message.parts
    assert isinstance(image, Image)
    (call,) = rendered(made(mms=False), image, media=message.media)
    assert call.body.startswith(b"Body=%E5%86%99%E7%9C%9F") and b"https%3A%2F%2Fmedia.example.com" in call.body


def test_handover_link() -> None:
    assert made().handover_link("続き 1") == "sms:+815012345678?body=%E7%B6%9A%E3%81%8D%201"
    assert made(messaging_service_sid="MG1", phone_number=None).handover_link("x") is None
