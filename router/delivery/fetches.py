"""Fetches attachments from providers, apart from the message and never at its cost."""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import urljoin

import msgspec
import structlog

from connectors.api import ProviderRequest, ProviderResponse
from contracts.attachment import Attachment
from contracts.commands import AttachmentFetched
from contracts.content import attachments_of
from router.accounts import Account, Accounts
from router.domain.conversation.tables import FETCH, MESSAGE
from router.domain.effects import Fetch
from router.media.store import MediaError, MediaStore
from router.observe.metrics import Metrics
from router.shards.append import Appender
from router.shards.state import StateReader
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.delivery")

WAITS_S: Final = (1, 2, 5, 15, 60, 300, 900)
"""Waits between attempts; after the last the attachment has failed, the message never."""
_MOST_HOPS: Final = 3
_ANY_BYTES: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,60}")


class Fetches:
    """Carries out :class:`Fetch` effects."""

    def __init__(
        self,
        accounts: Accounts,
        state: StateReader,
        appender: Appender,
        media: MediaStore,
        metrics: Metrics,
        *,
        most: int,
    ) -> None:
        self._accounts = accounts
        self._state = state
        self._appender = appender
        self._media = media
        self._metrics = metrics
        self._most = most
        self._slots = asyncio.Semaphore(8)

    async def fetch(self, shard: str, effect: Fetch) -> None:
        """Fetches one attachment and reports."""
        if await self._state.get(shard, FETCH, effect.attachment) is None:
            return  # settled meanwhile
        message = await self._state.get(shard, MESSAGE, effect.message)
        wanted = [each for each in attachments_of(message.parts if message else ()) if each.id == effect.attachment]
        account = self._accounts.get(effect.account)
        if not wanted:
            return
        if account is None:
            fetched = _failed(wanted[0], "the account is not in this installation any more")
        else:
            fetched = await self._try(account, wanted[0])
        self._metrics.media[effect.account, fetched.state] += 1
        await self._report(shard, effect, fetched)

    async def _try(self, account: Account, attachment: Attachment) -> Attachment:
        last = "nothing was tried"
        for wait in (*WAITS_S, None):
            result = await self._once(account, attachment)
            if isinstance(result, Attachment):
                return result
            last = result
            if wait is not None:
                await asyncio.sleep(wait)
        return _failed(attachment, last)

    async def _once(self, account: Account, attachment: Attachment) -> Attachment | str:
        """The attachment when it is settled, or why it is worth another try."""
        request = account.connector.media_request(attachment)
        if request is None:
            return _failed(attachment, "the channel has no way to fetch it")
        async with self._slots:
            response = await self._get(account, request)
            if _is_there(response) and (onward := account.connector.media_location(attachment, response)) is not None:
                response = await self._get(account, onward)
            if _is_there(response):
                wrong = account.connector.media_problem(attachment, response)
                return await self._keep(attachment, response) if wrong is None else _failed(attachment, wrong)
        return _meaning(attachment, response)

    async def _get(self, account: Account, request: ProviderRequest) -> ProviderResponse:
        """The answer, over a few redirects; each is guarded like the first, and none is given our secrets."""
        response = await account.http.call(request, most=self._most)
        for _ in range(_MOST_HOPS):
            if response.status not in (301, 302, 303, 307, 308) or response.failure is not None:
                break
            url = urljoin(request.url, response.headers.get("location", ""))
            request = ProviderRequest("GET", url, timeout_s=request.timeout_s)
            response = await account.http.call(request, most=self._most)
        return response

    async def _keep(self, attachment: Attachment, response: ProviderResponse) -> Attachment | str:
        try:
            sha256 = await self._media.put(response.body)
        except MediaError as error:
            return str(error)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not _MEDIA_TYPE.fullmatch(media_type) or media_type == _ANY_BYTES:  # what the message said tells more
            media_type = attachment.media_type
        return msgspec.structs.replace(
            attachment, sha256=sha256, size=len(response.body), media_type=media_type, state="ready", problem=None
        )

    async def _report(self, shard: str, effect: Fetch, attachment: Attachment) -> None:
        command = AttachmentFetched(conversation=effect.conversation, message=effect.message, attachment=attachment)
        while True:
            try:
                await self._appender.append(shard, command)
                return
            except StoreError as error:
                log.warning("report.waits", attachment=effect.attachment, error=type(error).__name__)
                await asyncio.sleep(0.5)


def _is_there(response: ProviderResponse) -> bool:
    return response.failure is None and response.status == 200


def _meaning(attachment: Attachment, response: ProviderResponse) -> Attachment | str:
    if response.failure == "too_large":
        return _failed(attachment, "it is larger than this installation takes")
    if response.failure is not None and response.body:  # refused by our own guard: no other try would end otherwise
        return _failed(attachment, f"it is not fetched: {response.body.decode()}")
    if response.failure is not None:
        return f"the provider could not be reached ({response.failure})"
    if response.status in (202, 408, 425, 429) or response.status >= 500:
        return f"the provider answered {response.status}"
    return _failed(attachment, f"the provider answered {response.status}: it is gone, or was never there")


def _failed(attachment: Attachment, why: str) -> Attachment:
    return msgspec.structs.replace(attachment, state="failed", problem=why)
