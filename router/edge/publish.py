"""From a connector's events to commands on the streams: the one way in."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import Any, Final

import msgspec
import structlog

from connectors.api import Batch, NotAccepted
from contracts import ids
from contracts.commands import Receive
from contracts.content import plain_text
from contracts.inbound import Inbound, InboundIdentity, InboundMessage, InboundTyping
from contracts.streams import conversation_shard
from router.accounts import Account
from router.media.store import MediaError, MediaStore
from router.shards import keys
from router.shards.append import Appender
from router.shards.invites import Invites
from router.shards.signals import Signals
from router.store.errors import StoreError
from router.store.lane import Lane

log = structlog.get_logger("madoguchi.edge")

_CODE: Final = re.compile(r"\bMG-?([0-9A-HJKMNP-TV-Z]{4})-?([0-9A-HJKMNP-TV-Z]{4})\b", re.IGNORECASE)
_MOST_QUARANTINED: Final = 10_000
_MOST_BESIDE: Final = 16_384
"""Bytes of a payload that is set aside on the stream itself; a larger one goes to the media store."""


class Publisher:
    """Appends what was received, durably; several events of one payload go out in one write, in order."""

    def __init__(
        self, appender: Appender, media: MediaStore, signals: Signals, invites: Invites, lane: Lane, shards: int
    ) -> None:
        self._appender = appender
        self._media = media
        self._signals = signals
        self._invites = invites
        self._lane = lane
        self._shards = shards

    async def publish(self, account: Account, batch: Batch, raw: bytes | None = None) -> None:
        """Returns when all events of the batch are durable.

        ``raw``: the whole source, kept in the media store; otherwise each event's own piece (``batch.raws``) is kept
        beside its command.

        Raises:
            NotAccepted: some are not; the provider should send the payload again. Those that are will be dropped as
                repeats then.
        """
        try:
            if batch.blobs:
                await self._keep_blobs(batch)
            kept = None if raw is None else f"media/{await self._media.put(raw)}"
            appended = await self._append(account, batch, kept)
            if len(appended) == 1:
                await appended[0]
            elif appended:
                await asyncio.gather(*appended)
        except (StoreError, MediaError) as error:
            account.condition("receiving").degraded(f"{type(error).__name__}: {error}")
            raise NotAccepted(str(error)) from error
        account.worked("receiving")

    async def quarantine(self, account: Account, reason: str, body: bytes) -> None:
        """Sets a genuine payload aside that cannot be understood, with its bytes. Raises NotAccepted.

        Entries have ``reason``, ``size`` and either ``body`` or, in the media store, ``media`` (its SHA-256).
        """
        log.warning("payload.quarantined", account=account.name, reason=reason, size=len(body))
        key = keys.quarantine(account.name)
        try:
            kept = ("body", body) if len(body) <= _MOST_BESIDE else ("media", await self._media.put(body))
            await self._lane.call(
                key, "XADD", key, "MAXLEN", "~", _MOST_QUARANTINED, "*", "reason", reason, "size", len(body), *kept
            )
        except (StoreError, MediaError) as error:
            raise NotAccepted(str(error)) from error

    async def typing(self, account: Account, event: InboundTyping) -> None:
        """Passed on to whoever watches; lost when nobody does."""
        key = ids.identity_key(account.channel, account.name, event.sender.address)
        try:
            await self._signals.publish("customer_typing", key, {"on": event.on})
        except StoreError:
            log.debug("typing.lost", account=account.name)

    async def _keep_blobs(self, batch: Batch) -> None:
        for data in batch.blobs.values():
            await self._media.put(data)

    async def _append(self, account: Account, batch: Batch, kept: str | None) -> list[asyncio.Future[Any]]:
        """Sends every event; the answers come in the order of the events."""
        waiting: list[asyncio.Future[Any]] = []
        for place, event in enumerate(batch.events):
            if type(event) is InboundTyping:
                await self.typing(account, event)
                continue
            if (code := find_code(event)) is not None:
                event = await self._with_handover(event, code)
            piece = batch.raws[place] if kept is None and place < len(batch.raws) else None
            waiting.append(self._send(account, event, piece, kept))
        return waiting

    def _send(self, account: Account, event: Inbound, piece: bytes | None, kept: str | None) -> asyncio.Future[Any]:
        channel = account.channel
        key = ids.identity_key(channel, account.name, event.sender.address)
        shard = conversation_shard(ids.shard_for(key, self._shards))
        command = Receive(
            channel=channel,
            account=account.name,
            channel_class=account.channel_class,
            event=event,
            raw=kept,
            grouping=account.grouping,
            by="customer",
        )
        return self._appender.send(shard, command, piece)

    async def _with_handover(self, event: Inbound, code: str) -> Inbound:
        token = await self._invites.token(code)
        return event if token is None else msgspec.structs.replace(event, handover=token)


def find_code(event: Inbound) -> str | None:
    """A hand-over code in its one spelling: one that the channel gives apart, or one in a message's words; full-width
    letters count as letters."""
    if not isinstance(event, InboundMessage | InboundIdentity):
        return None
    text = event.handover
    if text is None:
        text = plain_text(event.parts) if isinstance(event, InboundMessage) else ""
    if "-" not in text and "MG" not in text.upper() and "ＭＧ" not in text.upper():
        return None
    found = _CODE.search(unicodedata.normalize("NFKC", text[:2_000]))
    return None if found is None else f"MG-{found[1].upper()}-{found[2].upper()}"
