"""The bytes that leave: read back by Python's own parser, and checked line by line."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from connectors.api import Failed, Outbound, Secret
from connectors.email.outbound import Mail, compose
from connectors.email.settings import EmailSettings
from connectors.email.tokens import read_token
from contracts.attachment import Attachment
from contracts.content import File, Image, Text
from contracts.conversation import Reach
from tests.connectors.email.mails import BOX, message, read

NOW = datetime(2026, 9, 14, 1, 0, tzinfo=UTC)
CONVERSATION = "cv_07_1j5k9x2m3q40"
SETTINGS = EmailSettings(address="support@example.jp", name="窓口", token_key=Secret("reply-token-test-key"))


def outbound(text: str = "承知しました。", address: str = "taro@example.com", **more: Any) -> Outbound:
    reach = more.pop("reach", Reach("email", "mail", address, NOW))
    pieces = more.pop("pieces", (Text(text),))
    return Outbound("ms_abc234", CONVERSATION, "mail", reach, pieces, "key-1", NOW, **more)


def made(given: Outbound, settings: EmailSettings = SETTINGS) -> tuple[Mail, EmailMessage]:
    mail = compose(given, settings)
    assert isinstance(mail, Mail), mail
    for line in mail.data.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\n" not in line
        assert b"\r" not in line
    assert mail.data.isascii()
    parsed = email.message_from_bytes(mail.data, policy=default)
    assert parsed.defects == []  # type: ignore[attr-defined]
    return mail, parsed  # type: ignore[return-value]


def test_a_new_mail() -> None:
    mail, parsed = made(outbound(subject="お見積もりの件"))
    assert (mail.sender, mail.recipient) == ("support@example.jp", "taro@example.com")
    assert mail.message_id == f"ms_abc234.{CONVERSATION}@example.jp"
    assert parsed["Message-ID"] == f"<{mail.message_id}>"
    assert parsed["Subject"] == "お見積もりの件"
    assert parsed["From"].addresses[0].display_name == "窓口"
    assert parsed.get_content() == "承知しました。\r\n"
    assert parsed["In-Reply-To"] is None
    assert parsed["Auto-Submitted"] is None
    assert compose(outbound(), SETTINGS) == compose(outbound(), SETTINGS)


def test_the_reply_address_names_the_conversation() -> None:
    _, parsed = made(outbound())
    local = parsed["Reply-To"].addresses[0].username
    assert read_token(BOX.key, "mail", local.removeprefix("support+")) == CONVERSATION
    _, without = made(outbound(), EmailSettings(address="support@example.jp"))
    assert without["Reply-To"] is None


@pytest.mark.parametrize("length", [60, 77, 78, 79, 120, 250])
def test_long_ids_are_never_encoded(length: int) -> None:
    ids = tuple(f"{letter * (length - 4)}@y.z" for letter in "abc")
    mail, _ = made(outbound(reply_to=ids[-1], references=ids))
    unfolded = mail.data.replace(b"\r\n ", b" ")
    assert b"In-Reply-To: <" + ids[-1].encode() + b">\r\n" in unfolded
    assert b"References: " + b" ".join(f"<{each}>".encode() for each in ids) + b"\r\n" in unfolded
    assert (
        message(mail.data.replace(b"From: =?utf-8?B?56qT5Y+j?=\r\n <support@", b"From: <x@")).threading.references
        == ids[::-1]
    )


def test_the_chain_from_what_was_last_heard() -> None:
    reach = Reach("email", "mail", "taro@example.com", NOW, thread="last@x", references=("a@x", "last@x", "b@x"))
    _, parsed = made(outbound(reach=reach))
    assert parsed["In-Reply-To"] == "<last@x>"
    assert parsed["References"] == "<a@x> <b@x> <last@x>"


def test_a_long_chain_keeps_its_first_and_its_latest() -> None:
    ids = tuple(f"{n}@x" for n in range(1, 101))
    _, parsed = made(outbound(references=ids, reply_to="100@x"))
    kept = parsed["References"].split()
    assert (len(kept), kept[0], kept[-1]) == (21, "<1@x>", "<100@x>")


@pytest.mark.parametrize("identifier", ["sha256-00ff", "a b", "a>\r\nBcc: x", "é@x", "ms_abc234", "x" * 1000, ""])
def test_what_is_no_id_is_left_out(identifier: str) -> None:
    _, parsed = made(outbound(reply_to=identifier))
    assert parsed["In-Reply-To"] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("hello", "Re: hello"),
        ("Re: hello", "Re: hello"),
        ("RE: Re[2]: 返信: FW: 転送： AW: hello", "Re: hello"),
        ("Regarding this", "Re: Regarding this"),
        ("回复：你好", "Re: 你好"),
        ("Re: とても" + "長い" * 100, "Re: とても" + "長い" * 100),
    ],
)
def test_one_re(given: str, expected: str) -> None:
    _, parsed = made(outbound(subject=given, reply_to="x@y"))
    assert parsed["Subject"] == expected


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: evil@x", "a\nBcc: evil@x", "a\x00b", "a\u2028Bcc: x", "a\ud800", "=?utf-8?Q?a=0D=0ABcc:_x?="]
)
def test_nothing_from_outside_starts_a_header(evil: str) -> None:
    attachment = Attachment("at_1", name=evil, media_type=f"text/plain\r\nBcc: {evil}", content_id=evil, inline=True)
    settings = EmailSettings(address="support@example.jp", name=evil)
    given = outbound(subject=evil, author_name=evil, pieces=(Text(evil), File(attachment)), blobs={"at_1": b"x"})
    mail, parsed = made(given, settings)
    assert parsed["Bcc"] is None
    assert b"Bcc:" not in b"\r\n".join(line for line in mail.data.split(b"\r\n") if line.startswith((b"Bcc", b"\tBcc")))


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("taro@日本語.jp", "taro@xn--wgv71a119e.jp"),
        ("taro..x.@docomo.ne.jp", '"taro..x."@docomo.ne.jp'),
        ('"a b"@example.com', None),
        ("a@example.com\r\nRCPT TO:<b@x>", None),
        ("nobody", None),
        ("abc@unknown.invalid", None),
    ],
)
def test_odd_addresses(address: str, wire: str | None) -> None:
    mail = compose(outbound(address=address), SETTINGS)
    if wire is None:
        assert isinstance(mail, Failed)
        assert mail.problem.kind == "recipient_gone"
    else:
        assert isinstance(mail, Mail)
        assert mail.recipient == wire
        assert f"To: {wire}\r\n".encode() in mail.data


def test_files_and_html() -> None:
    pdf = Attachment("at_1", name="見積書.pdf", media_type="application/pdf")
    photo = Attachment("at_2", name="a.png", media_type="image/png", inline=True, content_id="i1")
    pieces = (Text("plain", html="<p>rich</p>"), File(pdf), Image(photo, caption="写真"))
    _, parsed = made(outbound(pieces=pieces, blobs={"at_1": b"%PDF" * 1000, "at_2": b"png"}))
    body = parsed.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "plain\r\n\r\n写真\r\n"
    files = {part.get_filename(): part.get_content() for part in parsed.walk() if part.get_filename()}
    assert files == {"見積書.pdf": b"%PDF" * 1000, "a.png": b"png"}


def test_a_file_that_is_not_there_is_told() -> None:
    failed = compose(outbound(pieces=(File(Attachment("at_9")),)), SETTINGS)
    assert isinstance(failed, Failed)
    assert "at_9" in failed.problem.sentence


def test_extras_that_mail_cannot_say_are_refused() -> None:
    failed = compose(outbound(extra={"cc": "x@y"}), SETTINGS)
    assert isinstance(failed, Failed)
    assert failed.problem.kind == "unsupported"
    assert made(outbound(extra={"subject": "other"}))[1]["Subject"] == "other"


def test_automatic_mail_says_so_and_is_answered_by_nobody() -> None:
    mail, parsed = made(outbound(automatic=True))
    assert mail.sender == ""
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["X-Auto-Response-Suppress"] == "All"


def test_our_own_mail_read_by_ourselves_is_passed_over() -> None:
    mail, _ = made(outbound())
    assert read(mail.data, box=SETTINGS.mailbox("mail")).events == ()
