"""The delivery loop of a worker: sends what is due, one message of a conversation at a time, each account on its own.

Before a send begins, that it begins is committed under the shard's epoch; after it, its outcome is appended as a
command. So when a worker dies in between, its successor knows which sends may have happened: those of a channel with
an idempotency key are sent again with the same key, the others become ``uncertain`` and are never sent twice.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from connectors.api import Failed, Outbound, Sent, Uncertain, problem
from contracts.codec import moment
from contracts.commands import DeliveryReported
from contracts.content import Reaction
from contracts.conversation import Conversation
from contracts.message import Message, Problem
from router.accounts import Account, Accounts
from router.delivery.attempt import Attempted, again_later, attempt
from router.delivery.gate import Held, Lane, Turn
from router.delivery.gates import Gates
from router.delivery.outbound import Preparer, may_have_used_token, reach_of
from router.domain.conversation.tables import CONVERSATION, DELIVER, MESSAGE, Delivery
from router.domain.effects import Deliver
from router.observe.log import error_name
from router.observe.metrics import Metrics
from router.shards import keys
from router.shards.append import Appender
from router.shards.shard import Shard
from router.shards.state import StateReader
from router.shards.worker import Worker
from router.store.errors import StoreError

log = structlog.get_logger("madoguchi.delivery")

SCHEDULE_S: Final = (2, 10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
"""Waits between attempts; after the last the message has failed."""
MOST_WAIT_S: Final = 86_400.0
"""However long a provider asks us to wait."""


@dataclass(slots=True)
class _Running:
    attempt: int
    epoch: int
    task: asyncio.Task[Any]
    begun: bool = False
    """That it begins is committed: whatever comes of it, it will report."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Deliveries:
    """Carries out :class:`Deliver` effects."""

    def __init__(
        self,
        worker: Worker,
        accounts: Accounts,
        state: StateReader,
        appender: Appender,
        preparer: Preparer,
        gates: Gates,
        metrics: Metrics,
    ) -> None:
        self._worker = worker
        self._accounts = accounts
        self._state = state
        self._appender = appender
        self._preparer = preparer
        self._gates = gates
        self._running: dict[str, _Running] = {}
        self.sending: set[asyncio.Task[Any]] = set()
        """Tasks between the beginning of a send and its report."""
        self._metrics = metrics

    async def deliver(self, shard: Shard, effect: Deliver, begun: dict[str, int]) -> None:
        """Sends one message and reports. ``begun``: sends that a former owner began and did not report."""
        epoch = shard.standing.epoch
        while (other := self._running.get(effect.message)) is not None:
            if other.attempt == effect.attempt and (other.epoch == epoch or other.begun):
                return  # it is under way already, and will report
            await other.ended.wait()
        task = asyncio.current_task()
        assert task is not None
        mine = self._running[effect.message] = _Running(effect.attempt, epoch, task)
        try:
            await self._deliver(shard.name, effect, begun)
        finally:
            del self._running[effect.message]
            mine.ended.set()

    async def _deliver(self, shard: str, effect: Deliver, begun: dict[str, int]) -> None:
        await _until(effect.ready_ms)
        message = await self._state.get(shard, MESSAGE, effect.message)
        due = await self._state.get(shard, DELIVER, effect.message)
        if message is None or due is None or due.attempt != effect.attempt:
            return  # settled meanwhile
        conversation = await self._state.get(shard, CONVERSATION, effect.conversation)
        account = self._accounts.get(message.account)
        if conversation is None:
            return
        if account is None:
            why = problem("config", f"there is no account {message.account!r} in this installation")
            await self._report(shard, effect, Attempted(Failed(why), due.done_pieces))
        elif begun.get(effect.message) == effect.attempt and not _may_repeat(account, conversation, message, due):
            unclear = Uncertain("the process that was sending it ended before it could say whether it was sent")
            await self._report(shard, effect, Attempted(unclear, due.done_pieces))
        else:
            try:
                async with self._gates.of(account).turn(message.address, lane_of(message)) as turn:
                    await self._send(shard, effect, account, message, conversation, due.done_pieces, turn)
            except Held as held:
                failed = Failed(again_later(held.problem), held.again_s)
                await self._report(shard, effect, Attempted(failed, due.done_pieces))

    async def _send(
        self,
        shard: str,
        effect: Deliver,
        account: Account,
        message: Message,
        conversation: Conversation,
        done: int,
        turn: Turn,
    ) -> None:
        outbound = await self._prepared(shard, effect, account, message, conversation, done)
        if isinstance(outbound, Failed):
            await self._report(shard, effect, Attempted(outbound, done))
            return
        task = asyncio.current_task()
        assert task is not None
        self.sending.add(task)
        try:
            if not await self._worker.write(shard, [("HSET", keys.started(shard), effect.message, effect.attempt)]):
                return  # the shard is somebody else's now (or ours anew), and so is this send
            self._running[effect.message].begun = True
            began = time.perf_counter()
            if message.state == "queued":
                begins = _reported(effect, Attempted(Sent(), done), "sending")
                self._appender.send(shard, begins).add_done_callback(_unheard)
            tried = await attempt(account, outbound, turn)
            turn.end()
            self._metrics.delivery_seconds.observe(time.perf_counter() - began)
            self._metrics.deliveries[account.name, type(tried.outcome).__name__.lower()] += 1
            await self._report(shard, effect, tried)
        finally:
            self.sending.discard(task)

    async def _prepared(
        self, shard: str, effect: Deliver, account: Account, message: Message, conversation: Conversation, done: int
    ) -> Outbound | Failed:
        answered: Message | None = None
        if message.reply_to is not None:
            answered = await self._state.get(shard, MESSAGE, message.reply_to)
        try:
            return await self._preparer.prepare(
                account,
                message,
                conversation,
                answered,
                effect.attempt,
                done,
                datetime.now(UTC),
                await self._targets(shard, message),
            )
        except StoreError:
            raise
        except Exception as error:
            # Said, or the conversation's later messages would wait for this one for ever.
            log.error("message.not_prepared", message=message.id, error=error_name(error))
            return Failed(Problem("failed", f"It could not be made ready: {type(error).__name__}.", True, "ours"))

    async def _targets(self, shard: str, message: Message) -> dict[str, str]:
        """What the provider calls the messages that this one reacts to."""
        names: dict[str, str] = {}
        for part in message.parts:
            if not isinstance(part, Reaction):
                continue
            target = await self._state.get(shard, MESSAGE, part.target)
            if target is not None and target.provider_id is not None:
                names[target.id] = target.provider_id
        return names

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

    @staticmethod
    def _command(effect: Deliver, tried: Attempted) -> DeliveryReported:
        match tried.outcome:
            case Sent(delivered=delivered):
                return _reported(effect, tried, "delivered" if delivered else "sent")
            case Uncertain(reason=reason):
                unclear = Problem("uncertain", f"It may or may not have been sent: {reason}.", fault="theirs")
                return _reported(effect, tried, "uncertain", problem=unclear)
            case Failed(problem=why, retry_after_s=after):
                wait = _wait(effect.attempt, after) if why.retryable else None
                if wait is not None:
                    again = moment(time.time_ns() // 1_000_000 + round(wait * 1000))
                    return _reported(effect, tried, "retry", problem=why, retry_at=again)
                return _reported(effect, tried, "failed", problem=why)


def _reported(effect: Deliver, tried: Attempted, result: str, **facts: object) -> DeliveryReported:
    return DeliveryReported(
        conversation=effect.conversation,
        message=effect.message,
        attempt=effect.attempt,
        result=result,  # type: ignore[arg-type]
        provider_ids=tried.ids,
        sent_parts=tried.done,
        used_token=tried.used_token,
        **facts,  # type: ignore[arg-type]
    )


def _wait(attempt: int, asked: float | None) -> float | None:
    """Seconds until the next attempt: by schedule, or what the provider asked for if that is longer."""
    if attempt > len(SCHEDULE_S):
        return None
    return max(float(SCHEDULE_S[attempt - 1]), min(asked or 0.0, MOST_WAIT_S))


def _may_repeat(account: Account, conversation: Conversation, message: Message, due: Delivery) -> bool:
    """Whether a send that may have happened can be done again without the customer getting it twice: the channel knows
    repeats, and it did not go by a reply token, of which no channel knows repeats."""
    if not account.connector.manifest.idempotent:
        return False
    return not may_have_used_token(reach_of(conversation, message), moment(due.ready_ms))


def _unheard(future: asyncio.Future[Any]) -> None:
    """That it is being sent may get lost with the store; what came of it is not."""
    if not future.cancelled():
        future.exception()


def lane_of(message: Message) -> Lane:
    """Answers of people before what was said to many, and before notices that nobody waits for."""
    return "bulk" if "bulk" in message.flags or "automatic" in message.flags else "reply"


async def _until(ready_ms: int) -> None:
    wait = ready_ms / 1000 - time.time()
    if wait > 0:
        await asyncio.sleep(wait)
