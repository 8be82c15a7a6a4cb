"""The port that mail servers deliver to, by SMTP or LMTP. ``250`` means durable; nothing is ever relayed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from connectors.api import NotAccepted, Sink
from connectors.email.inbound import Envelope
from connectors.email.reader import Reader
from connectors.email.settings import EmailSettings, host_and_port

RECIPIENTS: Final = 100
BUFFERED_BYTES: Final = 256 * 1024 * 1024
"""Of all mails being received at once; more are asked to come again."""
LINE_BYTES: Final = 64 * 1024
DRAIN_S: Final = 10.0
RETRY_S: Final = 5.0

_TOO_LARGE: Final = "552 5.3.4 the mail is larger than this mailbox takes"
_BUSY: Final = "452 4.3.1 too many mails at once, try again"
_AGAIN: Final = "451 4.3.0 the mail could not be stored, try again"


async def serve(settings: EmailSettings, reader: Reader, sink: Sink) -> None:
    """Listens until cancelled; tries again when the address cannot be had."""
    # aiosmtpd writes commands, addresses and (at DEBUG) whole mails to this log.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    port = Port(settings, reader, sink)
    host, number = host_and_port(settings.listen or "")
    loop = asyncio.get_running_loop()
    while True:
        try:
            server = await loop.create_server(port.protocol, host, number, reuse_port=True if number else None)
        except OSError as error:
            sink.troubled(f"cannot listen on {settings.listen}: {error.strerror}")
            await asyncio.sleep(RETRY_S)
            continue
        sink.healthy()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            await port.drain()


class Port:
    """What the connections of one account's port share: its limits, and the way into the service."""

    def __init__(self, settings: EmailSettings, reader: Reader, sink: Sink) -> None:
        self.settings = settings
        self.reader = reader
        self.sink = sink
        self.connections: set[_Delivery] = set()
        self.buffered = 0
        self._taking: set[asyncio.Task[Any]] = set()

    def protocol(self) -> SMTP:
        """A new connection's protocol."""
        settings = self.settings
        kind: Callable[..., SMTP] = _LmtpDelivery if settings.listen_protocol == "lmtp" else _SmtpDelivery
        return kind(
            self,
            data_size_limit=settings.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=settings.id_domain,
            ident="Madoguchi",
            timeout=settings.listen_timeout_s,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            loop=asyncio.get_running_loop(),
        )

    async def take(self, raw: bytes, mail_from: str | None, recipients: list[str]) -> str:
        """Stores a mail; the reply for its sender."""
        task = asyncio.current_task()
        assert task is not None
        self._taking.add(task)
        try:
            # aiosmtpd hands the null sender over with its brackets.
            sender = (mail_from or "").removeprefix("<").removesuffix(">")
            envelope = Envelope(sender, tuple(recipients), datetime.now(UTC))
            batch = await self.reader.read(raw, envelope)
            await self.sink.publish(batch, raw if batch.events else None)
        except NotAccepted:
            self.sink.troubled("the service takes nothing at the moment")
            return _AGAIN
        except Exception as error:  # a fault of ours must not cost the sender a mail
            self.sink.troubled(f"storing a mail failed: {type(error).__name__}")
            return _AGAIN
        finally:
            self._taking.discard(task)
        self.sink.healthy()
        return "250 2.0.0 stored"

    async def drain(self) -> None:
        """Lets mails that are being stored get their answer, then closes every connection."""
        if self._taking:
            await asyncio.wait(set(self._taking), timeout=DRAIN_S)
        for connection in tuple(self.connections):
            connection.hang_up()

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Only our own addresses; there is no relaying."""
        if not self.settings.is_ours(address):
            return "550 5.1.1 there is no such mailbox here"
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours must not cost the sender a mail."""
        return _AGAIN


class _Delivery(SMTP):
    """aiosmtpd's protocol with bounded connections, and a reading of DATA that bounds memory and takes any line."""

    per_recipient = False
    line_length_limit = LINE_BYTES

    def __init__(self, port: Port, **options: Any) -> None:
        super().__init__(port, **options)
        self._port = port
        self._welcome = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._welcome = len(self._port.connections) < self._port.settings.listen_connections
        if self._welcome:
            self._port.connections.add(self)
            super().connection_made(transport)
        else:
            # Not by isinstance: uvloop's transports are none of asyncio's.
            stream = cast(asyncio.Transport, transport)
            stream.write(b"421 4.3.2 too many connections, try again\r\n")
            stream.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._port.connections.discard(self)
        if self._welcome:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._welcome else False

    def data_received(self, data: bytes) -> None:
        if self._welcome:
            super().data_received(data)

    def hang_up(self) -> None:
        if self.transport is not None:
            with suppress(OSError):
                self._writer.write(b"421 4.3.2 closing, try again\r\n")
            self.transport.close()

    async def smtp_DATA(self, arg: str) -> None:
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if arg or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        status = await self._received(self.envelope.mail_from, self.envelope.rcpt_tos)
        replies = len(self.envelope.rcpt_tos) if self.per_recipient else 1
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        for _ in range(replies):
            await self.push(status)

    async def _received(self, mail_from: str | None, recipients: list[str]) -> str:
        body = bytearray()
        try:
            refusal = await self._read_into(body)
            return refusal or await self._port.take(bytes(body), mail_from, recipients)
        finally:
            self._port.buffered -= len(body)

    async def _read_into(self, body: bytearray) -> str | None:
        """Reads up to the lone dot; the refusal when the mail cannot be taken."""
        limit = self._port.settings.max_message_bytes
        refusal: str | None = None
        total = 0
        fresh = True  # at the beginning of a line
        while True:
            line, whole = await self._line()
            if fresh and line == b".\r\n":
                return refusal
            if fresh and line.startswith(b"."):
                line = line[1:]
            fresh = whole
            total += len(line)
            if refusal is None and total > limit:
                refusal = _TOO_LARGE
            elif refusal is None and self._port.buffered > BUFFERED_BYTES:
                refusal = _BUSY
            if refusal is None:
                body += line
                self._port.buffered += len(line)
            elif body:
                self._port.buffered -= len(body)
                body.clear()
            if total > 4 * limit:
                self.hang_up()  # it was told the limit, and does not stop

    async def _line(self) -> tuple[bytes, bool]:
        """A line, or as much of it as fits; only CR LF ends one, so nothing is smuggled past the server before us."""
        try:
            return await self._reader.readuntil(b"\r\n"), True
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed), False


class _SmtpDelivery(_Delivery):
    pass


class _LmtpDelivery(_Delivery, LMTP):
    """LMTP answers once for each recipient (RFC 2033)."""

    per_recipient = True
