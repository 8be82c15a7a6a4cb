"""Looks people up with their provider. Best effort: nothing waits for it."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from contracts import ids
from contracts.commands import ProfileFetched
from contracts.streams import conversation_shard
from router.accounts import Accounts
from router.domain.effects import LookUp
from router.shards.append import Appender
from router.store.errors import StoreError

AT_ONCE: Final = 8
"""A wave of new customers must not become a wave of look-ups beside their messages."""

log = structlog.get_logger("madoguchi.delivery")


class Lookups:
    """Carries out :class:`LookUp` effects."""

    def __init__(self, accounts: Accounts, appender: Appender, shards: int) -> None:
        self._accounts = accounts
        self._appender = appender
        self._shards = shards
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def look_up(self, effect: LookUp) -> None:
        """Asks the provider and tells the identity's shard what it said."""
        account = self._accounts.get(effect.account)
        request = None if account is None else account.connector.profile_request(effect.address, None)
        if account is None or request is None:
            return
        async with self._slots:
            profile = account.connector.read_profile(await account.http.call(request))
        if profile is None:
            return
        key = ids.identity_key(effect.channel, effect.account, effect.address)
        shard = conversation_shard(ids.shard_for(key, self._shards))
        command = ProfileFetched(
            channel=effect.channel, account=effect.account, address=effect.address, profile=profile
        )
        try:
            await self._appender.append(shard, command)
        except StoreError as error:
            log.info("lookup.lost", account=effect.account, error=type(error).__name__)
