"""The Slack connector against the conformance kit, and against Slack's own SDK as a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, SectionBlock
from slack_sdk.models.metadata import Metadata
from slack_sdk.signature import SignatureVerifier

from connectors.api import (
    Batch,
    Failed,
    Ignored,
    Outbound,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Secret,
    Sent,
    Then,
    Uncertain,
    Verified,
)
from connectors.slack import SlackConnector, emoji, mrkdwn
from connectors.slack.outbound import ERRORS, UNCLEAR
from connectors.slack.signature import signature
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Image, Part, Reaction, Text
from contracts.identity import Profile

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-test-token"
CASES = Path(__file__).parent / "cases"


class TestSlack(ConnectorConformance):
    connector = SlackConnector
    cases = CASES
    settings = {"signing_secret": SECRET, "bot_token": TOKEN}  # noqa: RUF012
    other_settings = {"signing_secret": SECRET[::-1]}  # noqa: RUF012
    address = "U00CUSTOMER"
    stale_after_s = 300
    least_inbound = 25
    least_outbound = 15
    codes = (*ERRORS, *UNCLEAR, 429, 500, 502, 503, 504)
    echoes = True

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        seconds = str(int(at.timestamp()))
        return {
            "x-slack-request-timestamp": seconds,
            "x-slack-signature": signature(SECRET.encode(), seconds, body),
        }


def made(**settings: Any) -> SlackConnector:
    given = {"signing_secret": Secret(SECRET), "bot_token": Secret(TOKEN), **settings}
    return SlackConnector("main", SlackConnector.Settings(**given))


def outbound(*parts: Part, **more: Any) -> Outbound:
    given = {name: more.pop(name) for name in ("media", "extra", "thread") if name in more}
    message = case_files.Message(parts, more.pop("address", "U00CUSTOMER"), **given)
    return msgspec.structs.replace(case_files.outbound_of(message, "main", "slack", parts), **more)


def calls(message: Outbound) -> list[ProviderRequest]:
    found = made().render(message)
    assert not isinstance(found, Failed)
    return list(found)


# -- Slack's SDK as the judge -----------------------------------------------------------------------------------------

PUBLISHED = (
    case_files.inbound_cases(CASES)["published_vector"].payload().decode(),
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
)
CHALLENGE = (
    '{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}',
    "v0=9815b856719f49294457425f6c73f1ccbe3172750a83b6066a7f04c0fdcabec4",
)
UTF8 = (
    '{"type":"event_callback","event_id":"Ev1","event":{"type":"message","text":"こんにちは"}}',
    "v0=82a96039281a9ee867eadb142a6987e56c6904f56edc7ac0a66380854384753a",
)


@pytest.mark.parametrize(("body", "wanted"), [PUBLISHED, CHALLENGE, UTF8], ids=["published", "challenge", "utf8"])
def test_published_vectors(body: str, wanted: str) -> None:
    assert signature(SECRET.encode(), "1531420618", body.encode()) == wanted
    assert SignatureVerifier(SECRET).generate_signature(timestamp="1531420618", body=body) == wanted


def test_the_sdk_takes_what_we_simulate() -> None:
    now = datetime.now(UTC)
    request = made().simulate("U00CUSTOMER", "こんにちは😀", 7, int(now.timestamp() * 1_000))
    assert SignatureVerifier(SECRET).is_valid_request(request.body, dict(request.headers))
    assert not SignatureVerifier("other").is_valid_request(request.body, dict(request.headers))


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_the_sdk_takes_the_bodies_of_our_calls(name: str) -> None:
    for call in case_files.outbound_cases(CASES)[name].calls:
        metadata = call.body["metadata"]
        assert Metadata(**metadata).to_dict() == metadata
        blocks = Block.parse_all(call.body.get("blocks", []))
        for block, ours in zip(blocks, call.body.get("blocks", []), strict=True):
            assert isinstance(block, SectionBlock | ActionsBlock)
            block.validate_json()
            assert block.to_dict() == ours
            for element in block.elements if isinstance(block, ActionsBlock) else ():
                assert isinstance(element, ButtonElement)
                element.validate_json()


# -- who may call -----------------------------------------------------------------------------------------------------


def test_either_secret_is_accepted_while_it_changes() -> None:
    old = made().simulate("U1", "x", 1, 1_789_344_000_000)
    changing = made(signing_secret=Secret("new"), signing_secret_previous=Secret(SECRET))
    assert isinstance(changing.verify(old), Verified)
    assert isinstance(made(signing_secret=Secret("new")).verify(old), Refused)


@pytest.mark.parametrize("seconds", ["", "now", "１５３", "-1", "1e9", "9" * 40])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    request = made().simulate("U1", "x", 1, 1_789_344_000_000)
    bent = msgspec.structs.replace(request, headers={**request.headers, "x-slack-request-timestamp": seconds})
    assert isinstance(made().verify(bent), Refused)


def test_a_set_up_call_is_answered_only_when_it_is_signed() -> None:
    case = case_files.inbound_cases(CASES)["url_verification"]
    request = msgspec.structs.replace(made().simulate("U1", "x", 1, 1_789_344_000_000), body=case.payload())
    assert made().handshake(request) is None
    assert made().handshake(made().simulate("U1", "url_verification", 1, 1_789_344_000_000)) is None


def test_other_workspaces_are_set_aside() -> None:
    for name in ("direct", "button", "command"):
        body = case_files.inbound_cases(CASES)[name].payload()
        request = msgspec.structs.replace(made().simulate("U1", "x", 1, 1_789_344_000_000), body=body)
        assert isinstance(made(team_id="T0001").parse(request), Batch)
        assert isinstance(made(team_id="T0002").parse(request), Ignored)


def test_other_apps_are_heard_when_wanted() -> None:
    body = case_files.inbound_cases(CASES)["another_app"].payload()
    request = msgspec.structs.replace(made().simulate("U1", "x", 1, 1_789_344_000_000), body=body)
    assert isinstance(made().parse(request), Ignored)
    assert isinstance(made(hear_apps=True).parse(request), Batch)


def test_both_events_of_a_message_have_one_id() -> None:
    ids = []
    for name in ("app_mention", "message_of_the_mention"):
        body = case_files.inbound_cases(CASES)[name].payload()
        request = msgspec.structs.replace(made().simulate("U1", "x", 1, 1_789_344_000_000), body=body)
        parsed = made().parse(request)
        assert isinstance(parsed, Batch)
        ids.append(parsed.events)
    assert ids[0] == ids[1]


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a", "<!channel> & <@U1> &amp; &lt;", "1 < 2 > 0 && 😀", "&amp;amp;"])
def test_what_is_escaped_is_read_as_it_was(text: str) -> None:
    assert mrkdwn.plain(mrkdwn.escape(text)) == text
    assert "<" not in mrkdwn.escape(text) and ">" not in mrkdwn.escape(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<@U1|hanako> と <@U2>", "@hanako と @U2"),
        ("<#C1|general>", "#general"),
        ("<!everyone> <!subteam^S1>", "@everyone @subteam"),
        ("<https://e.jp|https://e.jp>", "https://e.jp"),
        ("<tel:+8131234|03-1234>", "03-1234 (tel:+8131234)"),
        ("<https://e.jp/?a=1&amp;b=2|&lt;ここ&gt;>", "<ここ> (https://e.jp/?a=1&b=2)"),
        ("<> < > <\n>", "<> < > <\n>"),
    ],
)
def test_references(text: str, plain: str) -> None:
    assert mrkdwn.plain(text) == plain


@pytest.mark.parametrize(("name", "shown"), [("+1", "👍"), ("thumbsup::skin-tone-2", "👍"), ("odd_one", ":odd_one:")])
def test_names_of_emoji(name: str, shown: str) -> None:
    assert emoji.shown(name) == shown
    assert emoji.named(shown) == {"👍": "+1"}.get(shown, name)
    assert emoji.named("🪿") is None


# -- uploads ----------------------------------------------------------------------------------------------------------

LINK = case_files.MediaLink("https://media.example.com/at_1", "写真 <1>.png", "image/png", 7)
PICTURE = Image(Attachment("at_1", state="ready"), "<写真> & 一枚")


def answered(body: Any, status: int = 200) -> ProviderResponse:
    return ProviderResponse(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def follow(request: ProviderRequest, body: Any, status: int = 200) -> ProviderRequest:
    onward = made().interpret(request, answered(body, status))
    assert isinstance(onward, Then), onward
    return onward.request


def test_a_file_goes_in_three_calls() -> None:
    given = {"media": {"at_1": LINK}, "blobs": {"at_1": b"picture"}}
    (room,) = calls(outbound(PICTURE, thread="C1/1.2", address="C1", **given))
    assert room.url.endswith("/api/files.getUploadURLExternal")
    assert parse_qs(room.body.decode()) == {"filename": ["写真 <1>.png"], "length": ["7"]}
    data = follow(room, {"ok": True, "upload_url": "https://files.slack.com/upload/v1/ABC", "file_id": "F1"})
    assert (data.url, data.body, data.secret_headers) == ("https://files.slack.com/upload/v1/ABC", b"picture", {})
    share = follow(data, b"OK - 7")
    assert share.url.endswith("/api/files.completeUploadExternal") and not share.idempotent
    assert json.loads(share.body) == {
        "files": [{"id": "F1", "title": "写真 <1>.png"}], "channel_id": "C1", "thread_ts": "1.2",
        "initial_comment": "&lt;写真&gt; &amp; 一枚",
    }  # fmt: skip
    assert made().interpret(share, answered({"ok": True, "files": [{"id": "F1"}]})) == Sent()


def test_before_anything_was_said_the_direct_message_is_opened() -> None:
    (opened,) = calls(outbound(PICTURE, media={"at_1": LINK}, blobs={"at_1": b"picture"}))
    assert json.loads(opened.body) == {"users": "U00CUSTOMER"}
    room = follow(opened, {"ok": True, "channel": {"id": "D00CUSTOMER"}})
    data = follow(room, {"ok": True, "upload_url": "https://files.slack.com/upload/v1/ABC", "file_id": "F1"})
    assert json.loads(follow(data, b"OK").body)["channel_id"] == "D00CUSTOMER"


@pytest.mark.parametrize("failure", ["timeout", "reset"])
def test_only_sharing_is_uncertain(failure: str) -> None:
    (room,) = calls(outbound(PICTURE, thread="D1", media={"at_1": LINK}, blobs={"at_1": b"picture"}))
    data = follow(room, {"ok": True, "upload_url": "https://files.slack.com/upload/v1/ABC", "file_id": "F1"})
    share = follow(data, b"OK")
    lost = ProviderResponse(failure=failure)
    for request in (room, data):
        outcome = made().interpret(request, lost)
        assert isinstance(outcome, Failed) and outcome.problem.retryable
    assert isinstance(made().interpret(share, lost), Uncertain)


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "upload_url": "x"}, {"ok": True, "channel": "x"}])
def test_an_upload_that_gets_no_place_fails(body: Any) -> None:
    for thread in ({"thread": "D1"}, {}):
        (first,) = calls(outbound(PICTURE, media={"at_1": LINK}, blobs={"at_1": b"picture"}, **thread))
        outcome = made().interpret(first, answered(body))
        assert isinstance(outcome, Failed) and outcome.problem.kind == "bad_answer"


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_reactions_go_to_their_message() -> None:
    (added,) = calls(outbound(Reaction("ms_1", "👍"), targets={"ms_1": "D1/1789344001.000201"}))
    assert added.url.endswith("/api/reactions.add") and added.idempotent
    assert json.loads(added.body) == {"channel": "D1", "timestamp": "1789344001.000201", "name": "+1"}
    (gone,) = calls(outbound(Reaction("ms_1", ":odd_one:", True), targets={"ms_1": "D1/1789344001.000201"}))
    assert gone.url.endswith("/api/reactions.remove") and json.loads(gone.body)["name"] == "odd_one"
    (text,) = calls(outbound(Reaction("ms_1", "🪿"), targets={"ms_1": "D1/1789344001.000201"}))
    assert json.loads(text.body)["text"] == "🪿"


def test_our_token_goes_to_slack_only() -> None:
    for source, ours in [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://slack.com/a", True),
        ("https://files.slack.com.evil.example/a", False),
        ("https://evil.example/?files.slack.com", False),
        ("https://notslack.com/a", False),
    ]:
        request = made().media_request(Attachment("at_1", source=source))
        assert request is not None and bool(request.secret_headers) is ours, source


def test_a_file_of_slack_connect_is_looked_up_first() -> None:
    attachment = Attachment("at_1", source="file:F1")
    first = made().media_request(attachment)
    assert first is not None and first.url == "https://slack.com/api/files.info?file=F1"
    card = answered({"ok": True, "file": {"id": "F1", "url_private": "https://files.slack.com/x"}})
    second = made().media_location(attachment, card)
    assert second is not None and second.url == "https://files.slack.com/x"
    assert made().media_location(attachment, answered({"ok": False, "error": "x"})) is None
    assert made().media_location(Attachment("at_2", source="https://files.slack.com/x"), card) is None
    refused = ProviderResponse(200, {"content-type": "application/json"}, b'{"ok":false}')
    assert made().media_problem(attachment, refused) is not None


def test_the_log_in_page_is_not_the_file() -> None:
    page = ProviderResponse(200, {"content-type": "text/html; charset=utf-8"}, b"<html>")
    assert made().media_problem(Attachment("at_1", media_type="image/png", source="x"), page) is not None
    assert made().media_problem(Attachment("at_1", media_type="text/html", source="x"), page) is None
    picture = ProviderResponse(200, {"content-type": "image/png"}, b"x")
    assert made().media_problem(Attachment("at_1", media_type="image/png", source="x"), picture) is None


@pytest.mark.parametrize(
    ("address", "author", "path"),
    [
        ("U1", None, "/api/users.info?user=U1&include_locale=true"),
        ("C1", "W1", "/api/users.info?user=W1&include_locale=true"),
        ("C1", None, "/api/conversations.info?channel=C1"),
    ],
)
def test_profiles_are_asked_for_where_they_are(address: str, author: str | None, path: str) -> None:
    request = made().profile_request(address, author)
    assert request is not None and request.url == "https://slack.com" + path


def test_profiles_are_read() -> None:
    profile = {"display_name": "花子", "image_192": "https://p", "title": "店長", "status_text": ""}
    person = {"ok": True, "user": {"id": "U1", "name": "hanako", "locale": "ja-JP", "profile": profile}}
    assert made().read_profile(answered(person)) == Profile("花子", "ja-JP", "https://p", "店長")
    channel = {"ok": True, "channel": {"id": "C1", "name": "sales"}}
    assert made().read_profile(answered(channel)) == Profile("#sales")
    for bad in ({"ok": False, "error": "user_not_found"}, [], {"ok": True}, {"ok": True, "user": 7}):
        assert made().read_profile(answered(bad)) is None


def test_the_probe_asks_who_we_are() -> None:
    assert made().probe_request().url == "https://slack.com/api/auth.test"


def test_texts_are_posted_as_they_were_written() -> None:
    (call,) = calls(outbound(Text("*a* <!here>")))
    assert json.loads(call.body)["mrkdwn"] is False and "<" not in json.loads(call.body)["text"]
