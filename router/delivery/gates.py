"""The gates of all accounts of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from router.accounts import Account
from router.delivery.budget import Budget
from router.delivery.gate import Gate
from router.store.lane import Lane


class Gates:
    """One gate per account, made when it is first needed. ``copy``: this process's name among the copies."""

    def __init__(self, accounts: Mapping[str, Account], lane: Lane, copy: str) -> None:
        self._accounts = accounts
        self._lane = lane
        self._copy = copy
        self._gates: dict[str, Gate] = {}

    def of(self, account: Account) -> Gate:
        """The account's gate."""
        gate = self._gates.get(account.name)
        if gate is None:
            budget = Budget(self._lane, account.name, self._copy, rate_of(account))
            gate = self._gates[account.name] = Gate(account, budget)
        return gate

    async def close(self) -> None:
        """Lets nobody through any more."""
        await asyncio.gather(*(gate.close() for gate in self._gates.values()))


def rate_of(account: Account) -> float | None:
    """Calls a second over all copies: the operator's limit, or the provider's, whichever is less."""
    limits = (account.settings.send_per_second, account.connector.manifest.rate_per_second)
    return min((limit for limit in limits if limit is not None), default=None)
