from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import Batch, Ignored, Publish, Refused, Verified
from connectors.webchat.upload import Uploaded
from contracts.content import File, Image
from contracts.inbound import InboundMessage
from tests.connectors.webchat.desk import NOW, Desk, frames

PNG = b"\x89PNG\r\n\x1a\n and so on"


def take(desk: Desk, body: bytes = PNG, media_type: str = "image/png", name: str = "a.png") -> dict[str, Any]:
    request = desk.upload(body, media_type, name)
    assert isinstance(desk.connector.verify(request), Verified)
    batch = desk.connector.parse(request)
    assert isinstance(batch, Batch) and batch.events == ()
    answer: dict[str, Any] = json.loads(batch.response.body)
    assert batch.blobs == {answer["id"]: body}
    assert batch.response.status == 201
    return answer


def say(desk: Desk, *attachments: dict[str, Any]) -> Any:
    frame = {"type": "say", "id": "client-0001", "attachments": attachments}
    return desk.greeted().frame(json.dumps(frame), NOW)


def test_an_uploaded_file_can_be_said() -> None:
    desk = Desk()
    answer = take(desk, name=quote("領収書.png"))
    assert answer["sha256"] == hashlib.sha256(PNG).hexdigest()
    (publish,) = say(desk, answer)
    assert isinstance(publish, Publish) and isinstance(publish.event, InboundMessage)
    (part,) = publish.event.parts
    assert isinstance(part, Image)
    assert part.attachment.name == "領収書.png"
    assert (part.attachment.state, part.attachment.size) == ("ready", len(PNG))
    assert part.attachment.sha256 == answer["sha256"] and part.attachment.id == answer["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"media_type": "text/html"},
        {"size": 1},
        {"id": "at_x_y"},
        {"id": "あ"},
    ],
)
def test_a_reference_proves_what_it_names(change: dict[str, Any]) -> None:
    desk = Desk()
    (refused,) = frames(say(desk, take(desk) | change))
    assert refused == {"type": "refused", "id": "client-0001", "reason": "attachment_unknown"}


def test_nobody_can_refer_to_anothers_upload() -> None:
    desk = Desk()
    answer = take(desk)
    other = Desk()
    other.visitor = other.tokens.anonymous("B" * 22, NOW)
    other.token = other.tokens.sign(other.visitor)
    assert frames(say(other, answer))[0]["reason"] == "attachment_unknown"
    assert frames(say(Desk("other"), answer))[0]["reason"] == "attachment_unknown"


REFUSED = [
    (b"<script>", "text/html", "", 415),
    (b"<svg/>", "image/svg+xml", "", 415),
    (b"<html>", "image/png", "", 415),
    (b"", "text/plain", "", 400),
    (b"x" * 101, "text/plain", "", 413),
    (b"x", "nonsense", "", 415),
    (b"x", "text/plain\n", "%ff", 400),
]


@pytest.mark.parametrize(("body", "media_type", "name", "status"), REFUSED)
def test_what_is_not_taken(body: bytes, media_type: str, name: str, status: int) -> None:
    desk = Desk(upload_limit=100)
    parsed = desk.connector.parse(desk.upload(body, media_type, name))
    assert isinstance(parsed, Ignored) and parsed.response.status == status


@pytest.mark.parametrize("token", ["", "x", "1.e30.abc"])
def test_uploads_need_a_token(token: str) -> None:
    desk = Desk()
    request = desk.upload(b"x", "text/plain", token=token)
    assert isinstance(desk.connector.verify(request), Refused)
    assert isinstance(desk.connector.parse(request), Ignored)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("C%3A%5Ctemp%5Ca.txt", "a.txt"),
        ("a%00b%0Ac.txt", "ab c.txt"),
        ("x" * 500, "x" * 120),
    ],
)
def test_file_names_are_only_names(header: str, name: str) -> None:
    assert take(Desk(), b"x", "text/plain", header)["name"] == name


def test_kinds_follow_the_type() -> None:
    desk = Desk()
    (publish,) = say(desk, take(desk, b"%PDF-1.7", "application/pdf"))
    assert isinstance(publish.event.parts[0], File)


@given(st.binary(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_parse_is_total(body: bytes, media_type: str, name: str) -> None:
    assert isinstance(Desk().connector.parse(Desk().upload(body, media_type, name)), Batch | Ignored)


def test_the_answer_is_what_say_takes() -> None:
    assert {"id", "name", "media_type", "size", "sha256"} == set(Uploaded.__struct_fields__)
