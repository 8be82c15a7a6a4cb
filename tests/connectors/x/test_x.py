"""The X connector against the conformance kit; oauthlib judges its signatures, twitter-text-parser its counting."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from oauthlib.oauth1 import Client
from twitter_text import parse_tweet

from connectors.api import (
    Failed,
    Outbound,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Response,
    Sent,
    Then,
    Uncertain,
    Verified,
)
from connectors.registry import settings_of
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.x import XConnector
from connectors.x.oauth import base_string, header
from connectors.x.outbound import CODES, SEGMENT, TYPES
from connectors.x.simulator import XSimulator
from connectors.x.weight import weight
from contracts.attachment import Attachment
from contracts.content import Image, Part, Text
from contracts.identity import Profile

SETTINGS: Final = XSimulator.sample("https://api.x.com")
CASES: Final = Path(__file__).parent / "cases"
NOW: Final = case_files.NOW
ME: Final = "1111111111111111111"
THEM: Final = "2222222222222222222"


class TestX(ConnectorConformance):
    connector = XConnector
    cases = CASES
    settings = SETTINGS
    address = THEM
    echoes = True
    least_inbound = 25
    least_outbound = 15
    codes = (*CODES, *TYPES, 400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 504)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        digest = hmac.new(b"madoguchi_consumer_secret", body, hashlib.sha256).digest()
        return {"x-twitter-webhooks-signature": f"sha256={base64.b64encode(digest).decode()}"}


def made(**settings: Any) -> XConnector:
    return XConnector("main", settings_of(XConnector, {**SETTINGS, **settings}, "main"))  # type: ignore[arg-type]


# -- the check, and signatures ----------------------------------------------------------------------------------------


def checked(token: str) -> Response:
    answer = made().handshake(Request("GET", "", {"crc_token": token}, {}, b"", NOW, ""))
    assert answer is not None
    return answer


def test_the_published_vectors() -> None:
    assert (
        checked("9f1b6e0a-crc-token").body
        == b'{"response_token":"sha256=NRW929HoxFaghBQEiyOqwEkRbUZ1f0mCO7Zs0uHfF9c="}'
    )
    body = (
        b'{"data":{"event_uuid":"1","event_type":"dm.received","payload":{"direct_message_events":[{"type":"message_create",'
        b'"id":"2080765901528535096","created_timestamp":"1784928224372","message_create":{"target":{"recipient_id":"1"},'
        b'"sender_id":"2","message_data":{"text":"hello!"}}}]}}}'
    )
    headers = {"x-twitter-webhooks-signature": "sha256=y54af/u70+K9IXPbWcUrBtTsX/4hpZO/kYv5qJEw9KE="}
    assert isinstance(made().verify(Request("POST", "", {}, headers, body, NOW, "")), Verified)


def test_the_check_signs_nothing_that_could_be_a_webhook() -> None:
    """Its answer is a signature with the same secret: whoever may choose the token could forge."""
    for token in ('{"data":{}}', "", "a b", "あ", "x" * 257, '["a"]', "a\n", '"a"'):
        assert checked(token).status == 400, token
    assert checked("YWJj-_=+/").status == 200
    assert made().handshake(Request("POST", "", {"crc_token": "abc"}, {}, b"{}", NOW, "")) is None


def test_either_secret_is_taken_while_it_changes() -> None:
    old = made().simulate(THEM, "x", 1, 1_789_344_000_000)
    changing = made(consumer_secret="another-secret-of-the-app", consumer_secret_previous=SETTINGS["consumer_secret"])
    assert isinstance(changing.verify(old), Verified)
    assert isinstance(made(consumer_secret="another-secret-of-the-app").verify(old), Refused)


# -- OAuth 1.0a -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "https://api.x.com/2/tweets"),
        ("GET", "https://api.x.com/2/users/2222?user.fields=profile_image_url,name&b=%E3%81%82&a=1+2&a=0&c="),
        ("GET", "https://ton.twitter.com/1.1/ton/data/dm/1/2/a%20b~c.jpg"),
        ("POST", "http://127.0.0.1:8080/2/dm_conversations/with/1/messages?x=y"),
    ],
)
def test_oauthlib_signs_the_same(method: str, url: str) -> None:
    settings: Any = made(consumer_secret="a&b c/あ", access_token_secret="x%y").settings
    ours = header(settings, method, url, NOW, "0123456789abcdef")
    judge = Client(
        settings.consumer_key, "a&b c/あ", settings.access_token.reveal(), "x%y",
        nonce="0123456789abcdef", timestamp=str(int(NOW.timestamp())),
    )  # fmt: skip
    theirs = judge.sign(url, method)[1]["Authorization"]
    assert sorted(ours.removeprefix("OAuth ").split(", ")) == sorted(theirs.removeprefix("OAuth ").split(", "))


def test_the_base_string_of_the_documentation() -> None:
    """docs.x.com, Creating a signature: the parameters of its example, those of the body in the query."""
    fields = {
        "oauth_consumer_key": "xvz1evFS4wEEPTGEFPHBog", "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        "oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": "1318622958",
        "oauth_token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "oauth_version": "1.0",
    }  # fmt: skip
    url = (
        "https://api.twitter.com/1.1/statuses/update.json?include_entities=true"
        "&status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21"
    )
    text = base_string("post", url, fields)
    key = b"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw&LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
    assert base64.b64encode(hmac.new(key, text.encode(), "sha1").digest()) == b"hCtSmYh+iHYCEqBWrE7C7hYmtUk="


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://api.x.com/2/users/me", True),
        ("https://ton.twitter.com/1.1/ton/data/dm/1/2/3.jpg", True),
        ("http://ton.twitter.com/1.1/ton/data/dm/1/2/3.jpg", False),
        ("https://pbs.twimg.com/dm_gif_preview/1.jpg", False),
        ("https://api.x.com.evil.example/", False),
        ("https://api.x.com@evil.example/", False),
        ("https://[", False),
    ],
)
def test_only_x_gets_our_signature(url: str, good: bool) -> None:
    call = made().authorise(ProviderRequest("GET", url), NOW, "n", {})
    assert ("authorization" in call.secret_headers) is good


# -- counting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "hello", "こんにちは", "héllo é", "が" * 140, "👩‍👩‍👧‍👦🇯🇵👍🏽", "1️⃣", "見て https://example.com/あいう",
        "https://example.com/a?b=c#d です", "example.com へどうぞ", "“quotes”—…", "한국어", "x" * 280, "ﾊﾝｶｸ",
        "\u200d\u2028",
        "https://t.co/abc https://t.co/def", "a\nb\r\nc", "हिन्दी",
    ],
)  # fmt: skip
def test_the_judge_counts_the_same(text: str) -> None:
    assert weight(text) == parse_tweet(text).weightedLength


@pytest.mark.parametrize("text", ["version 1.2.ab", "終わり.txt", "a@b.example"])
def test_where_we_cannot_know_we_count_more(text: str) -> None:
    assert weight(text) >= parse_tweet(text).weightedLength


# -- sending ----------------------------------------------------------------------------------------------------------


def outbound(*parts: Part, **more: Any) -> Outbound:
    given = {name: more.pop(name) for name in ("media", "extra", "thread") if name in more}
    message = case_files.Message(parts, THEM, **given)
    return msgspec.structs.replace(case_files.outbound_of(message, "main", "x", parts), **more)


def paths(*parts: Part, **more: Any) -> list[str]:
    found = made(**more.pop("settings", {})).render(outbound(*parts, **more))
    assert not isinstance(found, Failed), found
    return [call.url.removeprefix("https://api.x.com/2/").partition("/")[0] for call in found]


POST: Final = "post:2080765813578191303"


@pytest.mark.parametrize(
    ("texts", "more", "wanted"),
    [
        (["はい"], {}, ["dm_conversations"]),
        (["はい"], {"thread": "dm"}, ["dm_conversations"]),
        (["はい"], {"thread": POST}, ["tweets"]),
        (["はい", "どうぞ"], {"thread": POST}, ["tweets", "tweets"]),
        (["あ" * 140], {"thread": POST}, ["tweets"]),
        (["あ" * 141], {"thread": POST}, ["dm_conversations", "tweets"]),
        (["はい", "あ" * 141], {"thread": POST}, ["dm_conversations", "dm_conversations", "tweets"]),
        (["はい", "あ" * 141], {"thread": POST, "done": 1}, ["dm_conversations"]),
        (["はい"], {"thread": POST, "extra": {"to": "private"}}, ["dm_conversations", "tweets"]),
        (["はい"], {"thread": POST, "extra": {"to": "private"}, "settings": {"note": ""}}, ["dm_conversations"]),
        (["はい"], {"thread": POST, "extra": {"to": "public"}}, ["tweets"]),
    ],
)
def test_in_public_or_privately(texts: list[str], more: dict[str, Any], wanted: list[str]) -> None:
    assert paths(*map(Text, texts), **more) == wanted


@pytest.mark.parametrize(
    ("text", "thread", "extra", "kind"),
    [
        ("はい", None, {"to": "public"}, "unsupported"),
        ("あ" * 141, POST, {"to": "public"}, "too_large"),
        ("はい", POST, {"to": "nobody"}, "unsupported"),
        ("はい", POST, {"colour": 1}, "unsupported"),
    ],
)
def test_what_cannot_be_said_so(text: str, thread: str | None, extra: dict[str, Any], kind: str) -> None:
    failed = made().render(outbound(Text(text), thread=thread, extra=extra))
    assert isinstance(failed, Failed) and failed.problem.kind == kind


def test_the_note_never_fails_the_answer() -> None:
    calls = made().render(outbound(Text("はい"), thread=POST, extra={"to": "private"}))
    assert not isinstance(calls, Failed) and calls[1].covers == 0
    for response in (ProviderResponse(403), ProviderResponse(500), ProviderResponse(failure="timeout")):
        assert made().interpret(calls[1], response) == Sent()


def picture(size: int) -> tuple[Image, Outbound]:
    link = case_files.MediaLink("https://media.example.com/1", "写真.png", "image/png", size)
    piece = Image(Attachment("at_1", state="ready"), "写真です")
    return piece, outbound(piece, media={"at_1": link}, blobs={"at_1": b"x" * size})


def test_a_large_picture_goes_in_pieces() -> None:
    _, message = picture(SEGMENT + 10)
    calls = made().render(message)
    assert not isinstance(calls, Failed)
    (call,) = calls
    assert json.loads(call.body) == {
        "media_type": "image/png",
        "total_bytes": SEGMENT + 10,
        "media_category": "dm_image",
    }
    names, sizes = [], []
    for answer in (b'{"data":{"id":"77"}}', b"{}", b"{}", b'{"data":{"id":"77"}}'):
        outcome = made().interpret(call, ProviderResponse(200, {}, answer))
        assert isinstance(outcome, Then)
        call = outcome.request
        names.append(call.url.rpartition("/")[2])
        sizes.append(call.body.count(b"x" * 10) and len(call.body))
    assert names == ["append", "append", "finalize", "messages"]
    assert b'name="segment_index"\r\n\r\n0\r\n' not in call.body and sizes[0] > SEGMENT > 1_000 > sizes[1]
    assert json.loads(call.body) == {"attachments": [{"media_id": "77"}], "text": "写真です"}
    assert made().interpret(call, ProviderResponse(201, {}, b'{"data":{"dm_event_id":"9"}}')) == Sent(("9",))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (ProviderResponse(200, {}, b"{}"), "bad_answer"),
        (ProviderResponse(200, {}, b'{"data":{"id":"../x"}}'), "bad_answer"),
        (ProviderResponse(500), "unreachable"),
        (ProviderResponse(failure="timeout"), "unreachable"),
        (ProviderResponse(failure="reset"), "unreachable"),
    ],
)
def test_while_a_picture_is_uploaded_nothing_was_said(response: ProviderResponse, kind: str) -> None:
    calls = made().render(picture(10)[1])
    assert not isinstance(calls, Failed)
    failed = made().interpret(calls[0], response)
    assert isinstance(failed, Failed) and failed.problem.kind == kind


@pytest.mark.parametrize(
    ("state", "outcome"), [("pending", "unreachable"), ("failed", "rejected"), ("succeeded", "then")]
)
def test_a_picture_that_x_still_works_on(state: str, outcome: str) -> None:
    calls = made().render(picture(10)[1])
    assert not isinstance(calls, Failed)
    call = calls[0]
    for answer in (b'{"data":{"id":"77"}}', b"{}"):
        onward = made().interpret(call, ProviderResponse(200, {}, answer))
        assert isinstance(onward, Then)
        call = onward.request
    body = json.dumps({"data": {"id": "77", "processing_info": {"state": state, "check_after_secs": 3}}}).encode()
    assert case_files.meaning(made().interpret(call, ProviderResponse(200, {}, body))) == outcome


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-rate-limit-reset": "1789344060", "date": "Mon, 14 Sep 2026 00:00:00 GMT"}, 60.0),
        ({"x-rate-limit-reset": "1789343000", "date": "Mon, 14 Sep 2026 00:00:00 GMT"}, 1.0),
        ({"x-rate-limit-reset": "1789344060"}, 900.0),
        ({"x-rate-limit-reset": "1789344060", "date": "yesterday"}, 900.0),
        ({"x-rate-limit-reset": "soon"}, None),
        ({"x-rate-limit-reset": "1789344060", "retry-after": "7"}, 7.0),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    (call,) = made().render(outbound(Text("x")))  # type: ignore[misc]
    failed = made().interpret(call, ProviderResponse(429, headers, b'{"title":"Too Many Requests"}'))
    assert isinstance(failed, Failed) and failed.retry_after_s == wait and not failed.person


def test_after_a_breakdown_nobody_knows() -> None:
    (call,) = made().render(outbound(Text("x")))  # type: ignore[misc]
    for status in (500, 502, 504):
        assert isinstance(made().interpret(call, ProviderResponse(status)), Uncertain)


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_profiles_media_and_links() -> None:
    asked = made().profile_request("22/../1", None)
    assert asked is not None and asked.url == "https://api.x.com/2/users/22%2F..%2F1?user.fields=profile_image_url"
    body = {
        "data": {
            "id": THEM,
            "name": "山田花子",
            "username": "hanako",
            "profile_image_url": "https://pbs.twimg.com/1.jpg",
        }
    }
    found = made().read_profile(ProviderResponse(200, {}, json.dumps(body).encode()))
    assert found == Profile("山田花子", picture="https://pbs.twimg.com/1.jpg")
    assert made().media_request(Attachment("at_1")) is None
    assert made().handover_link("a b") == f"https://x.com/messages/compose?recipient_id={ME}&text=a%20b"
    assert made().probe_request().url.endswith("/2/users/me")


def test_a_time_without_zone_is_utc() -> None:
    body = json.loads(case_files.inbound_cases(CASES)["mention"].payload())
    body["data"]["payload"]["created_at"] = "2026-09-14T00:00:00"
    parsed: Any = made().parse(Request("POST", "", {}, {}, json.dumps(body).encode(), NOW, ""))
    assert parsed.events[0].sent_at == datetime(2026, 9, 14, tzinfo=UTC)
