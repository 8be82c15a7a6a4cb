"""Sends by SMTP over a few kept connections, and says exactly what is known of each mail's fate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiosmtplib
import msgspec

from connectors.api import Failed, Outcome, Sent, Uncertain, problem
from connectors.email.outbound import Mail
from connectors.email.replies import Stage, failed
from connectors.email.settings import EmailSettings

COMMAND_S: Final = 30.0
DATA_S: Final = 600.0
"""RFC 5321 (4.5.3.2.6) allows the answer after the final dot ten minutes."""
FRESH_S: Final = 30.0
"""A connection idle for longer is asked whether it still stands."""
LIFE_S: Final = 300.0
MAILS: Final = 100


class _Line(msgspec.Struct):
    """A connection and what it has been through, in seconds of the loop's clock."""

    client: aiosmtplib.SMTP
    opened: float
    used: float
    mails: int = 0


class SmtpPool:
    """At most ``smtp_connections`` connections, each for one mail at a time."""

    def __init__(self, settings: EmailSettings, data_s: float = DATA_S) -> None:
        self._settings = settings
        self._data_s = data_s
        self._room = asyncio.Semaphore(settings.smtp_connections)
        self._idle: list[_Line] = []
        self._closed = False

    async def send(self, mail: Mail) -> Outcome:
        """Sends one mail to its one recipient."""
        if self._settings.smtp_host is None:
            return Failed(problem("config", "smtp_host is not set, so this account cannot send"))
        stage: Stage = "connect"
        try:
            async with self._room, self._line() as line:
                stage = "mail"
                if too_large(line.client, mail):
                    return Failed(problem("too_large"))
                await line.client.mail(mail.sender, options=_options(line.client, mail), timeout=COMMAND_S)
                stage = "rcpt"
                await line.client.rcpt(mail.recipient, timeout=COMMAND_S)
                stage = "data"
                await line.client.data(mail.data, timeout=self._data_s)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _outcome(error, stage)
        return Sent((mail.message_id,))

    async def close(self) -> None:
        """Says goodbye on every idle connection; may be called twice."""
        self._closed = True
        while self._idle:
            await _quit(self._idle.pop().client)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        """A connection that works. It is kept only when nothing went wrong or the server merely said no."""
        line = await self._kept() or await self._opened()
        try:
            yield line
        except aiosmtplib.SMTPResponseException:
            await self._reset(line)
            raise
        except BaseException:
            line.client.close()
            raise
        line.mails += 1
        await self._keep(line)

    async def _kept(self) -> _Line | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            line = self._idle.pop()
            if now - line.opened < LIFE_S and line.mails < MAILS and await _stands(line, now):
                return line
            await _quit(line.client)
        return None

    async def _opened(self) -> _Line:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=settings.smtp_password.reveal() if settings.smtp_password is not None else None,
            local_hostname=settings.id_domain,
            timeout=COMMAND_S,
            use_tls=settings.smtp_tls == "implicit",
            start_tls=settings.smtp_tls == "starttls",
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                with suppress(aiosmtplib.SMTPHeloError):  # it may still know HELO
                    await client.ehlo()
        except BaseException:
            client.close()
            raise
        now = asyncio.get_running_loop().time()
        return _Line(client, now, now)

    async def _reset(self, line: _Line) -> None:
        try:
            await line.client.rset(timeout=COMMAND_S)
        except (aiosmtplib.SMTPException, OSError):
            line.client.close()
        else:
            await self._keep(line)

    async def _keep(self, line: _Line) -> None:
        line.used = asyncio.get_running_loop().time()
        if self._closed:
            await _quit(line.client)
        else:
            self._idle.append(line)


def too_large(client: aiosmtplib.SMTP, mail: Mail) -> bool:
    """The server said beforehand that it takes no mail of this size."""
    limit = client.esmtp_extensions.get("size", "").strip()
    return limit.isdigit() and 0 < int(limit) < len(mail.data)


def _options(client: aiosmtplib.SMTP, mail: Mail) -> list[str]:
    return [f"SIZE={len(mail.data)}"] if client.supports_extension("size") else []


async def _stands(line: _Line, now: float) -> bool:
    if not line.client.is_connected:
        return False
    if now - line.used < FRESH_S:
        return True
    try:
        await line.client.noop(timeout=COMMAND_S)
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


async def _quit(client: aiosmtplib.SMTP) -> None:
    """What was accepted stays accepted, however the goodbye goes."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=5.0)
    client.close()


def _outcome(error: Exception, stage: Stage) -> Outcome:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return failed(error.code, error.message, stage)
    if stage == "data":
        # The final dot may have reached the server. Only the same Message-ID may go out again.
        return Uncertain("the connection broke while the mail was handed over")
    # An error of TLS is a ValueError as well.
    if isinstance(error, ValueError | aiosmtplib.SMTPNotSupported) and not isinstance(error, OSError):
        return Failed(problem("rejected", "the address cannot be written to this server"))
    return Failed(problem("config" if _never_works(error) else "unreachable", _why(error)))


def _never_works(error: Exception) -> bool:
    """TLS that cannot be agreed on, or login that the server does not offer: retrying changes nothing."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return True
    network = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError, OSError)
    return not isinstance(error, network)


def _why(error: Exception) -> str:
    """The kind of failure, in words that hold no secret."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(error).__name__
