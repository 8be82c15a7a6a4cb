"""What accounts run besides answering requests: mailboxes, ports, long polls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.api import Batch, Listener
from router.accounts import Account, Accounts
from router.edge.publish import Publisher
from router.shards import keys
from router.shards.leases import Leases
from router.store.lane import Lane


@dataclass(slots=True)
class AccountSink:
    """Implements :class:`connectors.api.Sink` for one listener of one account."""

    account: str
    _account: Account
    _listener: str
    _publisher: Publisher
    _lane: Lane

    async def publish(self, batch: Batch, raw: bytes | None = None) -> None:
        await self._publisher.publish(self._account, batch, raw)
        self.healthy()

    async def set_aside(self, reason: str, payload: bytes) -> None:
        await self._publisher.quarantine(self._account, reason, payload)

    async def load(self, name: str) -> bytes | None:
        key = keys.kept(self.account, name)
        value: bytes | None = await self._lane.call(key, "GET", key)
        return value

    async def save(self, name: str, value: bytes) -> None:
        key = keys.kept(self.account, name)
        await self._lane.call(key, "SET", key, value)

    def healthy(self) -> None:
        self._account.condition(self._listener).ok()

    def troubled(self, reason: str) -> None:
        self._account.condition(self._listener).degraded(reason)


def listening(
    accounts: Accounts, publisher: Publisher, lane: Lane, leases: Leases
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What this copy must run, by task name: a port in every copy, a mailbox in whichever copy holds its lease."""
    tasks: dict[str, Callable[[], Awaitable[None]]] = {}
    for account in accounts.values():
        for listener in account.connector.listeners():
            sink = AccountSink(account.name, account, listener.name, publisher, lane)
            tasks[f"{account.name}.{listener.name}"] = _runner(listener, sink, leases)
    return tasks


def _runner(listener: Listener, sink: AccountSink, leases: Leases) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await listener.run(sink)

    if listener.where == "every_edge":
        return run

    async def hold() -> None:
        await leases.run(f"listen.{sink.account}.{listener.name}", run)

    return hold
