"""An SMTP server (aiosmtpd) that keeps what it is sent, and fails when and how it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import email
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP


class MailHost:
    """What arrived, in order, and the answers to give instead of 250."""

    def __init__(self) -> None:
        self.port = 0
        self.raws: list[bytes] = []
        self.senders: list[str] = []
        self.recipients: list[list[str]] = []
        self.connections = 0
        self.at_mail: str | None = None
        self.at_rcpt: dict[str, str] = {}
        self.at_data: list[str] = []
        """Answers to the next mails; ``drop`` cuts the connection after the mail, ``hang`` never answers."""
        self.dropped: list[bytes] = []

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=default) for raw in self.raws]  # type: ignore[misc]

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.at_mail is not None:
            return self.at_mail
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.at_rcpt:
            return self.at_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        answer = self.at_data.pop(0) if self.at_data else "250 kept"
        if answer in ("drop", "hang"):
            self.dropped.append(envelope.content)
            if answer == "hang":
                await asyncio.sleep(60)
            assert server.transport is not None
            server.transport.close()
            return "250 never seen"
        if answer.startswith("250"):
            self.raws.append(envelope.content)
            self.senders.append(envelope.mail_from)
            self.recipients.append(envelope.rcpt_tos)
        return answer


@contextlib.asynccontextmanager
async def mail_host(**options: Any) -> AsyncIterator[MailHost]:
    """A running server on loopback; ``options`` as aiosmtpd's."""
    host = MailHost()
    loop = asyncio.get_running_loop()
    open_connections: list[SMTP] = []

    def protocol() -> SMTP:
        host.connections += 1
        open_connections.append(SMTP(host, hostname="mx.test", loop=loop, **options))
        return open_connections[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        for connection in open_connections:
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()
        await asyncio.sleep(0)
