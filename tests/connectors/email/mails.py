"""Mails made for the tests, byte by byte: no mail library stands between what is written here and what is read."""

from __future__ import annotations

from base64 import b64encode

from connectors.api import Batch
from connectors.email.inbound import Envelope, Mailbox, parse_mail
from contracts.inbound import InboundMessage

BOX = Mailbox(
    account="mail",
    addresses=("support@example.jp", "help@example.jp"),
    domain="example.jp",
    loop="loop-of-ours",
    authserv_ids=("mx.example.jp",),
    key=b"reply-token-test-key",
)


def mail(
    body: bytes | str = "こんにちは",
    *,
    content_type: str = "text/plain; charset=utf-8",
    encoding: str = "8bit",
    charset: str = "utf-8",
    sender: bytes | str = "Taro <taro@example.com>",
    subject: bytes | str | None = "hello",
    message_id: str | None = "<m1@example.com>",
    to: str = "support@example.jp",
    **headers: bytes | str,
) -> bytes:
    """A mail; keyword arguments become headers (``in_reply_to`` is In-Reply-To)."""
    fields: list[tuple[str, bytes | str | None]] = [
        ("From", sender), ("To", to), ("Subject", subject), ("Message-ID", message_id),
        ("Date", "Mon, 14 Sep 2026 10:00:00 +0900"), ("MIME-Version", "1.0"), ("Content-Type", content_type),
        ("Content-Transfer-Encoding", encoding),
        *((name.replace("_", "-").title(), value) for name, value in headers.items()),
    ]  # fmt: skip
    head = b"".join(f"{name}: ".encode() + _bytes(value) + b"\r\n" for name, value in fields if value is not None)
    data = body.encode(charset) if isinstance(body, str) else body
    if encoding == "base64":
        data = b64encode(data)
    return head + b"\r\n" + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def multipart(kind: str, *parts: bytes, boundary: str = "b1", **given: bytes | str) -> bytes:
    """A multipart mail of entities (headers, empty line, body)."""
    body = b"".join(b"--" + boundary.encode() + b"\n" + part + b"\n" for part in parts)
    content_type = f'multipart/{kind}; boundary="{boundary}"'
    return mail(body + b"--" + boundary.encode() + b"--\n", content_type=content_type, **given)  # type: ignore[arg-type]


def entity(headers: str, body: bytes | str) -> bytes:
    """A part: its header lines and its body."""
    return headers.encode() + b"\n\n" + (body.encode() if isinstance(body, str) else body)


def read(raw: bytes, envelope: Envelope | None = None, box: Mailbox = BOX) -> Batch:
    return parse_mail(raw, envelope or Envelope(), box)


def message(raw: bytes, envelope: Envelope | None = None, box: Mailbox = BOX) -> InboundMessage:
    """The one message that the mail is."""
    batch = read(raw, envelope, box)
    (event,) = batch.events
    assert isinstance(event, InboundMessage), event
    return event


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
