"""How fast an account may be called, shared between all copies without a script: each copy takes permits in batches.

One sorted set per account holds, for the account itself and for every person lately written to, the time at which the
next call may be made (GCRA's theoretical arrival time, in microseconds of the store's clock), and until when the
provider wants to be left alone. ``ZADD GT`` lifts a time to now and never lowers it, ``ZINCRBY`` takes the permits:
in one ``MULTI`` that is the whole algorithm, atomic and on one slot. Times that have passed mean nothing and are
dropped on the way, so the key stays small and ends by itself.
"""

from __future__ import annotations

import time
from typing import Any, Final

import structlog

from router.shards import keys
from router.store.errors import StoreError
from router.store.lane import Lane

log = structlog.get_logger("madoguchi.delivery")

_ACCOUNT: Final = "account"
_PAUSE: Final = "pause"
_KEPT_MS: Final = 90_000_000
"""A little more than the longest pause."""
_FRESH_S: Final = 0.05
"""What is known of a pause is believed for so long."""
_COPIES_AGAIN_S: Final = 10.0
_COPY_LIVES_S: Final = 30.0


class Budget:
    """One account's permits, as this copy sees them. Times are seconds of the store's clock (:meth:`now`)."""

    def __init__(self, lane: Lane, account: str, copy: str, rate: float | None) -> None:
        self._lane = lane
        self._key = keys.pace(account)
        self._copies_key = keys.pace_copies(account)
        self._copy = copy
        self.rate = rate
        self.copies = 1
        """Copies that call this account, as last counted: one's own share when the store is away."""
        self.paused_until = 0.0
        self._offset = 0.0
        self._looked = -1e9
        self._counted = -1e9
        self._own_next: dict[str, float] = {}

    def now(self) -> float:
        """The store's time, as far as it is known."""
        return time.time() + self._offset

    async def take(self, count: int) -> list[float]:
        """When each of ``count`` calls to the account may be made. Not before :attr:`paused_until` in any case."""
        if self.rate is None:
            await self._look()
            return [self.now()] * count
        return await self._reserve(_ACCOUNT, count, self.rate, 1)

    async def take_person(self, person: str, rate: float, burst: int) -> float:
        """When a call to this person may be made."""
        (at,) = await self._reserve(f"p:{person}", 1, rate, burst)
        return at

    async def pause(self, seconds: float, person: str | None = None) -> None:
        """The provider wants to be left alone for so long: by all copies; or only this person does."""
        until = self.now() + seconds
        if person is None:
            self.paused_until = max(self.paused_until, until)
        member = _PAUSE if person is None else f"p:{person}"
        try:
            self._lane.call(self._key, "ZADD", self._key, "GT", round(until * 1e6), member).add_done_callback(_ignore)
            await self._lane.call(self._key, "PEXPIRE", self._key, _KEPT_MS)
        except StoreError as error:
            log.warning("pause.not_shared", error=type(error).__name__)  # the others hear it from the provider

    # -- with the store ---------------------------------------------------------------------------------------------

    async def _reserve(self, member: str, count: int, rate: float, burst: int) -> list[float]:
        step = 1e6 / rate
        try:
            await self._count_copies()
            floor = round(self.now() * 1e6 - (burst - 1) * step)
            taken = await self._exec(
                ("ZADD", self._key, "GT", floor, member),
                ("ZINCRBY", self._key, f"{count * step:.0f}", member),
                ("PEXPIRE", self._key, _KEPT_MS),
            )
        except StoreError:
            return self._own_share(member, count, rate)
        end = float(taken[1])
        return [(end - (count - number) * step) / 1e6 for number in range(count)]

    async def _look(self) -> None:
        """Whether somebody was told to wait; asked again only after a moment."""
        if time.monotonic() - self._looked < _FRESH_S:
            return
        try:
            await self._count_copies()
            await self._exec()
        except StoreError as error:
            log.debug("pause.not_known", error=type(error).__name__)

    async def _exec(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The answers to the commands; on the way the pause and the store's clock are learnt."""
        call, key = self._lane.call, self._key
        before = [call(key, "MULTI"), *(call(key, *command) for command in commands)]
        before += [call(key, "ZSCORE", key, _PAUSE), call(key, "TIME")]
        for future in before:
            future.add_done_callback(_ignore)
        answers = await call(key, "EXEC")
        for answer in answers:
            if isinstance(answer, StoreError):
                raise answer
        seconds, micros = (int(part) for part in answers[-1])
        self._offset = seconds + micros / 1e6 - time.time()
        self._looked = time.monotonic()
        pause = answers[-2]
        self.paused_until = max(self.paused_until, float(pause) / 1e6 if pause is not None else 0.0)
        return list(answers[:-2])

    async def _count_copies(self) -> None:
        """Once in a while: we are here, and how many are we? And what has passed is dropped."""
        if time.monotonic() - self._counted < _COPIES_AGAIN_S:
            return
        key, now = self._copies_key, (await self._time()) * 1e3
        call = self._lane.call
        futures = [
            call(key, "ZADD", key, round(now + _COPY_LIVES_S * 1e3), self._copy),
            call(key, "ZREMRANGEBYSCORE", key, "-inf", round(now)),
            call(key, "PEXPIRE", key, round(_COPY_LIVES_S * 2e3)),
            call(self._key, "ZREMRANGEBYSCORE", self._key, "-inf", round(now * 1e3)),
        ]
        for future in futures:
            future.add_done_callback(_ignore)
        self.copies = max(1, int(await call(key, "ZCARD", key)))
        self._counted = time.monotonic()

    async def _time(self) -> float:
        seconds, micros = (int(part) for part in await self._lane.call(self._key, "TIME"))
        now = seconds + micros / 1e6
        self._offset = now - time.time()
        return now

    # -- without it -------------------------------------------------------------------------------------------------

    def _own_share(self, member: str, count: int, rate: float) -> list[float]:
        """The store is away: nobody is faster than their share."""
        step, now = self.copies / rate, self.now()
        start = max(self._own_next.get(member, 0.0), now)
        if len(self._own_next) > 10_000:
            self._own_next = {each: at for each, at in self._own_next.items() if at > now}
        self._own_next[member] = start + count * step
        return [start + number * step for number in range(count)]


def _ignore(future: Any) -> None:
    """The answer that counts is another's; a lost connection is told by that one."""
    if not future.cancelled():
        future.exception()
