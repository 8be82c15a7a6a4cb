"""Bounces and read receipts belong to the mail that we sent; forged ones to nobody."""

from __future__ import annotations

import pytest

from connectors.email.tokens import message_id
from contracts.inbound import InboundMessage, InboundReceipt
from tests.connectors.email.mails import entity, multipart, read

OURS = message_id("ms_abc234", "cv_07_1j5k9x2m3q40", "example.jp")


def dsn(action: str, status: str = "5.1.1", identifier: str = OURS, returned: str = "message/rfc822") -> bytes:
    report = (
        "Reporting-MTA: dns; mx.example.com\n\n"
        f"Final-Recipient: rfc822; Taro@Example.com\nAction: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such\n user\n"
    )
    return multipart(
        "report",
        entity("Content-Type: text/plain", "sorry"),
        entity("Content-Type: message/delivery-status", report),
        entity(f"Content-Type: {returned}", f"From: support@example.jp\nMessage-ID: <{identifier}>\n\nbody"),
        sender="MAILER-DAEMON@example.com",
    )


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_is_a_receipt(returned: str) -> None:
    (receipt,) = read(dsn("failed", returned=returned)).events
    assert isinstance(receipt, InboundReceipt)
    assert (receipt.state, receipt.message, receipt.provider_id) == ("failed", "ms_abc234", OURS)
    assert (receipt.sender.address, receipt.code) == ("taro@example.com", "5.1.1")
    assert receipt.reason == "smtp; 550 5.1.1 no such user"


def test_delivered_is_told() -> None:
    (receipt,) = read(dsn("Delivered", "2.0.0")).events
    assert isinstance(receipt, InboundReceipt)
    assert receipt.state == "delivered"


def test_delayed_is_no_failure() -> None:
    batch = read(dsn("delayed", "4.4.7"))
    assert batch.events == ()
    assert batch.ignored


@pytest.mark.parametrize("identifier", ["someone@elsewhere", "ms_x.cv_07_1@example.com"])
def test_a_bounce_of_a_mail_that_is_not_ours_is_a_machines_message(identifier: str) -> None:
    (event,) = read(dsn("failed", identifier=identifier)).events
    assert isinstance(event, InboundMessage)
    assert "automatic" in event.flags


def test_a_read_receipt() -> None:
    notification = (
        f"Final-Recipient: rfc822; taro@example.com\nOriginal-Message-ID: <{OURS}>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n"
    )
    raw = multipart(
        "report",
        entity("Content-Type: text/plain", "read"),
        entity("Content-Type: message/disposition-notification", notification),
    )
    (receipt,) = read(raw).events
    assert isinstance(receipt, InboundReceipt)
    assert (receipt.state, receipt.message) == ("read", "ms_abc234")
