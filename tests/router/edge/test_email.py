"""An email account on the whole service: a port that takes mail, and a mail server that gets our answers."""

from __future__ import annotations

import asyncio
import email
import email.policy
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from contracts.message import Message
from tests.servers.inside import Inside, inside, table, until
from tests.servers.ports import free_port

OURS, TARO, STRANGER = "support@shop.example", "taro@customer.example", "mallory@elsewhere.example"


class Sink:
    """The mail server that our answers go to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    async def mail(self, count: int = 1) -> EmailMessage:
        """The mail of this number, when it is there."""

        async def there() -> EmailMessage | None:
            return self.mails[count - 1] if len(self.mails) >= count else None

        return await until(there, f"mail {count}")


@pytest.fixture
async def sink() -> AsyncIterator[tuple[Sink, int]]:
    found = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(found, hostname="sink"), "127.0.0.1", 0)
    yield found, server.sockets[0].getsockname()[1]
    server.close()


class Post:
    """The service, the port where its mail comes in, and the sink."""

    def __init__(self, service: Inside, port: int, sink: Sink) -> None:
        self.service, self.port, self.sink = service, port, sink

    async def mail(
        self, text: str, sender: str = TARO, to: str = OURS, verified: bool = True, **headers: str
    ) -> Message:
        """A mail comes in; the message it becomes."""
        mail = EmailMessage()
        for name, value in {"From": sender, "To": to, "Subject": "注文の件", **headers}.items():
            mail[name.replace("_", "-")] = value
        if verified:
            domain = sender.partition("@")[2]
            mail["Authentication-Results"] = f"mx.shop.example; dmarc=pass header.from={domain}"
        mail.set_content(text)
        known = len(await self.service.events("message.received"))
        await asyncio.to_thread(self._deliver, sender, to, mail)
        return (await self.service.received(known + 1))[-1]

    def _deliver(self, sender: str, to: str, mail: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
            client.sendmail(sender, [to], mail.as_bytes(policy=email.policy.SMTP))


@pytest.fixture
async def post(store_url: str, tmp_path: Path, sink: tuple[Sink, int]) -> AsyncIterator[Post]:
    port = free_port()
    account = table("accounts.mail", {
        "connector": "email", "address": OURS, "token_key": "k" * 32, "authserv_ids": ["mx.shop.example"],
        "listen": f"127.0.0.1:{port}", "smtp_host": "127.0.0.1", "smtp_port": sink[1], "smtp_tls": "none",
        "insecure": True,
    })  # fmt: skip
    async with inside(tmp_path, store_url, account) as service:

        async def listening() -> bool:
            return service.parts.health.component("mail.port", "account").state == "ok" or _open(port)

        await until(listening, "the port")
        yield Post(service, port, sink[0])


def _open(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, timeout=1).close()
    except OSError:
        return False
    return True


def words(message: Message) -> str:
    return "".join(getattr(part, "text", "") for part in message.parts).strip()


async def test_mail_comes_in_and_answers_go_out_and_thread_back(post: Post) -> None:
    first = await post.mail("届きません。", Message_ID="<a1@customer.example>")
    assert (words(first), first.subject, first.address) == ("届きません。", "注文の件", TARO)
    answer = await post.service.answers(first.conversation, "お調べします。")
    sent = await post.sink.mail()
    assert sent["In-Reply-To"] == "<a1@customer.example>" and "<a1@customer.example>" in sent["References"]
    assert sent["Message-ID"] == f"<{answer}.{first.conversation}@shop.example>"
    plus = sent["Reply-To"].addresses[0].addr_spec
    assert plus.startswith("support+") and plus.endswith("@shop.example") and sent["To"].addresses[0].addr_spec == TARO
    assert "お調べします。" in sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    await post.service.message(answer, "sent")

    by_token = await post.mail("ありがとう。", to=plus, Subject="別の件名")
    by_reference = await post.mail("もうひとつ。", In_Reply_To=sent["Message-ID"])
    by_own = await post.mail("追伸。", References="<a1@customer.example>")
    assert {each.conversation for each in (by_token, by_reference, by_own)} == {first.conversation}
    raw = by_token.raw or ""
    assert raw.startswith("media/") and await post.service.parts.media.get(raw.removeprefix("media/")) is not None


async def test_a_stranger_with_the_token_is_flagged_and_does_not_join(post: Post) -> None:
    first = await post.mail("秘密の話")
    await post.service.message(await post.service.answers(first.conversation, "はい"), "sent")
    sent = await post.sink.mail()
    plus = sent["Reply-To"].addresses[0].addr_spec
    stolen = await post.mail("乗っ取り", sender=STRANGER, to=plus)
    assert stolen.conversation != first.conversation and stolen.contact != first.contact and stolen.flags
    spoofed = await post.mail("なりすまし", sender=STRANGER, verified=False, to=plus)
    assert spoofed.conversation != first.conversation
    forged = plus[:10] + ("a" if plus[10] != "a" else "b") + plus[11:]
    assert (await post.mail("偽の券", sender=STRANGER, to=forged)).conversation != first.conversation


async def test_the_same_mail_twice_is_one_message(post: Post) -> None:
    await post.mail("一度", Message_ID="<same@customer.example>")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = TARO, OURS, "<same@customer.example>"
    mail.set_content("一度")
    await asyncio.to_thread(post._deliver, TARO, OURS, mail)
    await post.mail("二度")
    assert len(await post.service.events("message.received")) == 2


async def test_a_mail_server_that_says_later_is_asked_later_and_one_that_says_no_is_believed(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.delivery.deliveries.SCHEDULE_S", (0.1,) * 3)
    first = await post.mail("こんにちは")
    post.sink.refusals = ["451 later", "451 later"]
    sent = await post.service.message(await post.service.answers(first.conversation, "一"), "sent")
    assert sent.attempts == 3 and len(post.sink.mails) == 1
    post.sink.refusals = ["554 never"]
    failed = await post.service.message(await post.service.answers(first.conversation, "二"), "failed")
    assert failed.problem is not None and not failed.problem.retryable
