"""The gate of one account: every call to its provider goes through it. Nobody else's calls are held up by it.

It lets through at most ``concurrent`` calls at once (the bulkhead), as fast as all copies together may
(:mod:`router.delivery.budget`), none while the provider wants to be left alone, and none but a trial while the
:mod:`circuit <router.delivery.circuit>` is open. Who waits, waits in one of two lanes: answers of people first, bulk
behind them but never for ever. A conversation has one message under way at a time, so within a lane first come, first
served is fair between conversations; each call of a long message queues anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from connectors.api import Failed, Outcome, ProviderResponse, Sent, problem
from connectors.api.outcome import KINDS
from contracts.codec import iso, moment
from contracts.message import Problem
from router.accounts import Account
from router.delivery.budget import Budget
from router.delivery.circuit import Circuit

log = structlog.get_logger("madoguchi.delivery")

Lane = Literal["reply", "bulk"]

PATIENCE_S: Final = 60.0
"""Who would have to wait longer than this for a closed gate is told so, and comes again."""
REPLIES_PER_BULK: Final = 8
"""After so many answers that went before it, one of the bulk goes."""
_BATCH_S: Final = 0.2
"""Permits are taken for the calls of so long a time at once."""
_STALE_S: Final = 0.5
"""A permit that was not used in time is dropped, or its call would come too close to another copy's."""


class Held(Exception):
    """The gate stays closed for longer than anybody should wait at it."""

    def __init__(self, why: Problem, again_s: float) -> None:
        super().__init__(why.kind)
        self.problem = why
        self.again_s = again_s


@dataclass(slots=True)
class _Waiter:
    since: float
    admitted: asyncio.Future[None]


class Gate:
    """Made once per account and process; closed at the end."""

    def __init__(self, account: Account, budget: Budget) -> None:
        manifest = account.connector.manifest
        self.circuit = Circuit()
        self.budget = budget
        self._account = account
        self._slots = asyncio.Semaphore(manifest.concurrent)
        self._person_rate, self._person_burst = manifest.rate_per_person, manifest.burst_per_person
        self._lanes: dict[Lane, deque[_Waiter]] = {"reply": deque(), "bulk": deque()}
        self._before_bulk = 0
        self._permits: deque[float] = deque()
        self._changed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def turn(self, person: str, lane: Lane) -> AsyncIterator[Turn]:
        """A place among the calls that may be made at once, held within the block.

        Raises:
            Held: there will be none for a long time.
        """
        turn = Turn(self, person, lane)
        await turn.again()
        try:
            yield turn
        finally:
            turn.end()

    def learn(self, outcome: Outcome) -> float | None:
        """What a call told of the account. For one that was throttled: how long the provider is left alone."""
        wait: float | None = None
        if isinstance(outcome, Failed) and outcome.problem.kind == "throttled":
            wait = self.circuit.pause_s(outcome.retry_after_s)
        if self.circuit.note(outcome, self.budget.now()):
            self._turned()
        self._tell(outcome, wait)
        self._changed.set()
        return wait

    async def close(self) -> None:
        """Lets nobody through any more."""
        tasks = [task for task in (self._pump, self._prober) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fail(Held(problem("unreachable", "the service is stopping"), 0.0))

    # -- letting through --------------------------------------------------------------------------------------------

    async def admit(self, person: str, lane: Lane) -> None:
        """Returns when the call may be made; a place is then taken. Raises Held."""
        if self._person_rate is not None:
            at = await self.budget.take_person(person, self._person_rate, self._person_burst)
            await self._sleep(at - self.budget.now())
        loop = asyncio.get_running_loop()
        admitted: asyncio.Future[None] = loop.create_future()
        self._lanes[lane].append(_Waiter(loop.time(), admitted))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._let_through(), name=f"gate.{self._account.name}")
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled() and admitted.exception() is None:
                self.leave(told=False)  # let through at the same moment
            raise

    def leave(self, told: bool) -> None:
        """The call is over; ``told``: what came of it was learnt."""
        self._slots.release()
        if not told:
            self._give_up_trial()

    async def _let_through(self) -> None:
        while self._any_waits():
            await self._slots.acquire()
            admitted = False
            try:
                admitted = await self._is_open() and await self._is_time() and self._next()
            finally:
                if not admitted:
                    self._slots.release()

    async def _is_open(self) -> bool:
        """Waits for the circuit. False: look again, since something changed meanwhile."""
        now = self.budget.now()
        asked = self._prober is not None and not self._prober.done()
        if (not asked or self.circuit.state == "closed") and self.circuit.admits(now):
            return True
        wait = self.circuit.wait_s(now)
        if self.circuit.problem is not None:
            self._fail(Held(self.circuit.problem, wait), asyncio.get_running_loop().time() - PATIENCE_S)
        # What is on trial, a message or a probe, says when it is over.
        await self._until_changed(PATIENCE_S / 4 if asked or not wait else wait)
        return False

    async def _is_time(self) -> bool:
        """Waits for a permit, and for the end of a pause."""
        at = await self._permit()
        paused = self.budget.paused_until - self.budget.now()
        if paused > PATIENCE_S:
            self._fail(Held(problem("throttled"), paused))
        if paused > 0:
            await self._until_changed(min(paused, PATIENCE_S))
            self._give_up_trial()
            return False
        await self._sleep(at - self.budget.now())
        if self.budget.paused_until > self.budget.now() or self.circuit.state == "open":
            self._give_up_trial()
            return False
        return True

    async def _permit(self) -> float:
        now = self.budget.now()
        while self._permits and self._permits[0] < now - _STALE_S:
            self._permits.popleft()
        if not self._permits:
            waiting = sum(map(len, self._lanes.values()))
            rate = self.budget.rate
            most = waiting if rate is None else max(1, int(rate * _BATCH_S))
            self._permits.extend(await self.budget.take(max(1, min(waiting, most))))
        return self._permits.popleft()

    def _next(self) -> bool:
        """Lets one through: an answer, unless the bulk has waited for its turn. False: nobody waits any more."""
        while (lane := self._lane()) is not None:
            admitted = self._lanes[lane].popleft().admitted
            if admitted.done():
                continue
            self._before_bulk = 0 if lane == "bulk" else self._before_bulk + bool(self._lanes["bulk"])
            admitted.set_result(None)
            return True
        self._give_up_trial()
        return False

    def _lane(self) -> Lane | None:
        if self._lanes["bulk"] and (not self._lanes["reply"] or self._before_bulk >= REPLIES_PER_BULK):
            return "bulk"
        return "reply" if self._lanes["reply"] else None

    def _any_waits(self) -> bool:
        for lane in self._lanes.values():
            while lane and lane[0].admitted.done():
                lane.popleft()
        return any(self._lanes.values())

    def _fail(self, held: Held, since: float | None = None) -> None:
        """Sends away everybody, or all who have waited since then or longer."""
        for lane in self._lanes.values():
            while lane and (since is None or lane[0].since <= since):
                admitted = lane.popleft().admitted
                if not admitted.done():
                    admitted.set_exception(held)

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def _until_changed(self, most: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(most):
                await self._changed.wait()
        except TimeoutError:
            return

    # -- the circuit ------------------------------------------------------------------------------------------------

    def _give_up_trial(self) -> None:
        self.circuit.abandon(self.budget.now())
        self._changed.set()

    def _turned(self) -> None:
        """It opened or closed."""
        log.info("circuit.turned", account=self._account.name, state=self.circuit.state)
        probes = self._account.connector.probe_request() is not None
        if self.circuit.state == "open" and probes and (self._prober is None or self._prober.done()):
            self._prober = asyncio.create_task(self._probe(), name=f"probe.{self._account.name}")

    async def _probe(self) -> None:
        """Asks the provider in the messages' stead, until it answers: so it closes by itself."""
        while (request := self._account.connector.probe_request()) is not None:
            await self._sleep(self.circuit.wait_s(self.budget.now()))
            if self.circuit.is_closed:
                return
            if self.circuit.admits(self.budget.now()):
                self.learn(_answered(await self._account.http.call(request)))
            else:
                await self._until_changed(PATIENCE_S)  # a message is on trial

    def _tell(self, outcome: Outcome, wait: float | None) -> None:
        condition = self._account.condition("sending")
        if self.circuit.state != "closed" and self.circuit.problem is not None:
            condition.failed(sentence_of(self.circuit.problem), circuit=self.circuit.state)
        elif isinstance(outcome, Failed) and outcome.problem.fault == "theirs" and not outcome.person:
            condition.degraded(
                sentence_of(outcome.problem), **({} if wait is None else {"paused_until": self._at(wait)})
            )
        elif isinstance(outcome, Sent) or condition.state == "failed":
            for detail in ("paused_until", "circuit"):
                condition.details.pop(detail, None)
            self._account.worked("sending")

    def _at(self, wait: float) -> str:
        return iso(moment(round((self.budget.now() + wait) * 1000)))


class Turn:
    """A place at the gate; each call of a message takes its own."""

    def __init__(self, gate: Gate, person: str, lane: Lane) -> None:
        self._gate, self._person, self._lane = gate, person, lane
        self._held = self._told = self._fresh = False

    async def again(self) -> None:
        """Queues for another call, giving up the place meanwhile. Raises Held."""
        self.end()
        await self._gate.admit(self._person, self._lane)
        self._held, self._told, self._fresh = True, False, True

    async def call(self) -> None:
        """Before each call: the first one uses the place that is held, every other one queues anew. Raises Held."""
        if not self._fresh:
            await self.again()
        self._fresh = False

    async def learn(self, outcome: Outcome) -> None:
        """What came of the call, told to all copies where it concerns them."""
        self._told = True
        wait = self._gate.learn(outcome)
        if wait is not None and isinstance(outcome, Failed):
            await self._gate.budget.pause(wait, self._person if outcome.person else None)

    def end(self) -> None:
        """Gives the place up."""
        if self._held:
            self._held = False
            self._gate.leave(self._told)


def sentence_of(why: Problem) -> str:
    """For health and the log: never the provider's own words, which may repeat what was to be said."""
    known = KINDS.get(why.kind)
    return (why.kind if known is None else known.sentence) + (f" ({why.code})" if why.code else "")


def _answered(response: ProviderResponse) -> Outcome:
    """What a probe's answer means for the account: any answer that is neither trouble nor a locked door is good."""
    if response.failure is not None:
        return Failed(problem("unreachable"))
    if response.status in (401, 403):
        return Failed(problem("config", code=str(response.status)))
    if response.status >= 500 or response.status == 429:
        return Failed(problem("unreachable", code=str(response.status)))
    return Sent()
