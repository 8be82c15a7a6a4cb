"""The delivery loop of a worker: sends what is due, one message of a conversation at a time, each account on its own.

Before a send begins, that it begins is committed under the shard's epoch; after it, its outcome is appended as a
command. So when a worker dies in between, its successor knows which sends may have happened: those of a channel with
an idempotency key are sent again with the same key, the others become ``uncertain`` and are never sent twice.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

import structlog

from connectors.api import Failed, Sent, Uncertain, problem
from contracts.codec import moment
from contracts.commands import DeliveryReported
from contracts.message import Message, Problem
from router.accounts import Account, Accounts
from router.delivery.attempt import Attempted, attempt
from router.delivery.outbound import Preparer
from router.domain.conversation.tables import CONVERSATION, DELIVER, MESSAGE
from router.domain.effects import Deliver
from router.shards import keys
from router.shards.append import Appender
from router.shards.state import StateReader
from router.shards.worker import Worker
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.delivery")

SCHEDULE_S: Final = (2, 10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
"""Waits between attempts; after the last the message has failed."""


class Deliveries:
    """Carries out :class:`Deliver` effects."""

    def __init__(
        self, worker: Worker, accounts: Accounts, state: StateReader, appender: Appender, preparer: Preparer
    ) -> None:
        self._worker = worker
        self._accounts = accounts
        self._state = state
        self._appender = appender
        self._preparer = preparer
        self._running: set[str] = set()
        self.sent = 0
        self.failed = 0
        self.uncertain = 0

    async def deliver(self, shard: str, effect: Deliver, begun: dict[str, int]) -> None:
        """Sends one message and reports. ``begun``: sends that a former owner began and did not report."""
        if effect.message in self._running:
            return  # the shard was lost and taken again by us: the send that is under way will report
        self._running.add(effect.message)
        try:
            await self._deliver(shard, effect, begun)
        finally:
            self._running.discard(effect.message)

    async def _deliver(self, shard: str, effect: Deliver, begun: dict[str, int]) -> None:
        await _until(effect.ready_ms)
        message = await self._state.get(shard, MESSAGE, effect.message)
        due = await self._state.get(shard, DELIVER, effect.message)
        if message is None or due is None or due.attempt != effect.attempt:
            return  # settled meanwhile
        account = self._accounts.get(message.account)
        if account is None:
            why = problem("config", f"there is no account {message.account!r} in this installation")
            await self._report(shard, effect, Attempted(Failed(why), due.done_pieces))
        elif begun.get(effect.message) == effect.attempt and not account.connector.manifest.idempotent:
            unclear = Uncertain("the process that was sending it ended before it could say whether it was sent")
            await self._report(shard, effect, Attempted(unclear, due.done_pieces))
        else:
            async with account.sending:
                await self._send(shard, effect, account, message, due.done_pieces)

    async def _send(self, shard: str, effect: Deliver, account: Account, message: Message, done: int) -> None:
        conversation = await self._state.get(shard, CONVERSATION, effect.conversation)
        if conversation is None:
            return
        answered: Message | None = None
        if message.reply_to is not None:
            answered = await self._state.get(shard, MESSAGE, message.reply_to)
        outbound = await self._preparer.prepare(
            account, message, conversation, answered, effect.attempt, done, datetime.now(UTC)
        )
        if isinstance(outbound, Failed):
            await self._report(shard, effect, Attempted(outbound, done))
            return
        if not await self._worker.write(shard, [("HSET", keys.started(shard), effect.message, effect.attempt)]):
            return  # the shard is somebody else's now, and so is this send
        tried = await attempt(account, outbound)
        _note(account, tried)
        await self._report(shard, effect, tried)

    # -- reporting --------------------------------------------------------------------------------------------------

    async def _report(self, shard: str, effect: Deliver, tried: Attempted) -> None:
        command = self._command(effect, tried)
        while True:
            try:
                await self._appender.append(shard, command)
                break
            except StoreError as error:
                # A repeated report is ignored, a lost one would leave the message hanging.
                log.warning("report.waits", message=effect.message, error=type(error).__name__)
                await asyncio.sleep(0.5)
        await self._worker.write(shard, [("HDEL", keys.started(shard), effect.message)])

    def _command(self, effect: Deliver, tried: Attempted) -> DeliveryReported:
        match tried.outcome:
            case Sent(provider_ids=ids, delivered=delivered):
                self.sent += 1
                return _reported(effect, tried, "delivered" if delivered else "sent", provider_ids=ids)
            case Uncertain(reason=reason):
                self.uncertain += 1
                unclear = Problem("uncertain", f"It may or may not have been sent: {reason}.", fault="theirs")
                return _reported(effect, tried, "uncertain", problem=unclear)
            case Failed(problem=why, retry_after_s=after):
                wait = _wait(effect.attempt, after) if why.retryable else None
                if wait is not None:
                    again = moment(time.time_ns() // 1_000_000 + round(wait * 1000))
                    return _reported(effect, tried, "retry", problem=why, retry_at=again)
                self.failed += 1
                return _reported(effect, tried, "failed", problem=why)


def _reported(effect: Deliver, tried: Attempted, result: str, **facts: object) -> DeliveryReported:
    return DeliveryReported(
        conversation=effect.conversation,
        message=effect.message,
        attempt=effect.attempt,
        result=result,  # type: ignore[arg-type]
        sent_parts=tried.done,
        used_token=tried.used_token,
        **facts,  # type: ignore[arg-type]
    )


def _wait(attempt: int, asked: float | None) -> float | None:
    """Seconds until the next attempt: by schedule, or what the provider asked for if that is longer."""
    if attempt > len(SCHEDULE_S):
        return None
    return max(float(SCHEDULE_S[attempt - 1]), asked or 0.0)


def _note(account: Account, tried: Attempted) -> None:
    condition = account.condition("sending")
    match tried.outcome:
        case Sent():
            condition.ok()
        case Failed(problem=why) if why.fault in ("config", "theirs"):
            condition.degraded(why.sentence)
        case _:
            pass


async def _until(ready_ms: int) -> None:
    wait = ready_ms / 1000 - time.time()
    if wait > 0:
        await asyncio.sleep(wait)
