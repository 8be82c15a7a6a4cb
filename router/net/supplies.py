"""What accounts have to fetch now and then (access tokens, a provider's keys), and calls that carry it.

Everything is kept in memory, per process: a token is never stored, and a copy that starts fetches its own.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from connectors.api import Connector, Failed, ProviderRequest, ProviderResponse, Supplied, Supply, Then, problem
from contracts.message import Problem
from router.net.http import MOST_ANSWER, Http

log = structlog.get_logger("madoguchi.net")

MARGIN: Final = 0.9
"""Of its life, what is kept is good for so much: clocks differ, and calls take time."""
MOST_MARGIN_S: Final = 300.0
_AGAIN_S: Final = 5.0
"""What could not be fetched is tried for again no sooner."""
_MOST_STEPS: Final = 4

Call = Callable[[ProviderRequest], Awaitable[ProviderResponse]]


@dataclass(slots=True)
class _Kept:
    """The state of one supply; ``fetched``, ``failed`` and ``until`` by the steady clock."""

    supply: Supply
    lock: asyncio.Lock
    value: bytes | None = None
    until: float = 0.0
    fetched: float | None = None
    failed: float | None = None
    problem: Problem | None = None


class Supplies:
    """Those of one account. Many who need the same at once wait for one call."""

    def __init__(self, connector: Connector[Any], call: Call, clock: Callable[[], float] = time.monotonic) -> None:
        self._connector = connector
        self._call = call
        self._clock = clock
        self._kept = {each.name: _Kept(each, asyncio.Lock()) for each in connector.supplies()}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def known(self) -> dict[str, bytes]:
        """What is there and still good."""
        now = self._clock()
        return {name: kept.value for name, kept in self._kept.items() if kept.value is not None and now < kept.until}

    async def get(self, name: str) -> bytes | Problem:
        """The supply, fetched if need be; or why there is none."""
        kept = self._kept.get(name)
        if kept is None:
            return problem("unsupported", f"there is no supply {name!r}")
        async with kept.lock:
            if (kept.value is None or self._clock() >= kept.until) and not self._within(kept.failed, _AGAIN_S):
                await self._fetch(kept)
            good = kept.value is not None and self._clock() < kept.until
            return kept.value if good and kept.value is not None else kept.problem or problem("unreachable")

    async def renew(self, name: str) -> bool:
        """Fetches it anew, though it looks good, unless that was done a moment ago. True: there is another one now."""
        kept = self._kept.get(name)
        if kept is None:
            return False
        async with kept.lock:
            pause = kept.supply.pause_s if kept.value is not None else 0.0
            if self._within(kept.fetched, pause) or self._within(kept.failed, _AGAIN_S):
                return False
            old = kept.value
            await self._fetch(kept)
            return kept.value != old and kept.value is not None

    def _within(self, since: float | None, seconds: float) -> bool:
        return since is not None and self._clock() - since < seconds

    async def _fetch(self, kept: _Kept) -> None:
        read = await self._read(kept.supply)
        now = self._clock()
        if isinstance(read, Failed):
            kept.failed, kept.problem = now, read.problem
            log.warning("supply.not_fetched", account=self._connector.account, name=kept.supply.name,
                        kind=read.problem.kind, code=read.problem.code)  # fmt: skip
            return
        life = max(read.life_s * MARGIN, read.life_s - MOST_MARGIN_S)
        kept.value, kept.until, kept.fetched, kept.failed, kept.problem = read.value, now + life, now, None, None

    async def _read(self, supply: Supply) -> Supplied | Failed:
        request = supply.request
        for _ in range(_MOST_STEPS):
            response = await self._call(request)
            try:
                read = self._connector.read_supply(supply.name, response)
            except Exception as error:
                return Failed(problem("bad_answer", f"the connector failed: {type(error).__name__}"))
            if not isinstance(read, Then):
                return read
            request = read.request
        return Failed(problem("bad_answer", "the connector wanted ever more calls"))


class AccountHttp(Http):
    """Calls of one account: each is authorised by its connector right before it goes out."""

    def __init__(self, connector: Connector[Any], *, allow_private: bool = False) -> None:
        super().__init__(allow_private=allow_private)
        self._connector = connector
        self._authorises = type(connector).authorise is not Connector.authorise
        self.supplies = Supplies(connector, super().call)

    async def call(self, request: ProviderRequest, *, most: int = MOST_ANSWER) -> ProviderResponse:
        """As :meth:`Http.call`. Without what it needs nothing is sent: the answer is then ``unreachable``, or a 401
        made here when the provider does not know the account. After a 401 of the provider another token is fetched,
        and the call made once more."""
        if not self._authorises:
            return await super().call(request, most=most)
        response = await self._authorised(request, most)
        if response.status == 401 and response.failure is None and request.needs:
            renewed = [await self.supplies.renew(name) for name in request.needs]
            return await self._authorised(request, most) if any(renewed) else response
        return response

    async def _authorised(self, request: ProviderRequest, most: int) -> ProviderResponse:
        supplied: dict[str, bytes] = {}
        for name in request.needs:
            value = await self.supplies.get(name)
            if isinstance(value, Problem):
                failure = "unreachable" if value.retryable else None
                return ProviderResponse(0 if failure else 401, {}, b"" if failure else value.sentence.encode(), failure)
            supplied[name] = value
        try:
            made = self._connector.authorise(request, datetime.now(UTC), secrets.token_hex(16), supplied)
        except Exception as error:
            log.error("connector.failed", account=self._connector.account, error=type(error).__name__)
            return ProviderResponse(failure="unreachable", body=b"the connector failed")
        return await super().call(made, most=most)
