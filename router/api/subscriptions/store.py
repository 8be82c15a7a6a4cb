"""Subscriptions in the store. Everything of one subscription shares a hash tag, so that it changes in one go."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from contracts.streams import LAYOUT
from router.api.subscriptions.model import Delivery, Health, Item, Kept, Tries
from router.store.errors import StoreError
from router.store.lane import Lane

ALL: Final = f"{LAYOUT}:sub:all"
LOG: Final = 200
REDELIVERY: Final = "!"
"""Begins the lanes of redeliveries, which belong to no conversation's order."""

_encode = msgspec.msgpack.encode


def _key(id: str, name: str) -> str:
    return f"{LAYOUT}:sub:{{{id}}}:{name}"


class SubscriptionStore:
    """What is known of subscriptions. ``lane`` should be durable: the cursor says what need not be sent again."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    # -- the subscriptions ------------------------------------------------------------------------------------------

    async def all(self) -> list[Kept]:
        """Every one, oldest first."""
        values = await self._lane.call(ALL, "HVALS", ALL)
        kept = [msgspec.msgpack.decode(value, type=Kept) for value in values]
        return sorted(kept, key=lambda one: (one.subscription.created_at, one.subscription.id))

    async def get(self, id: str) -> Kept | None:
        """One of them."""
        value = await self._lane.call(ALL, "HGET", ALL, id)
        return None if value is None else msgspec.msgpack.decode(value, type=Kept)

    async def put(self, kept: Kept) -> None:
        """Makes or changes it."""
        await self._lane.call(ALL, "HSET", ALL, kept.subscription.id, _encode(kept))

    async def delete(self, id: str) -> bool:
        """Removes it and all that waits for it."""
        removed = await self._lane.call(ALL, "HDEL", ALL, id)
        lanes = await self.lanes(id)
        names = ["cursor", "lanes", "tries", "log", "health", *(f"lane:{lane}" for lane in lanes)]
        keys = [_key(id, name) for name in names]
        await self._lane.call(keys[0], "UNLINK", *keys)
        return bool(removed)

    # -- where it is ------------------------------------------------------------------------------------------------

    async def cursor(self, id: str) -> str | None:
        """The token up to which every event was delivered or set aside for a retry."""
        value = await self._lane.call(_key(id, "cursor"), "GET", _key(id, "cursor"))
        return None if value is None else value.decode("ascii")

    async def move(self, id: str, token: str) -> None:
        """Moves the cursor."""
        await self._lane.call(_key(id, "cursor"), "SET", _key(id, "cursor"), token)

    # -- what waits for a retry -------------------------------------------------------------------------------------

    async def lanes(self, id: str) -> dict[str, int]:
        """Blocked lanes, with the time in milliseconds at which their head is due."""
        flat = await self._lane.call(_key(id, "lanes"), "ZRANGE", _key(id, "lanes"), 0, -1, "WITHSCORES")
        return {name.decode(): int(float(due)) for name, due in zip(flat[::2], flat[1::2], strict=True)}

    async def due(self, id: str, now_ms: int, most: int) -> list[str]:
        """Lanes whose head is due."""
        key = _key(id, "lanes")
        return [
            name.decode() for name in await self._lane.call(key, "ZRANGEBYSCORE", key, "-inf", now_ms, "LIMIT", 0, most)
        ]

    async def waiting(self, id: str, lane: str) -> int:
        """How many events wait in a lane."""
        return int(await self._lane.call(_key(id, f"lane:{lane}"), "ZCARD", _key(id, f"lane:{lane}")))

    async def head(self, id: str, lane: str) -> tuple[Item | None, Tries]:
        """The next event of a lane and what was tried."""
        key, tries = _key(id, f"lane:{lane}"), _key(id, "tries")
        found, tried = await asyncio.gather(
            self._lane.call(key, "ZRANGE", key, 0, 0), self._lane.call(tries, "HGET", tries, lane)
        )
        item = msgspec.msgpack.decode(found[0], type=Item) if found else None
        return item, msgspec.msgpack.decode(tried, type=Tries) if tried else Tries(0, 0)

    async def block(self, id: str, lane: str, items: list[Item], due_ms: int, tries: Tries) -> None:
        """Sets events aside; their head is due then. The same event is kept once, however often it is set aside."""
        await self._together(
            id,
            *(self._zadd(id, lane, item) for item in items),
            ("ZADD", _key(id, "lanes"), due_ms, lane),
            ("HSET", _key(id, "tries"), lane, _encode(tries)),
        )

    async def add(self, id: str, lane: str, item: Item) -> None:
        """Sets one more event aside in a lane that is blocked."""
        await self._together(id, self._zadd(id, lane, item), ("ZADD", _key(id, "lanes"), "NX", 0, lane))

    async def settle(self, id: str, lane: str, item: Item) -> None:
        """The head is delivered, or given up: the next one starts anew."""
        await self._together(id, ("ZREM", _key(id, f"lane:{lane}"), _encode(item)), ("HDEL", _key(id, "tries"), lane))

    async def postpone(self, id: str, lane: str, due_ms: int, tries: Tries) -> None:
        """The head failed again."""
        await self._together(
            id, ("ZADD", _key(id, "lanes"), due_ms, lane), ("HSET", _key(id, "tries"), lane, _encode(tries))
        )

    async def free(self, id: str, lane: str) -> None:
        """Nothing waits in the lane any more."""
        await self._together(id, ("ZREM", _key(id, "lanes"), lane), ("HDEL", _key(id, "tries"), lane))

    def _zadd(self, id: str, lane: str, item: Item) -> tuple[Any, ...]:
        return ("ZADD", _key(id, f"lane:{lane}"), "NX", repr(item.place), _encode(item))

    async def _together(self, id: str, *commands: tuple[Any, ...]) -> None:
        key = _key(id, "lanes")
        # One after another without an await between: a lane keeps a transaction together only then.
        futures = [self._lane.call(key, *command) for command in (("MULTI",), *commands, ("EXEC",))]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for answer in (*answers, *(answers[-1] if isinstance(answers[-1], list) else ())):
            if isinstance(answer, BaseException):
                raise answer

    # -- what came of it --------------------------------------------------------------------------------------------

    async def log(self, id: str, delivery: Delivery) -> None:
        """Notes an attempt; the last 200 are kept. A log that cannot be written holds nothing up."""
        key = _key(id, "log")
        calls = [self._lane.call(key, "LPUSH", key, _encode(delivery)), self._lane.call(key, "LTRIM", key, 0, LOG - 1)]
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(answer, BaseException) and not isinstance(answer, StoreError):
                raise answer

    async def deliveries(self, id: str, start: int, stop: int) -> list[Delivery]:
        """Attempts, the latest first."""
        values = await self._lane.call(_key(id, "log"), "LRANGE", _key(id, "log"), start, stop)
        return [msgspec.msgpack.decode(value, type=Delivery) for value in values]

    async def set_health(self, id: str, health: Health) -> None:
        """Notes how the endpoint does."""
        await self._lane.call(_key(id, "health"), "SET", _key(id, "health"), _encode(health))

    async def health(self, id: str) -> Health:
        """How the endpoint does, as last noted."""
        value = await self._lane.call(_key(id, "health"), "GET", _key(id, "health"))
        return Health() if value is None else msgspec.msgpack.decode(value, type=Health)
