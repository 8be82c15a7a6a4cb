"""The signature: Twilio's published vectors, and its SDK on the same requests."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from connectors.api import Refused, Request, Secret, Verified
from connectors.testing.cases import NOW
from connectors.twilio import gate
from connectors.twilio.form import MOST_FIELDS, BadForm, Form, fields_of
from connectors.twilio.settings import TwilioSettings
from connectors.twilio.simulate import encoded, headers
from tests.connectors.twilio.judge import fields

KEY = b"12345"
CALL = [
    ("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234"), ("From", "+14158675309"),
    ("To", "+18005551212"),
]  # fmt: skip
TWICE = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
JAPANESE = [
    ("AccountSid", "AC0"), ("Body", "こんにちは🍎"), ("From", "+818012345678"),
    ("MessageSid", "SM00000000000000000000000000000001"), ("NumMedia", "0"), ("To", "+815012345678"),
]  # fmt: skip
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
JSON = b'{"property": "value", "boolean": true}'
HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


@pytest.mark.parametrize(
    ("url", "form", "mac"),
    [
        (URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL, TWICE, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        ("https://example.com/twilio/in", JAPANESE, "Bh0Wm9BKXvanmYiT7/r6oZDJUoU="),
        (f"{URL}&bodySHA256={HASH}", [], "a9nBmqA0ju/hNViExpshrM61xv4="),
    ],
)
def test_published_vectors(url: str, form: list[tuple[str, str]], mac: str) -> None:
    assert gate.signature(KEY, url, Form(tuple(form))) == mac
    assert RequestValidator("12345").compute_signature(url, fields(encoded(form))) == mac


def asked(url: str, body: bytes, mac: str, method: str = "POST") -> Request:
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return Request(method, "", query, {gate.HEADER: mac}, body, NOW, url)


def verified(request: Request, webhook_url: str | None = None) -> bool:
    return isinstance(gate.verify((KEY,), webhook_url, request), Verified)


def test_a_port_may_be_signed_or_not() -> None:
    for signed in (URL, "https://mycompany.com:443/myapp.php?foo=1&bar=2"):
        mac = gate.signature(KEY, signed, Form(tuple(CALL)))
        for ours in (URL, "https://mycompany.com:443/myapp.php?foo=1&bar=2"):
            assert verified(asked(ours, encoded(CALL), mac))
            assert RequestValidator("12345").validate(ours, fields(encoded(CALL)), mac)
        assert not verified(asked(URL.replace("https", "http"), encoded(CALL), mac))


def test_a_fragment_is_not_signed_and_the_path_is() -> None:
    mac = gate.signature(KEY, URL, Form(tuple(CALL)))
    assert verified(asked(f"{URL}#rc=5&rp=all", encoded(CALL), mac))
    assert not verified(asked(URL.replace("myapp", "other"), encoded(CALL), mac))


def test_a_json_body_is_covered_by_its_hash() -> None:
    url, mac = f"{URL}&bodySHA256={HASH}", "a9nBmqA0ju/hNViExpshrM61xv4="
    assert verified(asked(url, JSON, mac))
    assert RequestValidator("12345").validate(url, JSON.decode(), mac)
    assert not verified(asked(url, JSON + b" ", mac))
    assert not verified(asked(URL, JSON, gate.signature(KEY, URL, Form(()))))


def test_a_get_is_signed_over_its_url() -> None:
    mac = RequestValidator("12345").compute_signature(URL, {})
    assert verified(asked(URL, b"", mac, "GET"))
    assert not verified(asked(URL + "&x=1", b"", mac, "GET"))


def test_the_accounts_own_url_counts_too() -> None:
    mac = gate.signature(KEY, "https://hooks.example.com/sms/status?message=ms_1", Form(tuple(CALL)))
    inner = "http://10.0.0.1:8080/in/sms/status?message=ms_1"
    request = Request("POST", "/status", {"message": "ms_1"}, {gate.HEADER: mac}, encoded(CALL), NOW, inner)
    assert not verified(request)
    assert verified(request, "https://hooks.example.com/sms")
    assert not verified(request, "https://hooks.example.com/other")


def test_either_token_is_accepted_while_it_changes() -> None:
    settings = TwilioSettings(account_sid="AC1", auth_token=Secret("new"), more_auth_tokens=(Secret("old"),))
    for token, right in (("new", True), ("old", True), ("none", False)):
        signs = headers(token.encode(), URL, encoded(CALL))
        verdict = gate.verify(gate.keys_of(settings), None, asked(URL, encoded(CALL), signs[gate.HEADER]))
        assert isinstance(verdict, Verified) is right


def test_empty_values_and_spaces_are_signed_as_they_are() -> None:
    form = [("Body", "  a \n"), ("City", ""), ("A", "ü+%"), ("a", "b")]
    mac = RequestValidator("12345").compute_signature(URL, fields(encoded(form)))
    assert verified(asked(URL, encoded(form), mac))
    assert not verified(asked(URL, encoded([("Body", "a"), *form[1:]]), mac))


@pytest.mark.parametrize("body", [b"Body=%E3%81", b"\xff", b"a=1&" * (MOST_FIELDS + 1)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    assert isinstance(fields_of(body), BadForm)
    assert isinstance(gate.verify((KEY,), None, asked(URL, body, "x")), Refused)


def test_key_and_secret_belong_together() -> None:
    given: dict[str, Any] = {"account_sid": "AC1", "auth_token": Secret("t")}
    with pytest.raises(ValueError, match="belong together"):
        TwilioSettings(**given, api_key=Secret("SK1"))
