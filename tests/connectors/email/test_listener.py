"""The port, spoken to over real sockets: 250 means durable, and nothing is relayed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiosmtplib
import pytest

from connectors.email import EmailConnector
from connectors.email.settings import EmailSettings
from tests.connectors.email.ledger import Ledger, text_of
from tests.connectors.email.mails import mail
from tests.servers.ports import free_port

Open = Callable[..., Awaitable[int]]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def opened(ledger: Ledger) -> AsyncIterator[Open]:
    """Opens a port with more settings; everything is closed in the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**more: Any) -> int:
            port = free_port()
            settings = EmailSettings(address="support@example.jp", listen=f"127.0.0.1:{port}", **more)
            connector = EmailConnector("mail", settings)
            stack.push_async_callback(connector.close)
            (listener,) = connector.listeners()
            assert listener.where == "every_edge"
            task = asyncio.create_task(listener.run(ledger))
            stack.push_async_callback(_stop, task)
            await ledger.until(lambda: "healthy" in ledger.states)
            return port

        yield start


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Talk:
    """A conversation by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, *lines: bytes) -> str:
        self.writer.write(b"\r\n".join(lines) + b"\r\n")
        return await self.hear()

    async def hear(self) -> str:
        async with asyncio.timeout(10):
            line = await self.reader.readline()
            while line[3:4] == b"-":
                line = await self.reader.readline()
        return line.decode().strip()


@contextlib.asynccontextmanager
async def talk(port: int, hello: bytes = b"EHLO mta") -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        talk = Talk(reader, writer)
        assert (await talk.hear()).startswith("220")
        assert (await talk.say(hello)).startswith("250")
        yield talk
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_mail_is_taken_when_it_is_durable(ledger: Ledger, opened: Open) -> None:
    port = await opened()
    ledger.gate = asyncio.Event()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        await client.ehlo()
        assert client.esmtp_extensions["size"] == str(25 * 1024 * 1024)
        sending = asyncio.create_task(client.sendmail("a@example.com", ["support@example.jp"], mail()))
        await asyncio.sleep(0.1)
        assert not sending.done()
        ledger.gate.set()
        refused, _ = await sending
    assert refused == {}
    (found,) = ledger.messages
    assert text_of(found).text == "こんにちは"
    assert ledger.raws == [mail()]


async def test_when_it_cannot_be_kept_it_is_asked_for_again(ledger: Ledger, opened: Open) -> None:
    port = await opened()
    ledger.refuse = 1
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        with pytest.raises(aiosmtplib.SMTPDataError) as error:
            await client.sendmail("a@example.com", ["support@example.jp"], mail())
        assert error.value.code == 451
        await client.sendmail("a@example.com", ["support@example.jp"], mail())
    assert len(ledger.messages) == 1
    assert ledger.states[-1] == "healthy"


async def test_nothing_is_relayed(opened: Open) -> None:
    port = await opened(domains=("shop.example",), aliases=("help@example.jp",))
    async with talk(port) as client:
        assert (await client.say(b"MAIL FROM:<a@example.com>")).startswith("250")
        for ours in (b"support@example.jp", b"SUPPORT+abc@example.jp", b"help@EXAMPLE.jp", b"any@shop.example"):
            assert (await client.say(b"RCPT TO:<" + ours + b">")).startswith("250")
        for other in (b"x@example.com", b"supporter@example.jp", b"a%example.com@example.jp", b"x@sub.shop.example"):
            assert (await client.say(b"RCPT TO:<" + other + b">"))[:1] == "5"


async def test_a_mail_over_the_size_is_refused_before_or_after(ledger: Ledger, opened: Open) -> None:
    port = await opened(max_message_bytes=20_000)
    async with talk(port) as client:
        assert (await client.say(b"MAIL FROM:<a@example.com> SIZE=20001")).startswith("552")
        await client.say(b"MAIL FROM:<a@example.com>")
        await client.say(b"RCPT TO:<support@example.jp>")
        await client.say(b"DATA")
        assert (await client.say(*[b"x" * 70] * 400, b".")).startswith("552")
        # and the connection goes on
        assert (await client.say(b"NOOP")).startswith("250")
    assert ledger.batches == []


async def test_who_does_not_stop_is_hung_up(opened: Open) -> None:
    port = await opened(max_message_bytes=10_000)
    async with talk(port) as client:
        for command in (b"MAIL FROM:<a@example.com>", b"RCPT TO:<support@example.jp>", b"DATA"):
            await client.say(command)
        with contextlib.suppress(OSError):
            for _ in range(200):
                client.writer.write(b"x" * 10_000)
                await client.writer.drain()
        async with asyncio.timeout(10):
            with contextlib.suppress(OSError):
                await client.reader.read()


async def test_lines_of_any_length_and_dots_are_kept(ledger: Ledger, opened: Open) -> None:
    port = await opened()
    long = b"y" * 200_000
    async with talk(port) as client:
        for command in (b"MAIL FROM:<a@example.com>", b"RCPT TO:<support@example.jp>", b"DATA"):
            await client.say(command)
        head = (b"From: a@example.com", b"Message-ID: <d@x>", b"")
        assert (await client.say(*head, b"..dot", b".. ", long, b"a\n.\nb", b".")).startswith("250")
    raw = ledger.raws[0]
    assert raw is not None
    assert raw.endswith(b"\r\n.dot\r\n. \r\n" + long + b"\r\na\n.\nb\r\n")


async def test_the_null_sender_is_known(ledger: Ledger, opened: Open) -> None:
    port = await opened()
    async with talk(port) as client:
        for command in (b"MAIL FROM:<>", b"RCPT TO:<support@example.jp>", b"DATA"):
            await client.say(command)
        assert (await client.say(b"From: a@example.com", b"", b"x", b".")).startswith("250")
    assert "automatic" in ledger.messages[0].flags


async def test_lmtp_answers_for_each_recipient(ledger: Ledger, opened: Open) -> None:
    port = await opened(listen_protocol="lmtp")
    async with talk(port, b"LHLO mta") as client:
        assert (await client.say(b"EHLO mta"))[:1] == "5"
        await client.say(b"MAIL FROM:<a@example.com>")
        assert (await client.say(b"RCPT TO:<support@example.jp>")).startswith("250")
        assert (await client.say(b"RCPT TO:<nobody@example.jp>")).startswith("550")
        assert (await client.say(b"RCPT TO:<support+x@example.jp>")).startswith("250")
        ledger.refuse = 1
        await client.say(b"DATA")
        first = await client.say(b"From: a@example.com", b"Message-ID: <l@x>", b"", b"x", b".")
        assert (first[:3], (await client.hear())[:3]) == ("451", "451")
        for command in (
            b"MAIL FROM:<a@example.com>",
            b"RCPT TO:<support@example.jp>",
            b"RCPT TO:<support+x@example.jp>",
        ):
            await client.say(command)
        await client.say(b"DATA")
        first = await client.say(b"From: a@example.com", b"Message-ID: <l@x>", b"", b"x", b".")
        assert (first[:3], (await client.hear())[:3]) == ("250", "250")
    assert len(ledger.messages) == 1


async def test_connections_are_bounded(opened: Open) -> None:
    port = await opened(listen_connections=2)
    async with talk(port), talk(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"421")
        assert await reader.read() == b""
        writer.close()
    await asyncio.sleep(0.05)
    async with talk(port):
        pass


async def test_the_silent_are_hung_up(opened: Open) -> None:
    port = await opened(listen_timeout_s=0.2)
    async with talk(port) as client, asyncio.timeout(5):
        assert await client.reader.read() == b""


async def test_a_mail_cut_off_is_not_taken(ledger: Ledger, opened: Open) -> None:
    port = await opened()
    async with talk(port) as client:
        for command in (b"MAIL FROM:<a@example.com>", b"RCPT TO:<support@example.jp>", b"DATA"):
            await client.say(command)
        client.writer.write(b"From: a@example.com\r\n\r\nhalf a mai")
        await client.writer.drain()
    await asyncio.sleep(0.1)
    assert ledger.batches == []


async def test_a_port_in_use_is_told(ledger: Ledger) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        connector = EmailConnector("mail", EmailSettings(address="support@example.jp", listen=address))
        task = asyncio.create_task(connector.serve(ledger))
        await ledger.until(lambda: ledger.states)
        assert "cannot listen" in ledger.states[0]
        await _stop(task)
