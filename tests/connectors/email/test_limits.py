"""Mails made to hurt: they become messages that say so, and nothing waits for them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from connectors.email.inbound import Envelope
from connectors.email.limits import INLINE_BYTES, inline
from connectors.email.reader import Reader
from contracts.inbound import InboundMessage
from tests.connectors.email.ledger import text_of
from tests.connectors.email.mails import BOX, entity, mail, message, multipart

STALL_S = 0.05


def nested(depth: int) -> bytes:
    body = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
    return b"From: a@example.com\nMessage-ID: <n@x>\n" + body + b"\nend"


BOMBS = {
    "nested multipart": nested(1000),
    "nested rfc822": b"Content-Type: message/rfc822\n\n" * 1000,
    "200,000 parts": multipart("mixed", *[b"\nx"] * 200_000),
    "20,000 encoded words": mail(subject=b"=?utf-8?B?5pel?= " * 20_000),
    "words under the limit": mail(subject=b"=?utf-8?Q?=E6?= " * 500),
    "20,000 addresses": mail(to=", ".join(["a@b.example"] * 20_000)),
    "a long header": mail(to=", ".join(["somebody@somewhere.example"] * 400)),
    "600 addresses": mail(to=",".join(["a@b.jp"] * 600)),
    "5,000 continuations": mail(content_type="text/plain;" + ";".join(f" n*{n}=x" for n in range(5000))),
    "punycode": mail(b"a-" * 100_000, content_type="text/plain; charset=punycode"),
    "5,000 comments": mail(sender="(" * 5000 + "a@b"),
    "1,000 comments": mail(sender="(" * 1000 + "a@b"),
    "header without end": b"From: " + b"x" * 10_000_000,
    "many headers": b"X-A: b\r\n" * 100_000 + b"\r\nbody",
    "html of open tags": mail("<div>" * 100_000, content_type="text/html"),
    "html of open comments": mail("<!--" * 100_000, content_type="text/html"),
    "html of declarations": mail("<!" * 7_000, content_type="text/html"),
    "html of many attributes": mail("<a " + "b=c " * 100_000, content_type="text/html"),
    "html of ampersands": mail("&" * 200_000, content_type="text/html"),
    "html of lone brackets": mail("<a" * 100_000, content_type="text/html"),
    "html of marked sections": mail("<![" * 20_000, content_type="text/html"),
    "html of processing": mail("<?" * 20_000, content_type="text/html"),
    "small html of brackets": mail("<a" * 15_000, content_type="text/html"),
    "small html of comments": mail("<!--" * 7_500, content_type="text/html"),
    "small html of ends": mail("</" * 15_000, content_type="text/html"),
    "small html of quotes": mail("<a b='" * 5_000, content_type="text/html"),
    "small html of sections": mail("<![CDATA[" * 3_000, content_type="text/html"),
    "false boundaries": mail(b"--b1x\n" * 300_000, content_type="multipart/mixed; boundary=b1"),
    "boundaries in one line": mail(b"--b1" * 300_000, content_type="multipart/mixed; boundary=b1"),
    "blanks after a boundary": mail(b"--b1" + b" " * 2_000_000, content_type="multipart/mixed; boundary=b1"),
    "jis escapes": mail(b"\x1b$B\x1b(B" * 300_000, content_type="text/plain; charset=iso-2022-jp"),
    "quoting marks": mail(b">" * 1_000_000, content_type="text/plain; format=flowed"),
    "flowing lines": mail(b"a \n" * 500_000, content_type="text/plain; format=flowed; delsp=yes"),
    "history lines": mail("2026年9月14日 10:00 <\n" * 50_000),
    "20 MB of one line": mail(b"x" * 20_000_000),
}


one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def reader() -> AsyncIterator[Reader]:
    reader = Reader(BOX)
    yield reader
    await reader.close()


@one_loop
@pytest.mark.parametrize("name", BOMBS)
async def test_no_mail_stalls_the_loop(reader: Reader, name: str) -> None:
    raw = BOMBS[name]
    worst = 0.0
    done = False

    async def beat() -> None:
        nonlocal worst
        # CPU time of this thread, since the machine may be busy with other things.
        before = time.thread_time()
        while not done:
            await asyncio.sleep(0.001)
            worst, before = max(worst, time.thread_time() - before), time.thread_time()

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0.005)
    batch = await reader.read(raw, Envelope())
    done = True
    await heart
    assert len(batch.events) == 1
    assert worst < STALL_S, f"{worst * 1000:.0f} ms"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nested multipart", "nested"),
        ("200,000 parts", "parts"),
        ("20,000 encoded words", "headers"),
        ("a long header", "To header"),
        ("600 addresses", "addresses"),
        ("5,000 continuations", "Content-Type header"),
        ("header without end", "headers"),
        ("many headers", "headers"),
    ],
)
def test_a_broken_limit_is_told(name: str, why: str) -> None:
    found = message(BOMBS[name])
    assert found.flags == ("quarantined",)
    assert why in text_of(found).text


def test_a_quarantined_mail_keeps_its_name_and_believes_nothing() -> None:
    raw = mail(to=",".join(["a@b.jp"] * 600), in_reply_to="<x@y>")
    found = message(b"Authentication-Results: mx.example.jp; dmarc=pass\r\n" + raw)
    assert (found.provider_id, found.sender.address, found.subject) == ("m1@example.com", "taro@example.com", "hello")
    assert not found.sender.verified
    assert found.threading.references == ()


def test_what_is_read_inline_is_small() -> None:
    assert inline(mail("short"))
    assert not inline(mail("x" * INLINE_BYTES))
    assert not inline(multipart("mixed", *[b"\nx"] * 100))


@one_loop
async def test_the_worker_reads_what_the_parser_reads(reader: Reader) -> None:
    raw = multipart("mixed", entity("Content-Type: text/plain; charset=utf-8", "日本語" * 20_000))
    (event,) = (await reader.read(raw, Envelope())).events
    assert event == message(raw)


@one_loop
async def test_a_worker_that_takes_too_long_is_killed_and_replaced() -> None:
    reader = Reader(BOX, wall_s=0.2)
    raw = mail("x" * INLINE_BYTES)
    await reader.read(raw, Envelope())
    process = reader._process
    assert process is not None
    os.kill(process.pid, 19)  # SIGSTOP: as good as an endless loop
    async with asyncio.timeout(3):
        (event,) = (await reader.read(raw, Envelope())).events
    assert isinstance(event, InboundMessage)
    assert event.flags == ("quarantined",)
    (event,) = (await reader.read(raw, Envelope())).events
    assert isinstance(event, InboundMessage)
    assert event.flags == ()
    await process.wait()
    await reader.close()
    await reader.close()


@one_loop
async def test_a_worker_that_dies_costs_one_mail_its_words_only(reader: Reader) -> None:
    raw = mail("x" * INLINE_BYTES)
    await reader.read(raw, Envelope())
    assert reader._process is not None
    process = reader._process
    process.kill()
    await process.wait()
    (event,) = (await reader.read(raw, Envelope())).events
    assert isinstance(event, InboundMessage)
    assert event.flags == ()


@one_loop
async def test_cancelling_leaves_no_answer_for_the_next(reader: Reader) -> None:
    one, two = mail("1" * INLINE_BYTES, message_id="<1@x>"), mail("2" * INLINE_BYTES, message_id="<2@x>")
    await reader.read(one, Envelope())
    task = asyncio.create_task(reader.read(one, Envelope()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (event,) = (await reader.read(two, Envelope())).events
    assert isinstance(event, InboundMessage)
    assert event.provider_id == "2@x"
