"""The Telegram connector against the conformance kit, and against python-telegram-bot as a judge."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
import telegram

from connectors.api import (
    Batch,
    Failed,
    Ignored,
    Malformed,
    Outbound,
    ProviderResponse,
    Refused,
    Secret,
    Sent,
    Then,
    Verified,
)
from connectors.telegram import TelegramConnector
from connectors.telegram import entities as formatting
from connectors.telegram.messages import UPLOAD
from connectors.telegram.payload import Entity
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Image, Part, Reaction, Text, Video
from contracts.conversation import Reach
from contracts.identity import Profile
from router.cli.simulated import simulated

TOKEN = "123456:TEST-token"
SECRET = "secret-of-the-webhook"
CASES = Path(__file__).parent / "cases"


class TestTelegram(ConnectorConformance):
    connector = TelegramConnector
    cases = CASES
    settings = {"token": TOKEN, "secret_token": SECRET}  # noqa: RUF012
    address = "4242"
    least_inbound = 25
    least_outbound = 15
    codes = (400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504)
    echoes = True

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-telegram-bot-api-secret-token": SECRET}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[tuple[dict[str, Any], Sequence[str]]]:
        with ThreadPoolExecutor(1) as executor:  # the platform's tasks must not be taken for the listener's
            ready: Future[str] = Future()
            over = threading.Event()
            executor.submit(asyncio.run, _platform(ready, over))
            try:
                url = await asyncio.wrap_future(ready)
                yield {"receive": "polling", "api_base": url}, ["4242/101", "4242/102", "4242/103"]
            finally:
                over.set()


async def _platform(ready: Future[str], over: threading.Event) -> None:
    async with simulated(TelegramConnector, "") as provider:
        provider.simulator.posts = False
        for text in ("一", "二", "三"):
            provider.say(text)
        ready.set_result(provider.url)
        while not over.is_set():
            await asyncio.sleep(0.01)


def made(**settings: Any) -> TelegramConnector:
    given = {"token": Secret(TOKEN), "secret_token": Secret(SECRET), **settings}
    return TelegramConnector("main", TelegramConnector.Settings(**given))


def outbound(*parts: Part, **more: Any) -> Outbound:
    given = {name: more.pop(name) for name in ("media", "reply_to", "extra") if name in more}
    message = case_files.Message(parts, more.pop("address", "4242"), **given)
    return msgspec.structs.replace(case_files.outbound_of(message, "main", "telegram", parts), **more)


def calls(message: Outbound) -> list[Any]:
    found = made().render(message)
    assert not isinstance(found, Failed)
    return list(found)


# -- python-telegram-bot as the judge ---------------------------------------------------------------------------------

MADE_UP = {name for name, case in case_files.inbound_cases(CASES).items() if case.provenance.startswith("made up")}


@pytest.mark.parametrize("name", sorted(set(case_files.inbound_cases(CASES)) - MADE_UP))
def test_the_library_knows_the_payloads_of_our_cases(name: str) -> None:
    body = json.loads(case_files.inbound_cases(CASES)[name].payload())
    update = telegram.Update.de_json(body, None)
    (kind,) = set(body) - {"update_id"}
    assert getattr(update, kind) is not None and not update.api_kwargs
    assert not getattr(update, kind).api_kwargs, "no field that the library does not know"


def test_the_library_reads_entities_where_we_do() -> None:
    for name in ("text_formatted", "text_link", "text_mentions", "text_nested"):
        body = json.loads(case_files.inbound_cases(CASES)[name].payload())
        message = telegram.Update.de_json(body, None).message
        assert message is not None and message.text is not None
        for entity, words in message.parse_entities().items():
            start, end = entity.offset, entity.offset + entity.length
            assert formatting._slice(formatting._units(message.text), start, end) == words


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_the_library_would_make_the_same_calls(name: str) -> None:
    for call in case_files.outbound_cases(CASES)[name].calls:
        method = call.url.rpartition("/")[2]
        function = getattr(telegram.Bot, re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", method))
        parameters = inspect.signature(function).parameters
        assert set(call.body) <= set(parameters), "every field is one that the method takes"
        needed = {key for key, each in parameters.items() if each.default is inspect.Parameter.empty} - {"self"}
        assert needed <= set(call.body), "and none is missing"
        _same_objects(call.body)


def _same_objects(body: dict[str, Any]) -> None:
    """The library's objects, made from ours, are ours."""
    if "reply_parameters" in body:
        assert telegram.ReplyParameters(**body["reply_parameters"]).to_dict() == body["reply_parameters"]
    if "inline_keyboard" in body.get("reply_markup", {}):
        assert telegram.InlineKeyboardMarkup.de_json(body["reply_markup"], None).to_dict() == body["reply_markup"]
    kinds = {"photo": telegram.InputMediaPhoto, "video": telegram.InputMediaVideo}
    for item in body.get("media", []):
        fields = {key: value for key, value in item.items() if key != "type"}
        assert kinds[item["type"]](**fields).to_dict() == item
    if "text" in body:
        assert len(body["text"]) <= telegram.constants.MessageLimit.MAX_TEXT_LENGTH
    if "caption" in body:
        assert len(body["caption"]) <= telegram.constants.MessageLimit.CAPTION_LENGTH


def test_the_library_takes_what_we_simulate() -> None:
    request = made().simulate("4242", "こんにちは😀", 7, 1_789_344_000_000)
    assert request is not None
    update = telegram.Update.de_json(json.loads(request.body), None)
    assert update.message is not None and update.effective_user is not None
    assert (update.message.text, update.effective_user.id) == ("こんにちは😀", 4242)


# -- who may call -----------------------------------------------------------------------------------------------------


def test_either_secret_is_accepted_while_it_changes() -> None:
    old = made().simulate("4242", "x", 1, 1_789_344_000_000)
    assert old is not None
    changing = made(secret_token=Secret("new"), secret_token_previous=Secret(SECRET))
    assert isinstance(changing.verify(old), Verified)
    assert isinstance(made(secret_token=Secret("new")).verify(old), Refused)


def test_while_polling_nobody_may_call() -> None:
    request = made().simulate("4242", "x", 1, 1_789_344_000_000)
    assert request is not None
    for settings in ({"receive": "polling", "secret_token": None}, {"receive": "polling"}):
        refused = made(**settings).verify(request)
        assert isinstance(refused, Refused) and refused.status == 404
    assert [listener.name for listener in made(receive="polling").listeners()] == ["poll"]
    assert made().listeners() == ()


@pytest.mark.parametrize(("name", "result"), [("callback", Batch), ("callback_game", Ignored), ("text", Batch)])
def test_a_pressed_button_is_answered_in_the_answer(name: str, result: type) -> None:
    case = case_files.inbound_cases(CASES)[name]
    request = msgspec.structs.replace(made().simulate("1", "x", 1, 1), body=case.payload())
    parsed = made().parse(request)
    assert isinstance(parsed, result) and not isinstance(parsed, Malformed)
    pressed = json.loads(case.payload()).get("callback_query")
    wanted = {"method": "answerCallbackQuery", "callback_query_id": pressed["id"]} if pressed else None
    assert (json.loads(parsed.response.body) if parsed.response.body else None) == wanted


# -- entities ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "plain", "html"),
    [
        ("a", [], "a", None),
        ("見る", [("text_link", 0, 2, "https://e.jp")], "見る (https://e.jp)", '<a href="https://e.jp">見る</a>'),
        ("https://e.jp", [("text_link", 0, 12, "https://e.jp")], "https://e.jp",
         '<a href="https://e.jp">https://e.jp</a>'),
        ("ab", [("bold", 0, 1, None), ("italic", 1, 1, None)], "ab", "<b>a</b><i>b</i>"),
        ("abc", [("bold", 0, 2, None), ("italic", 1, 2, None)], "abc", "<b>a</b><b><i>b</i></b><i>c</i>"),
        ("😀x", [("bold", 1, 1, None)], "😀x", "\ufffd<b>\ufffd</b>x"),
        ("<&>", [("code", 0, 3, None)], "<&>", "<code>&lt;&amp;&gt;</code>"),
        ("x", [("text_link", 0, 1, 'https://e.jp/"><script>')], 'x (https://e.jp/"><script>)',
         '<a href="https://e.jp/&quot;&gt;&lt;script&gt;">x</a>'),
    ],
)  # fmt: skip
def test_entities(text: str, entities: list[Any], plain: str, html: str | None) -> None:
    given = [Entity(kind, offset, length, url) for kind, offset, length, url in entities]
    assert (formatting.plain(text, given), formatting.html(text, given)) == (plain, html)


# -- sending ----------------------------------------------------------------------------------------------------------


def _photo(number: int, size: int = 100) -> tuple[Image, str, Any]:
    id = f"at_{number}"
    link = case_files.MediaLink(f"https://media.example.com/{id}", f'写真 {number}".png', "image/png", size)
    return Image(Attachment(id, state="ready"), f"写真{number}"), id, link


def _form(body: bytes, content_type: str) -> dict[str, tuple[str | None, bytes]]:
    head = f"content-type: {content_type}\r\n\r\n".encode()
    parts = BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts()
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parts
    }  # type: ignore[misc]


def test_files_are_uploaded_when_their_bytes_are_there() -> None:
    piece, id, link = _photo(1)
    (call,) = calls(outbound(piece, media={id: link}, blobs={id: b"\x89PNG\r\n--bytes"}))
    form = _form(call.body, call.headers["content-type"])
    assert form["photo"] == (None, f"attach://file_{id}".encode())
    assert form["caption"] == (None, "写真1".encode())
    assert form[f"file_{id}"] == ("写真 1%22.png", b"\x89PNG\r\n--bytes")
    assert call == calls(outbound(piece, media={id: link}, blobs={id: b"\x89PNG\r\n--bytes"}))[0]


def test_eleven_photos_are_an_album_of_ten_and_one() -> None:
    photos = [_photo(number) for number in range(11)]
    message = outbound(
        *(piece for piece, _, _ in photos),
        media={id: link for _, id, link in photos},
        blobs={id: b"x" for _, id, _ in photos},
    )
    album, single = calls(message)
    assert (album.url[-14:], album.covers, single.covers) == ("sendMediaGroup", 10, 1)
    form = _form(album.body, album.headers["content-type"])
    media = json.loads(form["media"][1])
    assert [item["media"] for item in media] == [f"attach://file_at_{number}" for number in range(10)]
    assert set(form) == {"chat_id", "media", *(f"file_at_{number}" for number in range(10))}
    assert calls(msgspec.structs.replace(message, done=10)) == [single]


def test_what_is_too_large_to_upload_goes_as_a_link() -> None:
    piece, id, link = _photo(1, UPLOAD + 1)
    (call,) = calls(outbound(piece, media={id: link}, blobs={id: bytes(UPLOAD + 1)}))
    assert json.loads(call.body)["text"].endswith(link.url)
    film = Video(Attachment(id, state="ready"), 1_000, "長" * 1_025)
    (text,) = calls(outbound(film, media={id: msgspec.structs.replace(link, media_type="video/mp4", size=9)}))
    assert text.url.endswith("sendMessage"), "and so does what has too long a caption"


def test_a_reaction_goes_to_its_message() -> None:
    (call,) = calls(outbound(Reaction("ms_1", "👍"), targets={"ms_1": "4242/77"}))
    assert call.url.endswith("/setMessageReaction")
    assert json.loads(call.body) == {
        "chat_id": 4242, "message_id": 77, "reaction": [{"type": "emoji", "emoji": "👍"}],
    }  # fmt: skip
    assert telegram.ReactionTypeEmoji("👍").to_dict() == json.loads(call.body)["reaction"][0]
    (away,) = calls(outbound(Reaction("ms_1", "👍", removed=True), targets={"ms_1": "4242/77"}))
    assert json.loads(away.body)["reaction"] == []


MOVED = (
    b'{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",'
    b'"parameters":{"migrate_to_chat_id":-1001234500000}}'
)


def test_a_group_that_has_moved_is_written_to_where_it_is() -> None:
    piece, id, link = _photo(1)
    message = outbound(Text("一"), piece, address="-98765", media={id: link}, blobs={id: b"x"}, reply_to="-98765/5")
    text, photo = calls(message)
    onward = made().interpret(text, ProviderResponse(400, {}, MOVED))
    assert isinstance(onward, Then)
    assert json.loads(onward.request.body) == {"chat_id": -1001234500000, "text": "一"}
    assert (onward.request.url, onward.request.covers) == (text.url, text.covers)
    upload = made().interpret(photo, ProviderResponse(400, {}, MOVED))
    assert isinstance(upload, Then)
    form = _form(upload.request.body, upload.request.headers["content-type"])
    assert form["chat_id"][1] == b"-1001234500000" and form[f"file_{id}"][1] == b"x"
    sent = b'{"ok":true,"result":{"message_id":3,"date":1,"chat":{"id":-1001234500000,"type":"supergroup"}}}'
    assert made().interpret(onward.request, ProviderResponse(200, {}, sent)) == Sent(("-1001234500000/3",))


def test_throttling_is_the_chats_own() -> None:
    (call,) = calls(outbound(Text("x")))
    body = b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":5}}'
    failed = made().interpret(call, ProviderResponse(429, {}, body))
    assert isinstance(failed, Failed) and failed.person and failed.retry_after_s == 5


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_files_come_in_two_steps_and_the_token_is_not_shown() -> None:
    attachment = Attachment("at_1", source="AgAC x/1")
    first = made().media_request(attachment)
    assert first is not None and first.url.endswith("/getFile?file_id=AgAC+x%2F1")
    answer = b'{"ok":true,"result":{"file_id":"f","file_unique_id":"u","file_path":"photos/file 1.jpg"}}'
    second = made().media_location(attachment, ProviderResponse(200, {}, answer))
    assert second is not None
    assert second.url == f"https://api.telegram.org/file/bot{TOKEN}/photos/file%201.jpg"
    assert TOKEN not in repr(first) + repr(second)
    assert made().media_location(attachment, ProviderResponse(200, {}, b"<html>")) is None
    assert made().media_request(Attachment("at_2")) is None


def test_profiles_are_asked_for_and_read() -> None:
    asked = [made().profile_request("4242", None), made().profile_request("-1001", "777")]
    assert [each and each.url.partition("/getChat")[2] for each in asked] == ["?chat_id=4242", "?chat_id=777"]
    body = {"ok": True, "result": {"id": 4242, "type": "private", "first_name": "太郎", "bio": "やあ"}}
    assert made().read_profile(ProviderResponse(200, {}, json.dumps(body).encode())) == Profile("太郎", status="やあ")
    for answer in (ProviderResponse(400, {}, b'{"ok":false}'), ProviderResponse(200, {}, b"[]")):
        assert made().read_profile(answer) is None


def test_typing_and_the_probe() -> None:
    reach = Reach("telegram", "main", "-1001", datetime.now(UTC), thread="-1001/77")
    typing = made().typing_in(reach, True)
    assert typing is not None
    assert typing.url.endswith("/sendChatAction?chat_id=-1001&action=typing&message_thread_id=77")
    assert made().typing_in(reach, False) is None
    assert made().probe_request().url.endswith("/getMe")


@pytest.mark.parametrize(
    ("name", "code", "link"),
    [
        (None, "MG-7KQ2-9XWD", None),
        ("@sample_bot", "MG-7KQ2-9XWD", "https://t.me/sample_bot?start=MG-7KQ2-9XWD"),
        ("sample_bot", "続き 1", None),
    ],
)
def test_handover_link(name: str | None, code: str, link: str | None) -> None:
    assert made(bot_username=name).handover_link(code) == link
