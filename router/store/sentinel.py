"""Asking sentinels where the primary is: at every new connection, and all the time beside.

After a failover the old primary may take writes, and lose them, for ten seconds more before sentinels demote it. So it
is not enough to hear READONLY.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from router.store.dial import Dialer
from router.store.errors import StoreConfigError, StoreError, StoreUnavailable
from router.store.resp import pack
from router.store.url import Endpoint

_POLL_S: Final = 0.5


class Sentinels:
    """Finds the primary of one service. The sentinel that answered last is asked first."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._sentinels = list(dialer.address.endpoints)
        self._service = dialer.address.service
        self._primary: Endpoint | None = None

    async def primary(self) -> Endpoint:
        """Where the sentinels say the primary is.

        Raises `StoreUnavailable` when none answers, `StoreConfigError` when they answer but do not know the service.
        """
        errors = []
        for sentinel in list(self._sentinels):
            try:
                found = await self._ask(sentinel)
            except StoreError as error:
                errors.append(error)
            else:
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)
                return found
        raise self._nobody(errors)

    async def watch(self, moved: Callable[[Endpoint], None]) -> None:
        """Call `moved` with the new primary whenever the sentinels name another. Runs until cancelled."""
        while True:
            with contextlib.suppress(StoreError):  # no answer says nothing about the primary
                self._compare(await self.primary(), moved)
            await asyncio.sleep(_POLL_S)

    def _compare(self, found: Endpoint, moved: Callable[[Endpoint], None]) -> None:
        if self._primary not in (None, found):
            moved(found)
        self._primary = found

    async def _ask(self, sentinel: Endpoint) -> Endpoint:
        wire = await self._dialer.open(sentinel, "madoguchi:sentinel", self._dialer.sentinel_login)
        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)
        try:
            answer = await wire.ask(pack(command), self._dialer.settings.connect_timeout_ms / 1000)
        finally:
            wire.close()
        if answer is None:
            raise StoreConfigError(f"the sentinel {sentinel.name} knows no service {self._service!r}")
        return Endpoint(answer[0].decode(), int(answer[1]))

    def _nobody(self, errors: list[StoreError]) -> StoreError:
        reasons = "; ".join(map(str, errors))
        wrong = [error for error in errors if isinstance(error, StoreConfigError)]
        if len(wrong) == len(errors):
            return StoreConfigError(reasons)
        return StoreUnavailable(f"no sentinel helped: {reasons}")
