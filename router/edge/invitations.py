"""Customers who want to go on elsewhere and have no page to show them where: their connector tells them, by calls of
its own (an SMS to who is on the telephone). Best effort; what they asked is on the timeline anyway."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from contracts import ids
from router.accounts import Account
from router.edge.invite import Inviter
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.edge")

AGAIN_S: Final = 60.0
"""The same customer is told again no sooner: a provider may say twice that they asked."""
_AT_ONCE: Final = 50
_MOST_REMEMBERED: Final = 10_000


class Invitations:
    """Makes invitations and has them told. One per process."""

    def __init__(self, inviter: Inviter) -> None:
        self._inviter = inviter
        self._told: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, account: Account, address: str) -> None:
        """Returns at once."""
        identity = ids.identity_key(account.channel, account.name, address)
        now = time.monotonic()
        if now - self._told.get(identity, -AGAIN_S) < AGAIN_S or len(self._tasks) >= _AT_ONCE:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[identity] = now
        task = asyncio.create_task(self._tell(account, address, identity), name=f"invitation.{account.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Drops what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, account: Account, address: str, identity: str) -> None:
        try:
            invitation = await self._inviter.invite_identity(identity)
        except StoreError as error:
            log.info("invitation.lost", account=account.name, error=type(error).__name__)
            return
        if invitation is None:
            return
        links = {name: link for name, link in invitation.links.items() if name != account.name}
        for request in account.connector.invited(address, invitation.code, links):
            response = await account.http.call(request)
            if response.failure is not None or response.status >= 400:
                log.info("invitation.lost", account=account.name, status=response.status)
