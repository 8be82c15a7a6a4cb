"""The connector of the telephone against the conformance kit, and against Twilio's SDK as a judge."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.etree import ElementTree

import pytest
from twilio.twiml import voice_response as twilio

from connectors.api import Batch, Failed, Ignored, ProviderRequest, ProviderResponse, Request, Secret
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.twilio.errors import MESSAGING
from connectors.twilio.voice import VoiceConnector
from connectors.twilio.voice.outbound import CODES
from connectors.twilio.voice.settings import MenuKey
from connectors.twilio.voice.twiml import Verb, document
from contracts.attachment import Attachment
from contracts.content import Call, Text
from contracts.inbound import InboundMessage
from tests.connectors.twilio.judge import ACCOUNT, TOKEN, accepted, signed

CASES = Path(__file__).parent / "cases"
TARO = "+818012345678"
HOST = "https://madoguchi.example.com/in"
CALL = "CA" + "1" * 32


class TestVoice(ConnectorConformance):
    connector = VoiceConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "phone_number": "+815012345678",
        "webhook_url": HOST,
        "languages": {"+1": "en"},
        "voices": {"ja": "Polly.Mizuki"},
        "transcribe": True,
        "music_url": "https://example.com/music.mp3",
        "menu": [
            {
                "key": "1",
                "value": "orders",
                "say": {"ja": "ご注文については1を押してください。", "en": "For orders press 1."},
                "words": ["注文", "order"],
            },
            {
                "key": "2",
                "value": "repairs",
                "say": {"ja": "修理については2を押してください。", "en": "For repairs press 2."},
                "words": ["修理", "repair"],
            },
            {"key": "9", "value": "en", "say": {"en": "For English press 9."}, "language": "en"},
        ],
    }
    address = TARO
    least_inbound, least_outbound = 25, 15
    codes = sorted({*MESSAGING, *CODES})
    echoes = True

    def sign_request(self, request: Request) -> Mapping[str, str]:
        return signed(request)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        raise AssertionError("the URL is signed too")


def made(**settings: Any) -> VoiceConnector:
    given: dict[str, Any] = {
        "account_sid": ACCOUNT, "auth_token": Secret(TOKEN), "phone_number": "+815012345678", "webhook_url": HOST,
        **settings,
    }  # fmt: skip
    return VoiceConnector("main", VoiceConnector.Settings(**given))


def rendered(connector: VoiceConnector, *parts: Any, **more: Any) -> ProviderRequest:
    message = case_files.Message(parts, TARO, thread=CALL, automatic=True, **more)
    calls = connector.render(case_files.outbound_of(message, "main", "twilio_voice", parts))
    assert not isinstance(calls, Failed), calls
    (call,) = calls
    return call


# -- the SDK as the judge ---------------------------------------------------------------------------------------------

CLASSES = {
    "Say": twilio.Say, "Play": twilio.Play, "Pause": twilio.Pause, "Gather": twilio.Gather, "Dial": twilio.Dial,
    "Redirect": twilio.Redirect, "Number": twilio.Number, "Sip": twilio.Sip, "Record": twilio.Record,
    "Hangup": twilio.Hangup,
}  # fmt: skip
PLACES = {"Number": twilio.Dial.number, "Sip": twilio.Dial.sip}
"""Where the SDK says which attributes a verb has; the others are the response's own."""


def snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


def by_the_sdk(element: ElementTree.Element) -> Any:
    """The same element made by the SDK's own class, of attributes that Twilio has."""
    attributes = {snake(name): value for name, value in element.attrib.items()}
    place = PLACES.get(element.tag) or getattr(twilio.VoiceResponse, element.tag.lower())
    assert set(attributes) <= set(inspect.signature(place).parameters), element.tag
    kind = CLASSES[element.tag]
    words: dict[str, Any] = {
        "Say": {"message": element.text}, "Play": {"url": element.text}, "Redirect": {"url": element.text},
        "Number": {"phone_number": element.text}, "Sip": {"sip_url": element.text},
    }.get(element.tag, {})  # fmt: skip
    verb = kind(**words, **attributes)
    for child in element:
        verb.append(by_the_sdk(child))
    return verb


def documents() -> dict[str, str]:
    """Every document of the cases: answers, and what is put on the line."""
    found = {f"in/{name}": case.answer.body for name, case in case_files.inbound_cases(CASES).items() if case.answer}
    for name, case in case_files.outbound_cases(CASES).items():
        for call in case.calls:
            twiml = parse_qs(call.body).get("Twiml")
            found |= {f"out/{name}": twiml[0]} if twiml else {}
    return found


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_sdk_would_write_our_documents(name: str) -> None:
    ours = documents()[name]
    response = twilio.VoiceResponse()
    for element in ElementTree.fromstring(ours):
        response.append(by_the_sdk(element))
    assert ElementTree.canonicalize(ours) == ElementTree.canonicalize(str(response))


def test_there_are_documents_to_judge() -> None:
    assert len(documents()) >= 19


def test_the_sdk_accepts_what_we_simulate() -> None:
    request = made().simulate(TARO, "配達について 😀 & +", 7, 1_789_344_000_000)
    assert accepted(request)
    parsed = made().parse(request)
    assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
    assert parsed.events[0].parts == (Call("waiting"), Text("配達について 😀 & +"))


# -- what the cases cannot say ----------------------------------------------------------------------------------------


def test_what_xml_cannot_hold_is_left_out() -> None:
    text = 'a<b>&"c\x00\x08\ud800\ufffe😀\n'
    root = ElementTree.fromstring(document(Verb("Say", {"voice": text}, text)))
    assert root[0].text == 'a<b>&"c😀\n' and root[0].get("voice", "").startswith('a<b>&"c😀')


def test_without_a_menu_a_call_is_news_at_once() -> None:
    ringing = case_files.inbound_cases(CASES)["ringing"]
    request = Request("POST", "", {}, {}, ringing.payload(), case_files.NOW, HOST)
    parsed = made().parse(request)
    assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
    assert (parsed.events[0].parts, parsed.events[0].provider_id) == ((Call("ringing"),), CALL)
    assert b"<Pause length=" in parsed.response.body and b"<Redirect>" in parsed.response.body


def test_a_key_that_does_nothing_is_not_offered() -> None:
    body = case_files.inbound_cases(CASES)["wait"].payload()
    for sms, said in ((True, "2を"), (False, "折り返し")):
        parsed = made(sms=sms).parse(Request("POST", "/wait", {}, {}, body, case_files.NOW, f"{HOST}/wait"))
        assert isinstance(parsed, Ignored) and said in parsed.response.body.decode()
        assert ("2を" in parsed.response.body.decode()) is sms


def test_steps_lead_to_where_the_request_came_in() -> None:
    """Also without a URL in the settings."""
    key = MenuKey(key="1", value="x", say={"ja": "1を"})
    bare = made(webhook_url=None, menu=(key,))
    body = case_files.inbound_cases(CASES)["ringing"].payload()
    for path, url in (("", "https://a.example/in/x"), ("/menu", "https://a.example/in/x/menu?n=1")):
        parsed = bare.parse(Request("POST", path, {"n": "1"} if path else {}, {}, body, case_files.NOW, url))
        assert not hasattr(parsed, "status") and b'action="https://a.example/in/x/menu?' in parsed.response.body


def test_what_the_caller_does_after_other_words_is_something_new() -> None:
    first = rendered(made(), Text("一"))
    again = rendered(made(), Text("二"))
    assert first.body != again.body
    (twiml,) = parse_qs(first.body.decode())["Twiml"]
    assert f"since=ms_{'a' * 26}" in twiml and f"message=ms_{'a' * 26}" in twiml


def test_nothing_is_put_on_the_line_twice() -> None:
    call = rendered(made(), Call("ringing", agent="hanako", to="+819011112222"))
    assert not call.idempotent
    for response in (
        ProviderResponse(429),
        ProviderResponse(failure="unreachable"),
        ProviderResponse(503, {}, b'{"code": 20503}'),
    ):
        outcome = made().interpret(call, response)
        assert isinstance(outcome, Failed) and not outcome.problem.retryable


def test_an_agents_telephone_rings_no_longer_than_the_offer_stands() -> None:
    for ring_s, wanted in ((None, 25), (18, 18), (300, 25), (1, 5)):
        call = rendered(made(), Call("ringing", agent="a", to="+819011112222", ring_s=ring_s))
        assert f'timeout="{wanted}"' in dict(parse_qsl(call.body.decode()))["Twiml"]


def test_who_asks_to_go_on_elsewhere_gets_an_sms() -> None:
    (call,) = made().invited(
        TARO, "MG-ABCD-2345", {"line-main": "https://line.me/R/x?MG-ABCD-2345", "chat": "https://c"}
    )
    fields = dict(parse_qsl(call.body.decode()))
    assert fields["Body"] == "こちらから続けられます。\nchat: https://c\nline-main: https://line.me/R/x?MG-ABCD-2345"
    assert (fields["To"], fields["From"], call.idempotent) == (TARO, "+815012345678", False)
    (bare,) = made(languages={"+81": "en"}).invited(TARO, "MG-ABCD-2345", {})
    assert dict(parse_qsl(bare.body.decode()))["Body"] == "Go on here:\nMG-ABCD-2345"


def test_recordings_are_fetched_with_our_credentials() -> None:
    url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1.mp3"
    request = made().media_request(Attachment("at_1", source=url))
    assert request is not None and request.secret_headers


def test_a_number_without_sms_says_so() -> None:
    message = case_files.Message((Text("x"),), TARO, thread=CALL)
    refused = made(sms=False).render(case_files.outbound_of(message, "main", "twilio_voice", message.parts))
    assert isinstance(refused, Failed) and refused.problem.kind == "unsupported"
