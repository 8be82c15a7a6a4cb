"""The LINE connector against the conformance kit, and against LINE's own SDK as a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from linebot.v3.messaging.models import PushMessageRequest, ReplyMessageRequest
from linebot.v3.models.events import UnknownEvent
from linebot.v3.webhook import SignatureValidator, WebhookParser

from connectors.api import Batch, Failed, Malformed, ProviderResponse, Secret, Verified
from connectors.kit.signatures import hmac_sha256_base64
from connectors.line import LineConnector
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Text
from contracts.identity import Profile
from contracts.inbound import InboundMessage

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
CASES = Path(__file__).parent / "cases"
USER = "U" + "4" * 32


class TestLine(ConnectorConformance):
    connector = LineConnector
    cases = CASES
    settings = {  # noqa: RUF012
        "channel_secret": SECRET,
        "channel_access_token": "token-of-the-channel",
        "video_preview_url": "https://example.com/film.png",
    }
    address = USER

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-line-signature": hmac_sha256_base64(SECRET.encode(), body).decode()}

    def redelivered(self, body: bytes) -> bytes:
        return body.replace(b'"isRedelivery": false', b'"isRedelivery": true')


def made(**settings: object) -> LineConnector:
    return LineConnector(
        "main",
        LineConnector.Settings(channel_secret=Secret(SECRET), channel_access_token=Secret("t"), **settings),  # type: ignore[arg-type]
    )


# -- LINE's SDK as the judge ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        (SECRET, '{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}',
         "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="),
        ("channel_secret", "bodybodybodybody", "/gg9a+LvFevTH1sd7XCQycD7tsWclCsInj7MhBHxN7k="),
    ],
)  # fmt: skip
def test_published_vectors(secret: str, body: str, signature: str) -> None:
    assert hmac_sha256_base64(secret.encode(), body.encode()).decode() == signature
    assert SignatureValidator(secret).validate(body, signature)


def test_the_sdk_takes_what_we_simulate() -> None:
    request = made().simulate(USER, "こんにちは😀", 7, 1_789_344_000_000)
    events = WebhookParser(SECRET).parse(request.body.decode(), request.headers["x-line-signature"])
    assert [(event.type, event.message.text, event.source.user_id) for event in events] == [
        ("message", "こんにちは😀", USER)
    ]


MADE_UP = {"unknown_event", "unknown_message", "wrong_types", "known_and_unknown", "lone_surrogate"}


@pytest.mark.parametrize("name", sorted(set(case_files.inbound_cases(CASES)) - MADE_UP))
def test_the_sdk_knows_the_payloads_of_our_cases(name: str) -> None:
    body = case_files.inbound_cases(CASES)[name].payload()
    events = WebhookParser(SECRET).parse(body.decode(), hmac_sha256_base64(SECRET.encode(), body).decode())
    assert len(events) == len(json.loads(body)["events"])
    assert not [event for event in events if isinstance(event, UnknownEvent)]


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_the_sdk_would_send_the_bodies_of_our_calls(name: str) -> None:
    for call in case_files.outbound_cases(CASES)[name].calls:
        model = ReplyMessageRequest if call.uses_token else PushMessageRequest
        judged = model.from_dict(call.body)
        assert judged is not None
        assert judged.to_dict() == call.body


# -- what the cases cannot say ----------------------------------------------------------------------------------------


def test_either_secret_is_accepted_while_it_changes() -> None:
    old = made().simulate(USER, "x", 1, 1_789_344_000_000)
    changing = LineConnector(
        "main",
        LineConnector.Settings(
            channel_secret=Secret("new"), channel_access_token=Secret("t"), channel_secret_previous=Secret(SECRET)
        ),
    )
    assert isinstance(changing.verify(old), Verified)


def test_another_bots_webhook_is_set_aside() -> None:
    request = made(bot_user_id="U" + "1" * 32).simulate(USER, "x", 1, 1_789_344_000_000)
    assert isinstance(made(bot_user_id="U" + "1" * 32).parse(request), Batch)
    assert isinstance(made(bot_user_id="U" + "2" * 32).parse(request), Malformed)


def test_a_redelivered_token_is_dead_after_twenty_minutes() -> None:
    case = case_files.inbound_cases(CASES)["redelivered"]
    request = made().simulate(USER, "x", 1, 1_789_344_000_000)
    for minutes, usable in ((19, True), (21, False)):
        at = datetime.fromtimestamp(1_789_344_043 + minutes * 60, case.received_at.tzinfo)
        parsed = made().parse(msgspec.structs.replace(request, body=case.payload(), received_at=at))
        assert isinstance(parsed, Batch) and isinstance(parsed.events[0], InboundMessage)
        assert (parsed.events[0].reply is not None) is usable


def test_a_retried_push_is_the_same_to_the_byte() -> None:
    message = case_files.Message((Text("a"), Text("b")), USER)
    first, again = (case_files.outbound_of(message, "main", "line", message.parts) for _ in range(2))
    assert made().render(first) == made().render(msgspec.structs.replace(again, attempt=2))


def test_media_come_from_the_data_host_and_external_ones_without_our_token() -> None:
    ours = made().media_request(Attachment("at_1", source="4445"))
    external = made().media_request(Attachment("at_2", source="https://example.com/a.jpg"))
    assert ours is not None and external is not None
    assert (ours.url, bool(ours.secret_headers)) == ("https://api-data.line.me/v2/bot/message/4445/content", True)
    assert (external.url, bool(external.secret_headers)) == ("https://example.com/a.jpg", False)


@pytest.mark.parametrize(
    ("address", "author", "path"),
    [
        ("U1", None, "/v2/bot/profile/U1"),
        ("C1", "U1", "/v2/bot/group/C1/member/U1"),
        ("R1", "U1", "/v2/bot/room/R1/member/U1"),
        ("C1", None, "/v2/bot/group/C1/summary"),
        ("R1", None, None),
        ("U/../x?y", None, "/v2/bot/profile/U%2F..%2Fx%3Fy"),
    ],
)
def test_profiles_are_asked_for_where_they_are(address: str, author: str | None, path: str | None) -> None:
    request = made().profile_request(address, author)
    assert (request and request.url.removeprefix("https://api.line.me")) == path


def test_profiles_are_read() -> None:
    body = '{"displayName":"花子","userId":"U1","language":"ja","pictureUrl":"https://p","statusMessage":"やあ"}'
    assert made().read_profile(ProviderResponse(200, {}, body.encode())) == Profile("花子", "ja", "https://p", "やあ")
    assert made().read_profile(ProviderResponse(404, {}, b'{"message":"Not found"}')) is None
    assert made().read_profile(ProviderResponse(200, {}, b"<html>")) is None


def test_typing_and_read_marks() -> None:
    typing = made().typing_request(USER, True)
    assert typing is not None and json.loads(typing.body) == {"chatId": USER, "loadingSeconds": 20}
    assert made().typing_request("C1", True) is None
    assert made().typing_request(USER, False) is None
    read = made().read_request({"mark_as_read_token": "m"})
    assert read is not None and json.loads(read.body) == {"markAsReadToken": "m"}
    assert made().read_request({}) is None


def test_handover_link() -> None:
    assert made().handover_link("x") is None
    assert made(basic_id="@a").handover_link("続き 1") == "https://line.me/R/oaMessage/%40a/?%E7%B6%9A%E3%81%8D%201"


def test_a_long_caption_spreads_over_calls_with_keys_that_stay() -> None:
    message = msgspec.structs.replace(
        case_files.outbound_cases(CASES)["image_with_caption"].message, address=USER, token=None
    )
    image = msgspec.structs.replace(message.parts[0], caption="あ" * 30_000)
    outbound = case_files.outbound_of(message, "main", "line", (Text("first"), image))
    calls = made().render(outbound)
    assert not isinstance(calls, Failed)
    assert [call.covers for call in calls] == [1, 0, 1]
    assert made().render(msgspec.structs.replace(outbound, done=1)) == calls[1:]
    assert len({call.headers["x-line-retry-key"] for call in calls}) == 3
