"""Sending to a real SMTP server, and what is told of each mail's fate."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from connectors.api import Failed, Secret, Sent, Uncertain
from connectors.email import EmailConnector
from connectors.email.settings import EmailSettings
from connectors.email.smtp import SmtpPool
from tests.connectors.email.test_outbound import outbound
from tests.servers.smtp import MailHost, mail_host


@pytest.fixture
async def host() -> AsyncIterator[MailHost]:
    async with mail_host() as host:
        yield host


@pytest.fixture
async def connector(host: MailHost) -> AsyncIterator[EmailConnector]:
    connector = EmailConnector("mail", settings(host))
    yield connector
    await connector.close()
    await connector.close()


def settings(host: MailHost, **more: Any) -> EmailSettings:
    given = {"smtp_tls": "none", "insecure": True, **more}
    return EmailSettings(address="support@example.jp", smtp_host="127.0.0.1", smtp_port=host.port, **given)


async def test_sends_and_keeps_the_connection(host: MailHost, connector: EmailConnector) -> None:
    for number in range(3):
        outcome = await connector.deliver(outbound(f"本文{number}\n.\n..dot"))
        assert outcome == Sent(("ms_abc234.cv_07_1j5k9x2m3q40@example.jp",))
    assert [mail.get_content() for mail in host.mails] == [f"本文{n}\r\n.\r\n..dot\r\n" for n in range(3)]
    assert host.recipients == [["taro@example.com"]] * 3
    assert host.connections == 1


async def test_at_most_so_many_connections(host: MailHost, connector: EmailConnector) -> None:
    outcomes = await asyncio.gather(*(connector.deliver(outbound(str(n))) for n in range(10)))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert host.connections <= 2
    assert len(host.raws) == 10


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("550 5.1.1 no such user", "recipient_gone"),
        ("550 no such user", "recipient_gone"),
        ("553 5.1.3 bad address", "recipient_gone"),
        ("550 5.7.1 blocked by policy", "rejected"),
        ("552 5.2.2 mailbox full", "unreachable"),
        ("450 4.2.0 greylisted", "throttled"),
        ("451 4.3.0 later", "throttled"),
        ("421 closing", "unreachable"),
        ("530 5.7.0 log in first", "config"),
    ],
)
async def test_a_refused_recipient(host: MailHost, connector: EmailConnector, answer: str, kind: str) -> None:
    host.at_rcpt["taro@example.com"] = answer
    outcome = await connector.deliver(outbound())
    assert isinstance(outcome, Failed)
    assert outcome.problem.kind == kind
    assert outcome.problem.retryable == (kind in ("unreachable", "throttled"))
    assert host.raws == []
    # The connection is of use for the next.
    assert isinstance(await connector.deliver(outbound(address="other@example.com")), Sent)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("554 5.7.1 spam", "rejected"), ("552 too big", "too_large"), ("451 4.7.1 later", "throttled")],
)
async def test_refused_content(host: MailHost, connector: EmailConnector, answer: str, kind: str) -> None:
    host.at_data.append(answer)
    outcome = await connector.deliver(outbound())
    assert isinstance(outcome, Failed)
    assert outcome.problem.kind == kind


async def test_a_refused_sender_is_our_setup(host: MailHost, connector: EmailConnector) -> None:
    host.at_mail = "553 5.7.1 not your address"
    outcome = await connector.deliver(outbound())
    assert isinstance(outcome, Failed)
    assert outcome.problem.kind == "config"


async def test_a_break_after_the_mail_was_handed_over_is_uncertain(host: MailHost, connector: EmailConnector) -> None:
    host.at_data.append("drop")
    first = outbound()
    assert isinstance(await connector.deliver(first), Uncertain)
    # Again, with the same Message-ID.
    assert isinstance(await connector.deliver(first), Sent)
    assert host.dropped == host.raws


async def test_no_answer_after_the_mail_is_uncertain(host: MailHost) -> None:
    host.at_data.append("hang")
    pool = SmtpPool(settings(host), data_s=0.3)
    connector = EmailConnector("mail", settings(host))
    connector._pool = pool
    assert isinstance(await connector.deliver(outbound()), Uncertain)
    await connector.close()


async def test_a_cancelled_send_leaves_no_connection(host: MailHost, connector: EmailConnector) -> None:
    host.at_data.append("hang")
    task = asyncio.create_task(connector.deliver(outbound()))
    while not host.dropped:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(await connector.deliver(outbound()), Sent)
    assert host.connections == 2


async def test_a_mail_over_the_announced_size_is_not_sent() -> None:
    async with mail_host(data_size_limit=5_000) as host:
        connector = EmailConnector("mail", settings(host))
        outcome = await connector.deliver(outbound("x" * 10_000))
        assert isinstance(outcome, Failed)
        assert outcome.problem.kind == "too_large"
        await connector.close()


async def test_nobody_there() -> None:
    host = MailHost()
    host.port = 1
    outcome = await EmailConnector("mail", settings(host)).deliver(outbound())
    assert isinstance(outcome, Failed)
    assert (outcome.problem.kind, outcome.problem.retryable) == ("unreachable", True)


async def test_without_a_server_sending_is_not_set_up() -> None:
    outcome = await EmailConnector("mail", EmailSettings(address="support@example.jp")).deliver(outbound())
    assert isinstance(outcome, Failed)
    assert outcome.problem.kind == "config"


async def test_clear_text_is_refused_when_tls_was_asked_for(host: MailHost) -> None:
    """A server, or somebody on the way, that hides STARTTLS gets nothing."""
    user = {"smtp_user": "u", "smtp_password": Secret("very-secret")}
    connector = EmailConnector("mail", settings(host, smtp_tls="starttls", **user))
    outcome = await connector.deliver(outbound())
    assert isinstance(outcome, Failed)
    assert outcome.problem.kind == "config"
    assert "very-secret" not in repr(outcome)
    assert host.raws == []
    await connector.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for loopback that nobody vouches for, and a server's context with it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, ssl.SSLContext]) -> None:
    async with mail_host(tls_context=certificate[1]) as host:
        connector = EmailConnector("mail", settings(host, smtp_tls="starttls"))
        outcome = await connector.deliver(outbound())
        assert isinstance(outcome, Failed)
        assert outcome.problem.kind == "config"
        assert "certificate" in outcome.problem.sentence
        assert host.raws == []
        await connector.close()


@pytest.mark.parametrize(("password", "sent"), [("right", True), ("wrong", False)])
async def test_with_starttls_and_a_password(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, password: str, sent: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    options = {"require_starttls": True, "auth_required": True, "authenticator": check}
    async with mail_host(tls_context=certificate[1], **options) as host:
        user = {"smtp_user": "u", "smtp_password": Secret(password)}
        connector = EmailConnector("mail", settings(host, smtp_tls="starttls", **user))
        outcome = await connector.deliver(outbound())
        await connector.close()
    if sent:
        assert isinstance(outcome, Sent)
    else:
        assert isinstance(outcome, Failed)
        assert outcome.problem.kind == "config"
