"""A mailbox of a real IMAP server: every mail once, in order, whatever stops us in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from connectors.api import Secret
from connectors.email import EmailConnector, mailbox
from connectors.email.mailbox import Cursor, mailbox_name
from connectors.email.settings import EmailSettings
from tests.connectors.email.ledger import Ledger, text_of
from tests.connectors.email.mails import mail
from tests.servers.imap import PASSWORD, USER, ImapServer, imap_server

pytestmark = pytest.mark.imap


@pytest.fixture(scope="module")
def shared() -> Iterator[ImapServer]:
    with imap_server() as server:
        yield server


@pytest.fixture
def server(shared: ImapServer) -> ImapServer:
    """The shared server, its mailbox emptied."""
    with shared.client() as client:
        _, count = client.select("INBOX")
        if count != [b"0"]:
            client.store("1:*", "+FLAGS", "\\Deleted")
            client.expunge()
    return shared


@contextlib.asynccontextmanager
async def watching(server: ImapServer, ledger: Ledger, **more: Any) -> AsyncIterator[asyncio.Task[None]]:
    given: dict[str, Any] = {"imap_password": Secret(PASSWORD), "imap_user": USER, **more}
    settings = EmailSettings(
        address="support@example.jp", imap_host="127.0.0.1", imap_port=server.port, imap_tls=False, **given
    )
    connector = EmailConnector("mail", settings)
    (listener,) = connector.listeners()
    assert listener.where == "leased"
    task = asyncio.create_task(listener.run(ledger))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await connector.close()


def numbered(first: int, last: int) -> list[bytes]:
    return [mail(f"本文{n}", subject=f"n{n}", message_id=f"<n{n}@example.com>") for n in range(first, last + 1)]


def names(first: int, last: int) -> list[str]:
    return [f"n{n}" for n in range(first, last + 1)]


def cursor(ledger: Ledger) -> Cursor:
    return msgspec.json.decode(ledger.kept["imap:INBOX"], type=Cursor)


async def test_what_was_there_and_what_comes(server: ImapServer) -> None:
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 3))
    async with watching(server, ledger):
        await ledger.until(lambda: len(ledger.messages) == 3)
        await ledger.until(lambda: "healthy" in ledger.states)
        await asyncio.sleep(0.3)  # it idles
        await asyncio.to_thread(server.put, *numbered(4, 5))
        await ledger.until(lambda: len(ledger.messages) == 5, 10)
    assert ledger.subjects == names(1, 5)
    assert text_of(ledger.messages[0]).text == "本文1"
    assert ledger.raws[0] is not None
    assert ledger.messages[0].sent_at is not None
    with server.client() as client:
        client.select("INBOX")
        _, flags = client.fetch("1", "(FLAGS)")
        assert b"Seen" not in flags[0]  # type: ignore[operator]


async def test_the_cursor_is_never_ahead_of_what_is_durable(server: ImapServer) -> None:
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 3))
    async with watching(server, ledger):
        await ledger.until(lambda: len(ledger.messages) == 3)
        await ledger.until(lambda: "healthy" in ledger.states)
        before = cursor(ledger)
        ledger.refuse = 1
        await asyncio.to_thread(server.put, *numbered(4, 5))
        await ledger.until(lambda: ledger.refuse == 0, 10)
        assert cursor(ledger) == before
        await ledger.until(lambda: len(ledger.messages) == 5, 10)
        await ledger.until(lambda: cursor(ledger).uid == before.uid + 2)
    assert ledger.subjects == names(1, 5)
    assert "the service takes nothing at the moment" in ledger.states


async def test_stopped_in_the_middle_it_goes_on_where_it_was(server: ImapServer) -> None:
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 150))
    async with watching(server, ledger):
        await ledger.until(lambda: len(ledger.messages) >= 40)
    at = len(ledger.messages)
    async with watching(server, ledger):
        await ledger.until(lambda: len(set(ledger.subjects)) == 150)
    # At most the mail that was under way is told twice, with the same id.
    assert list(dict.fromkeys(ledger.subjects)) == names(1, 150)
    assert len(ledger.messages) - 150 <= 1
    assert at < 150


async def test_a_server_that_goes_and_comes_again(server: ImapServer) -> None:
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 2))
    async with watching(server, ledger):
        await ledger.until(lambda: len(ledger.messages) == 2)
        await asyncio.to_thread(server.stop)
        await ledger.until(lambda: any(state != "healthy" for state in ledger.states), 10)
        server.start()  # from this very thread: the server ends with the thread that started it
        await asyncio.to_thread(server.put, *numbered(3, 4))
        await ledger.until(lambda: len(ledger.messages) == 4, 20)
    assert ledger.subjects == names(1, 4)


async def test_numbers_made_anew_lose_nothing(server: ImapServer) -> None:
    if not server.dovecot:
        pytest.skip("pymap cannot make its numbers anew")
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 2))
    async with watching(server, ledger):
        await ledger.until(lambda: len(ledger.messages) == 2)
    old = cursor(ledger)
    server.new_uidvalidity()
    await asyncio.to_thread(server.put, *numbered(3, 3))
    async with watching(server, ledger):
        await ledger.until(lambda: "n3" in ledger.subjects)
    assert cursor(ledger).uidvalidity != old.uidvalidity
    # What is told again has the id it had, and is dropped by it.
    assert {message.provider_id for message in ledger.messages} == {f"n{n}@example.com" for n in (1, 2, 3)}


async def test_one_bad_mail_does_not_stop_the_next(server: ImapServer) -> None:
    ledger = Ledger()
    bad = [b"\x00\xff" * 10, b"From: x\r\n" + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 50]
    huge = mail("x" * 60_000, subject="huge", message_id="<huge@x>")
    await asyncio.to_thread(server.put, *bad, huge, *numbered(1, 1))
    async with watching(server, ledger, max_message_bytes=50_000):
        await ledger.until(lambda: "n1" in ledger.subjects)
    assert len(ledger.messages) == 4
    assert ledger.messages[2].flags == ("quarantined",)
    assert "larger than" in text_of(ledger.messages[2]).text
    assert ledger.messages[2].subject == "huge"


async def test_only_new_mail_when_no_history_is_wanted(server: ImapServer) -> None:
    ledger = Ledger()
    await asyncio.to_thread(server.put, *numbered(1, 2))
    async with watching(server, ledger, imap_history_days=0):
        await ledger.until(lambda: "healthy" in ledger.states)
        await asyncio.to_thread(server.put, *numbered(3, 3))
        await ledger.until(lambda: ledger.messages, 10)
    assert ledger.subjects == ["n3"]


async def test_a_wrong_password_is_told_and_not_hammered(server: ImapServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ledger = Ledger()
    async with watching(server, ledger, imap_password=Secret("wrong-secret")):
        await ledger.until(lambda: ledger.states, 15)
        await asyncio.sleep(0.2)
    assert ledger.states == ["the server refused the user name and password"]
    assert "wrong-secret" not in caplog.text


async def test_a_server_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "COMMAND_S", 0.3)
    refusals = [b"* BYE too many connections\r\n", b"", b"* OK hello\r\n", b"garbage\r\n"]
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(refusals[len(seen) % len(refusals)])
        writer.write(seen[-1])
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setattr(mailbox, "FIRST_WAIT_S", 0.05)
    settings = EmailSettings(
        address="s@example.jp", imap_host="127.0.0.1", imap_port=silent.sockets[0].getsockname()[1], imap_tls=False,
        imap_password=Secret("x"),
    )  # fmt: skip
    ledger = Ledger()
    connector = EmailConnector("mail", settings)
    task = asyncio.create_task(connector.listen(ledger))
    await ledger.until(lambda: len(ledger.states) >= 4)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    silent.close()
    assert "too many connections" in ledger.states[0]
    assert "healthy" not in ledger.states


async def test_a_host_that_is_not_there_is_told() -> None:
    settings = EmailSettings(
        address="s@example.jp", imap_host="127.0.0.1", imap_port=1, imap_tls=False, imap_password=Secret("x")
    )
    ledger = Ledger()
    task = asyncio.create_task(EmailConnector("mail", settings).listen(ledger))
    await ledger.until(lambda: ledger.states)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "cannot be reached" in ledger.states[0]


def test_folder_names() -> None:
    assert mailbox_name("INBOX") == "INBOX"
    assert mailbox_name("受信 & 済") == "&U9dP4Q- &- &bgg-"
