"""Courtesies: showing the customer that an agent types or has read, on channels that know of it. Best effort, never
stored, never awaited by anybody."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from connectors.api import ProviderRequest
from contracts.conversation import Reach
from contracts.message import Message
from router.accounts import Account, Accounts

log = structlog.get_logger("madoguchi.delivery")

AGAIN_S: Final = 10.0
"""Typing is shown again to the same customer no sooner."""
_AT_ONCE: Final = 8
_MOST_REMEMBERED: Final = 10_000


class Courtesies:
    """Calls providers for what is nice to have. One per process."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._shown: dict[tuple[str, str], float] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._calls: set[asyncio.Task[None]] = set()

    def typing(self, reach: Reach, on: bool) -> None:
        """An agent types an answer that would go this way, or stopped. Returns at once."""
        account = self._accounts.get(reach.account)
        if account is None or not account.connector.manifest.typing or (on and self._is_shown(reach)):
            return
        self._begin(account, account.connector.typing_in(reach, on))

    def read(self, message: Message) -> None:
        """An agent has read this message of the customer. Returns at once."""
        account = self._accounts.get(message.account)
        if account is not None and account.connector.manifest.read_marks and message.direction == "inbound":
            self._begin(account, account.connector.read_request(message.extra or {}))

    async def stop(self) -> None:
        """Drops what is under way."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _is_shown(self, reach: Reach) -> bool:
        key, now = (reach.account, reach.address), time.monotonic()
        if now - self._shown.get(key, -AGAIN_S) < AGAIN_S:
            return True
        if len(self._shown) >= _MOST_REMEMBERED:
            self._shown.clear()
        self._shown[key] = now
        return False

    def _begin(self, account: Account, request: ProviderRequest | None) -> None:
        if request is not None and len(self._calls) < 10 * _AT_ONCE:
            call = asyncio.create_task(self._call(account, request), name=f"courtesy.{account.name}")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, account: Account, request: ProviderRequest) -> None:
        async with self._slots:
            response = await account.http.call(request)
        if response.failure is not None or response.status >= 400:
            log.debug("courtesy.lost", account=account.name, status=response.status)
