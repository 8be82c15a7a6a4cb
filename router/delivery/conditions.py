"""How each account is at the moment, for those who are about to send: its troubles, and what is left of its quota."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

import structlog

from connectors.api import Quota
from router.accounts import Account, Accounts
from router.domain.reply.facts import Condition

log = structlog.get_logger("madoguchi.delivery")

KNOWN_S: Final = 600.0
"""A quota is asked for again after this long, and only while somebody composes."""
_PATIENCE_S: Final = 1.0
"""Nobody who types waits longer for it; what comes later is known the next time."""


class Conditions:
    """One per process; what it knows of quotas it keeps for a while."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._quotas: dict[str, tuple[float, Quota | None]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def of(self, names: Iterable[str]) -> dict[str, Condition]:
        """The condition of each of these accounts that there is."""
        accounts = [self._accounts[name] for name in dict.fromkeys(names) if name in self._accounts]
        await asyncio.gather(*map(self._refresh, accounts))
        return {each.name: Condition(_trouble(each), self._quotas.get(each.name, (0.0, None))[1]) for each in accounts}

    async def stop(self) -> None:
        """Asks no more."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _refresh(self, account: Account) -> None:
        asked, _ = self._quotas.get(account.name, (-KNOWN_S, None))
        if time.monotonic() - asked < KNOWN_S or not account.connector.manifest.billed_push:
            return
        task = self._asking.get(account.name)
        if task is None or task.done():
            task = asyncio.create_task(self._ask(account), name=f"quota.{account.name}")
            self._asking[account.name] = task
        await asyncio.wait({task}, timeout=_PATIENCE_S)

    async def _ask(self, account: Account) -> None:
        quota: Quota | None = None
        try:
            requests = account.connector.quota_requests()
            responses = [await account.http.call(request) for request in requests]
            quota = account.connector.read_quota(responses) if responses else None
        except Exception as error:
            log.warning("quota.not_read", account=account.name, error=type(error).__name__)
        self._quotas[account.name] = (time.monotonic(), quota)


def _trouble(account: Account) -> str | None:
    condition = account.condition("sending")
    return condition.reason if condition.state == "failed" else None
