"""The email connector: what it declares, and where each of its questions is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from connectors.api import (
    NATIVE,
    Connector,
    Failed,
    Listener,
    Manifest,
    Outbound,
    Outcome,
    Sink,
    degraded,
    refused,
)
from connectors.email.listener import serve
from connectors.email.mailbox import watch
from connectors.email.outbound import compose
from connectors.email.reader import Reader
from connectors.email.settings import EmailSettings
from connectors.email.smtp import SmtpPool

_THREAD_BYTES: Final = 256 * 1024


class EmailConnector(Connector[EmailSettings]):
    """One address: mail servers deliver to its port, or its mailbox is read, or both."""

    Settings = EmailSettings
    manifest = Manifest(
        name="email",
        title="Email",
        title_ja="メール",
        channel_class="email",
        carries={
            "text": NATIVE,
            "image": NATIVE,
            "audio": NATIVE,
            "video": NATIVE,
            "file": NATIVE,
            "location": degraded("a text with a link to a map"),
            "contact_card": degraded("a text"),
            "sticker": degraded("a text"),
            "choice": degraded("a numbered text"),
            "postback": refused("a postback is the customer's answer; it is never sent"),
            "reaction": refused("mail has no reactions"),
            "template": refused("mail has no approved templates"),
            "call": refused("a call cannot be sent as a message"),
        },
        receipts=("delivered", "failed", "read"),
        idempotent=True,
        verified_addresses=False,
        listens="leased",
        extra="email",
    )

    def __init__(self, account: str, settings: EmailSettings) -> None:
        super().__init__(account, settings)
        self._reader = Reader(settings.mailbox(account))
        self._pool: SmtpPool | None = None

    def listeners(self) -> Sequence[Listener]:
        """The port in every copy, the mailbox in one of them; as the settings say."""
        found = []
        if self.settings.listen is not None:
            found.append(Listener("port", "every_edge", self.serve))
        if self.settings.imap_host is not None:
            found.append(Listener("mailbox", "leased", self.listen))
        return found

    async def listen(self, sink: Sink) -> None:
        """Reads the mailbox by IMAP until cancelled."""
        await watch(self.settings, self._reader, sink)

    async def serve(self, sink: Sink) -> None:
        """Takes mail on the port until cancelled."""
        await serve(self.settings, self._reader, sink)

    async def deliver(self, outbound: Outbound) -> Outcome:
        """Sends by SMTP. ``Uncertain`` when the connection broke after the mail was handed over."""
        if sum(len(blob) for blob in outbound.blobs.values()) > _THREAD_BYTES:
            mail = await asyncio.to_thread(compose, outbound, self.settings)
        else:
            mail = compose(outbound, self.settings)
        if isinstance(mail, Failed):
            return mail
        if self._pool is None:
            self._pool = SmtpPool(self.settings)
        return await self._pool.send(mail)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        await self._reader.close()
