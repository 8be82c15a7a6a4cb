"""Whose word counts for who wrote a mail, and which mails no person wrote."""

from __future__ import annotations

import pytest

from connectors.email.inbound import Envelope
from tests.connectors.email.mails import mail, message, multipart, read

PASS = "mx.example.jp; dmarc=pass header.from=example.com"


def verified(*results: str, sender: str = "taro@example.com") -> bool:
    head = b"".join(b"Authentication-Results: " + result.encode() + b"\r\n" for result in results)
    return message(head + mail(sender=sender)).sender.verified


@pytest.mark.parametrize(
    "result",
    [
        PASS,
        "MX.example.jp 1; spf=pass smtp.mailfrom=x; dmarc=pass (p=reject dis=none) header.from=example.com",
        "mx.example.jp;\r\n dkim=pass header.d=example.com;\r\n dmarc=pass",
        'mx.example.jp; dmarc = pass header.from="example.com"',
    ],
)
def test_our_own_server_found_it_to_pass(result: str) -> None:
    assert verified(result)


@pytest.mark.parametrize(
    "result",
    [
        "mx.evil.example; dmarc=pass header.from=example.com",
        "mx.example.jp.evil.example; dmarc=pass",
        "mx.example.jp; dmarc=fail header.from=example.com",
        "mx.example.jp; dmarc=none",
        "mx.example.jp; dmarc=passing",
        "mx.example.jp; spf=pass; dkim=pass",
        "mx.example.jp; dmarc=pass header.from=other.example",
        'mx.example.jp; spf=fail smtp.mailfrom="x; dmarc=pass"',
        "mx.example.jp; spf=fail (; dmarc=pass)",
        "mx.example.jp; spf=fail (a (nested); dmarc=pass )",
        "mx.example.jp; dmarc=fail; dmarc=pass",
        "(mx.example.jp; dmarc=pass)",
        "",
    ],
)
def test_nothing_else_does(result: str) -> None:
    assert not verified(result)


def test_only_the_topmost_of_ours_counts() -> None:
    assert not verified("mx.example.jp; dmarc=fail", PASS)
    assert verified(PASS, "mx.example.jp; dmarc=fail")
    assert verified("mx.example.jp; spf=pass", PASS)


def test_never_with_two_authors_or_two_from_lines() -> None:
    assert not verified(PASS, sender="taro@example.com, other@example.com")
    assert not message(f"Authentication-Results: {PASS}\r\nFrom: x@y.example\r\n".encode() + mail()).sender.verified


def test_a_verified_sender_claims_the_address() -> None:
    claims = message(f"Authentication-Results: {PASS}\r\n".encode() + mail()).sender.claims
    assert (claims.email, claims.email_verified) == ("taro@example.com", True)


@pytest.mark.parametrize(
    "raw",
    [
        mail(auto_submitted="auto-replied"),
        mail(auto_submitted="Auto-Generated; x=y"),
        mail(precedence="bulk"),
        mail(precedence="auto_reply"),
        mail(list_id="<a.example>"),
        mail(list_unsubscribe="<mailto:a@b>"),
        mail(x_autoreply="yes"),
        mail(return_path="<>"),
        mail(sender="MAILER-DAEMON@example.com"),
        mail(sender="no-reply@example.com"),
        mail(sender="list-bounces@example.com"),
        multipart("report", b"Content-Type: text/plain\n\nundeliverable"),
    ],
)
def test_machine_mail_is_marked(raw: bytes) -> None:
    assert "automatic" in message(raw).flags


def test_the_null_sender_is_a_machine() -> None:
    assert "automatic" in message(mail(), Envelope("")).flags
    assert "automatic" not in message(mail(), Envelope(None)).flags


def test_a_persons_mail_is_not_marked() -> None:
    assert message(mail(auto_submitted="no")).flags == ()
    # It asks for silence, but a person wrote it.
    assert message(mail(x_auto_response_suppress="OOF, AutoReply")).flags == ("no_auto_reply",)


def test_our_own_mail_that_comes_back_is_passed_over() -> None:
    for raw in (
        mail(sender="Support <SUPPORT@example.jp>"),
        mail(sender="help@example.jp"),
        mail(x_madoguchi_loop="loop-of-ours"),
    ):
        batch = read(raw)
        assert batch.events == ()
        assert batch.ignored
    assert message(mail(x_madoguchi_loop="of another copy"))
