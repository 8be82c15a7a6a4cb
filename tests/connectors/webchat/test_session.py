from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.api import Action, Close, Invite, Outbound, Publish, Say, Sent, Typing, Watch
from connectors.webchat.protocol import MAX_FRAME
from connectors.webchat.session import MAX_KNOWN, MAX_PENDING, ChatSession
from contracts import ids
from contracts.attachment import Attachment
from contracts.content import (
    Call,
    Choice,
    ContactCard,
    Image,
    Location,
    Option,
    Postback,
    Reaction,
    Sticker,
    Text,
    Unsupported,
)
from contracts.conversation import Reach
from contracts.events import (
    ConversationQueued,
    ConversationStatusChanged,
    MessageDelivered,
    MessageEdited,
    MessageNoted,
    MessageQueued,
    MessageReceived,
    MessageUnsent,
)
from contracts.inbound import InboundIdentity, InboundMessage, InboundReceipt
from tests.connectors.webchat.desk import NOW, Desk, frames, jwt, user

SECOND = timedelta(seconds=1)


def send(session: ChatSession, kind: str, later: timedelta = timedelta(0), **fields: Any) -> list[Action]:
    return list(session.frame(json.dumps({"type": kind} | fields), NOW + later))


def say(session: ChatSession, text: str = "hello", number: int = 1, later: timedelta = timedelta(0)) -> list[Action]:
    return send(session, "say", later, id=f"client-{number:04}", text=text)


# -- hello -------------------------------------------------------------------------------------------------------------


def test_hello_is_welcomed_and_watched() -> None:
    desk = Desk()
    session = desk.open()
    assert session.opened() == ()
    said, watch = send(session, "hello", token=desk.token, after="17-0", lang="ja")
    assert isinstance(said, Say)
    welcome = json.loads(said.frame)
    assert (welcome["type"], welcome["v"], welcome["visitor"], welcome["lang"]) == ("welcome", 1, desk.address, "ja")
    assert welcome["limits"]["text"] == 4096
    assert watch == Watch(desk.address, "17-0")


@pytest.mark.parametrize("token", ["", "1.a.b", Desk("other").token])
def test_a_wrong_token_closes(token: str) -> None:
    said, close = send(Desk().open(), "hello", token=token)
    assert frames([said]) == [{"type": "error", "code": "token_invalid"}]
    assert close == Close(4401, "token_invalid")


def test_an_unknown_version_closes() -> None:
    desk = Desk()
    assert send(desk.open(), "hello", token=desk.token, v=2)[-1] == Close(4406, "version")


def test_nothing_comes_before_hello_and_hello_comes_once() -> None:
    desk = Desk()
    session = desk.open()
    assert frames(send(session, "ping")) == [{"type": "error", "code": "hello_first"}]
    send(session, "hello", token=desk.token)
    assert frames(send(session, "hello", token=desk.token)) == [{"type": "error", "code": "hello_twice"}]


def test_a_fresh_token_comes_before_the_old_one_ends() -> None:
    desk = Desk()
    session = desk.greeted()
    assert frames(send(session, "ping", timedelta(minutes=29))) == [{"type": "pong"}]
    token, pong = frames(send(session, "ping", timedelta(minutes=31)))
    assert (token["type"], pong["type"]) == ("token", "pong")
    at = NOW + timedelta(minutes=90)
    assert desk.tokens.read(token["token"], at).address == desk.address
    assert frames(send(session, "ping", timedelta(minutes=32))) == [{"type": "pong"}]


def test_a_session_ends_with_its_token() -> None:
    session = Desk().greeted()
    assert send(session, "ping", timedelta(minutes=61))[-1] == Close(4401, "token_expired")
    assert send(session, "ping") == []


def test_a_code_from_another_channel_is_passed_on() -> None:
    desk = Desk()
    *_, publish = send(desk.open(), "hello", token=desk.token, handover="K7Q2")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundIdentity)
    assert publish.event.handover == "K7Q2" and publish.event.sender.address == desk.address


# -- say ---------------------------------------------------------------------------------------------------------------


def test_a_message_is_published_and_accepted_only_then() -> None:
    desk = Desk()
    session = desk.greeted(lang="ja", page="https://shop.example/cart?token=secret#x")
    (publish,) = say(session, "こんにちは\r\n世界\x07\x9b")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundMessage)
    event = publish.event
    assert event.provider_id == f"{desk.address}:client-0001"
    assert event.parts == (Text("こんにちは\n世界"),)
    assert (event.language, event.sent_at, event.sender.verified) == ("ja", NOW, True)
    assert event.extra == {"page": "https://shop.example/cart"}
    message = ids.message_id("site", event.provider_id)
    assert frames(session.published(publish.tag)) == [{"type": "accepted", "id": "client-0001", "message": message}]
    assert session.published(publish.tag) == ()


def test_the_same_id_is_published_once_while_it_is_on_its_way_and_again_afterwards() -> None:
    session = Desk().greeted()
    (first,) = say(session)
    assert say(session) == []
    assert isinstance(first, Publish)
    session.published(first.tag)
    (again,) = say(session)
    assert isinstance(again, Publish) and again.event == first.event


def test_what_could_not_be_appended_is_for_the_client_to_try_again() -> None:
    session = Desk().greeted()
    (publish,) = say(session)
    assert isinstance(publish, Publish)
    refused = frames(session.refused(publish.tag, "store down at 10.0.0.7"))
    assert refused == [{"type": "refused", "id": "client-0001", "reason": "try_again"}]
    assert isinstance(say(session)[0], Publish)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\x00\x1b", "empty"),
        ("a" * 4097, "too_long"),
        ("あ" * 1366, "too_long"),
        ("\u200d" * 1366, "too_long"),
    ],
)
def test_texts_that_are_refused(text: str, reason: str) -> None:
    assert frames(say(Desk().greeted(), text))[0]["reason"] == reason


@pytest.mark.parametrize("text", ["a" * 4096, "あ" * 1365, "\u202ertl", "👨‍👩‍👧‍👦", "か\u3099", "<b>&amp;"])
def test_texts_that_are_kept_as_they_are(text: str) -> None:
    (publish,) = say(Desk().greeted(), text)
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundMessage)
    assert publish.event.parts == (Text(text),)


def test_one_a_second_and_ten_at_once() -> None:
    session = Desk().greeted()
    for number in range(10):
        assert isinstance(say(session, number=number)[0], Publish)
    assert frames(say(session, number=11))[0] == {"type": "refused", "id": "client-0011", "reason": "slow_down"}
    assert isinstance(say(session, number=11, later=SECOND)[0], Publish)
    assert frames(say(session, number=12, later=SECOND))[0]["reason"] == "slow_down"


def test_a_clock_that_jumps_back_gives_nothing_away() -> None:
    session = Desk().greeted()
    for number in range(10):
        say(session, number=number)
    for back in range(5):
        assert frames(say(session, number=20 + back, later=-back * SECOND))[0]["reason"] == "slow_down"


def test_what_is_on_its_way_is_bounded() -> None:
    session = Desk().greeted()
    taken = [say(session, number=number, later=2 * number * SECOND) for number in range(MAX_PENDING + 5)]
    assert sum(isinstance(actions[0], Publish) for actions in taken) == MAX_PENDING


def test_a_pick_is_a_postback() -> None:
    session = Desk().greeted()
    (publish,) = send(session, "say", id="client-0001", postback={"value": "yes", "label": "はい", "message": "ms_1"})
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundMessage)
    assert publish.event.parts == (Postback("yes", "はい", {"message": "ms_1"}),)


def test_a_logged_in_user_speaks_as_themselves() -> None:
    desk = Desk()
    token = desk.ask({"user": jwt(user(name="山田 太郎"))})[1]["token"]
    session = desk.open()
    send(session, "hello", token=token)
    (publish,) = say(session)
    assert isinstance(publish, Publish)
    sender = publish.event.sender
    assert (sender.claims.email, sender.claims.email_verified) == ("taro@example.jp", True)
    assert (sender.claims.external_id, sender.profile.name) == ("customer-7", "山田 太郎")


# -- typing, read, seen, invite ----------------------------------------------------------------------------------------


def test_typing_is_coalesced() -> None:
    desk = Desk()
    session = desk.greeted()
    assert send(session, "typing", on=True) == [Typing(desk.address, True)]
    assert send(session, "typing", SECOND, on=True) == []
    assert send(session, "typing", SECOND, on=False) == [Typing(desk.address, False)]
    assert send(session, "typing", 4 * SECOND, on=False) == [Typing(desk.address, False)]


def test_who_read_the_newest_has_read_all_that_was_sent_since_it_was_asked_for() -> None:
    desk = Desk()
    session = desk.greeted()
    session.event("1", MessageQueued(id="e", at=NOW, message=desk.message(1)))
    session.event("2", MessageQueued(id="e", at=NOW, message=desk.message(2, at=NOW + SECOND)))
    (publish,) = send(session, "read", 5 * SECOND, upto="2026-11-21T09:30:00Z")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundReceipt)
    assert publish.event.upto == NOW
    (publish,) = send(session, "read", 9 * SECOND, upto="2026-11-21T09:30:01Z")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundReceipt)
    assert publish.event.upto == NOW + 9 * SECOND


def test_read_marks_move_forward_and_never_into_the_future() -> None:
    session = Desk().greeted()
    (publish,) = send(session, "read", upto="2026-11-21T09:29:00Z")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundReceipt)
    assert (publish.event.state, publish.event.upto) == ("read", NOW - timedelta(minutes=1))
    assert send(session, "read", upto="2026-11-21T09:28:00Z") == []
    (publish,) = send(session, "read", upto="2027-01-01T00:00:00+09:00")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundReceipt)
    assert publish.event.upto == NOW


def test_only_what_was_shown_can_be_seen_and_once() -> None:
    desk = Desk()
    session = desk.greeted()
    assert send(session, "seen", message="ms_1") == []
    session.event("1-0", MessageQueued(id="e", at=NOW, message=desk.message()))
    (publish,) = send(session, "seen", message="ms_1")
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundReceipt)
    assert (publish.event.state, publish.event.message) == ("delivered", "ms_1")
    assert send(session, "seen", message="ms_1") == []
    assert session.published(publish.tag) == ()


def test_invitations_are_few() -> None:
    desk = Desk()
    session = desk.greeted()
    assert [send(session, "invite") for _ in range(3)] == [[Invite(desk.address)]] * 3
    assert frames(send(session, "invite")) == [{"type": "error", "code": "slow_down"}]
    invited = frames(session.invited("K7Q2-9M4X", {"line": "https://line.me/x"}))
    assert invited == [{"type": "invited", "code": "K7Q2-9M4X", "links": {"line": "https://line.me/x"}}]


# -- what the visitor is shown -----------------------------------------------------------------------------------------


def test_history_comes_before_ready() -> None:
    desk = Desk()
    session = desk.greeted()
    mine = desk.message(
        2, direction="inbound", provider_id=f"{desk.address}:client-0001", author_name="someone", state="received"
    )
    said = frames(session.history([("1-0", desk.message(1, author_name="佐藤")), ("2-0", mine)]))
    assert [frame["type"] for frame in said] == ["message", "message", "ready"]
    assert said[0]["from"] == "agent" and said[0]["name"] == "佐藤" and said[0]["position"] == "1-0"
    assert said[1]["from"] == "visitor" and said[1]["client"] == "client-0001" and "name" not in said[1]


@pytest.mark.parametrize(
    "other",
    [
        {"channel": "line"},
        {"account": "other"},
        {"address": "somebody"},
        {"direction": "note"},
        {"state": "failed"},
        {"parts": (Text("x"), Call("ended"))},
    ],
)
def test_notes_and_other_channels_are_never_shown(other: dict[str, Any]) -> None:
    desk = Desk()
    session = desk.greeted()
    message = desk.message(**other)
    assert frames(session.history([("1-0", message)])) == [{"type": "ready"}]
    for kind in (MessageReceived, MessageQueued, MessageNoted):
        assert session.event("1-0", kind(id="e", at=NOW, message=message)) == ()
    assert session.event("2-0", MessageDelivered(id="e", at=NOW, message_id="ms_1", state="delivered")) == ()


def test_nothing_internal_is_shown() -> None:
    desk = Desk()
    session = desk.greeted()
    (said,) = frames(
        session.event(
            "1-0",
            MessageQueued(
                id="e",
                at=NOW,
                message=desk.message(
                    author="agent-7",
                    raw="media/abc",
                    extra={"secret": 1},
                    command="cm_1",
                ),
            ),
        )
    )
    assert set(said) == {"type", "position", "id", "from", "at", "state", "parts"}


SHOWN = [
    (Text("a <b>", html="<b>"), {"kind": "text", "text": "a <b>"}),
    (Location(35.0, 139.0, "駅"), {"kind": "location", "latitude": 35.0, "longitude": 139.0, "title": "駅"}),
    (ContactCard("A", ("+81",)), {"kind": "contact_card", "name": "A", "phones": ["+81"], "emails": []}),
    (
        Choice("?", (Option("y", "1"), Option("n", "2", "javascript:alert(1)"), Option("w", "3", "https://a.example"))),
        {
            "kind": "choice",
            "text": "?",
            "options": [
                {"label": "y", "value": "1"},
                {"label": "n", "value": "2"},
                {"label": "w", "value": "3", "url": "https://a.example"},
            ],
        },
    ),
    (Sticker("1", "2", "hi"), {"kind": "text", "text": "hi"}),
    (Reaction("ms_1", "👍"), {"kind": "text", "text": "👍"}),
    (Unsupported("poll"), {"kind": "unsupported"}),
    (
        Image(Attachment("at_1", "a.png", "image/png", 3, "ab", "ready", source="secret"), "see"),
        {
            "kind": "image",
            "attachment": {
                "id": "at_1",
                "name": "a.png",
                "media_type": "image/png",
                "size": 3,
                "state": "ready",
                "url": "/m/at_1",
            },
            "caption": "see",
        },
    ),
    (
        Image(Attachment("at_1")),
        {"kind": "image", "attachment": {"id": "at_1", "media_type": "application/octet-stream", "state": "pending"}},
    ),
]


@pytest.mark.parametrize(("part", "shown"), SHOWN, ids=[type(part).__name__ for part, _ in SHOWN])
def test_how_parts_are_shown(part: Any, shown: dict[str, Any]) -> None:
    desk = Desk()
    session = desk.greeted()
    session._link = lambda attachment: f"/m/{attachment.id}"
    (said,) = frames(session.event("1-0", MessageQueued(id="e", at=NOW, message=desk.message(parts=(part,)))))
    assert said["parts"] == [shown]


def test_changes_of_known_messages_are_shown() -> None:
    desk = Desk()
    session = desk.greeted()
    session.history([("1-0", desk.message())])
    events = [
        MessageDelivered(id="e", at=NOW, message_id="ms_1", state="delivered"),
        MessageEdited(id="e", at=NOW, message_id="ms_1", parts=(Text("new"),), edited_at=NOW),
        MessageUnsent(id="e", at=NOW, message_id="ms_1"),
    ]
    said = [frames(session.event("2-0", event))[0] for event in events]
    assert [frame["type"] for frame in said] == ["state", "edited", "unsent"]
    assert {frame["message"] for frame in said} == {"ms_1"}
    unsent = desk.message(2, unsent_at=NOW)
    assert frames(session.history([("3-0", unsent)]))[0]["parts"] == []


def test_states_of_the_conversation_and_typing() -> None:
    desk = Desk()
    session = desk.greeted()
    ended = ConversationStatusChanged(id="e", at=NOW, status="resolved", previous="open")
    assert frames(session.event("1-0", ConversationQueued(id="e", at=NOW, queue="q")))[0]["status"] == "waiting"
    assert frames(session.event("1-0", ended)) == [{"type": "status", "status": "ended"}]
    assert frames(session.event("", Typing(desk.address, False))) == [{"type": "typing", "on": False}]
    assert session.event("1-0", object()) == ()


def test_what_is_remembered_is_bounded() -> None:
    desk = Desk()
    session = desk.greeted()
    session.history([(str(number), desk.message(number)) for number in range(MAX_KNOWN + 10)])
    assert len(session._known) == MAX_KNOWN


async def test_answers_travel_on_the_stream() -> None:
    desk = Desk()
    outbound = Outbound("ms_1", "cv_00_a", "site", Reach("webchat", "site", desk.address, NOW), (Text("x"),), "k", NOW)
    assert await desk.connector.deliver(outbound) == Sent(("ms_1",), delivered=False)


# -- bad input ---------------------------------------------------------------------------------------------------------

BAD = [
    "", "{", "null", "[]", '"x"', "7", "{}", '{"type":1}', '{"type":"nope"}', '{"type":"say"}',
    '{"type":"say","id":1,"text":"x"}', '{"type":"say","id":"client-0001","text":7}',
    '{"type":"say","id":"short","text":"x"}', '{"type":"say","id":"client 00001","text":"x"}',
    '{"type":"say","id":"client-0001","attachments":[{"id":"x"}]}',
    '{"type":"say","id":"client-0001","text":"\\ud800"}',
    '{"type":"say","id":"client-0001","text":"\ud800"}', '{"type":"read","upto":"2026-11-21T09:29:00"}',
    '{"type":"read","upto":1e400}', '{"type":"typing","on":NaN}', "\ufeff{}", "[" * 60_000,
    '{"type":"ping","x":' + "[" * 30_000, '{"type":"ping","x":' + '{"a":' * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_frames_are_told_twice_and_then_closed(text: str) -> None:
    session = Desk().greeted()
    assert frames(session.frame(text, NOW)) == [{"type": "error", "code": "malformed"}]
    assert frames(session.frame(text, NOW)) == [{"type": "error", "code": "malformed"}]
    assert session.frame(text, NOW)[-1] == Close(4400, "malformed")
    assert session.frame(text, NOW) == ()


def test_frames_are_small() -> None:
    text = json.dumps({"type": "ping", "x": "あ" * (MAX_FRAME // 3)}, ensure_ascii=False)
    assert frames(Desk().greeted().frame(text, NOW)) == [{"type": "error", "code": "too_large"}]


def test_a_flood_is_closed() -> None:
    session = Desk().greeted()
    answers = [send(session, "ping") for _ in range(200)]
    assert sum(len(actions) for actions in answers) < 110
    assert [actions[-1] for actions in answers if actions][-1] == Close(4429, "flood")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KIND = st.sampled_from(["hello", "say", "typing", "read", "seen", "invite", "ping", "other"])
FIELD = st.sampled_from(
    [
        "id",
        "text",
        "on",
        "upto",
        "message",
        "attachments",
        "postback",
        "token",
        "v",
        "after",
        "lang",
        "page",
        "handover",
    ]
)
GOOD = st.fixed_dictionaries({"id": st.just("client-0001"), "text": st.text(max_size=30)})
SHAPED = st.builds(
    lambda kind, fields, good: json.dumps({"type": kind} | good | fields),
    KIND,
    st.dictionaries(FIELD, JSON, max_size=3),
    GOOD | st.just({}),
)
FRAMES = st.lists(st.text(max_size=60) | SHAPED | JSON.map(json.dumps), max_size=25)


@settings(max_examples=150, deadline=None)
@given(FRAMES, st.booleans())
def test_no_frame_ever_raises_or_brings_forth_much(texts: list[str], greeted: bool) -> None:
    session = Desk().greeted() if greeted else Desk().open()
    for text in texts:
        actions = session.frame(text, NOW)
        assert len(actions) <= 4
        for action in actions:
            if isinstance(action, Say):
                assert len(action.frame) < 4_000
            elif isinstance(action, Publish):
                session.published(action.tag)
