"""A cluster: which node serves which slot, and a lane that follows it without losing the order of its commands."""

from __future__ import annotations

import asyncio
import functools
from binascii import crc_hqx
from collections.abc import Awaitable, Callable
from typing import Any, Final

from router.store.dial import Dialer
from router.store.errors import Redirected, ReplyError, StoreConfigError, StoreError, StoreRefused, StoreUnavailable
from router.store.lane import Channel, Lane
from router.store.resp import pack
from router.store.settings import StoreSettings
from router.store.url import Endpoint
from router.store.wire import Future, Wire

Command = tuple[bytes, Future, float | None]

_SLOTS: Final = 16384
_REFRESH_PAUSE_S: Final = 0.2
_MOST_HOPS: Final = 5
_ASKING: Final = pack(("ASKING",))


@functools.lru_cache(maxsize=65536)
def slot_of(key: str | bytes) -> int:
    """The hash slot of a key: CRC16 of its hash tag, or of all of it."""
    data = key.encode() if isinstance(key, str) else key
    start = data.find(b"{")
    if start >= 0:
        end = data.find(b"}", start + 1)
        if end > start + 1:
            data = data[start + 1 : end]
    return crc_hqx(data, 0) % _SLOTS


class ClusterMap:
    """Slot -> primary, as the cluster tells it. Shared by all lanes; refreshed when a node redirects or is gone."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._owners: list[str] = [""] * _SLOTS
        self._known: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in dialer.address.endpoints}
        self._refreshing: asyncio.Task[None] | None = None

    slot = staticmethod(slot_of)

    def owner(self, slot: int) -> str:
        """The name of the node that serves the slot; empty when nobody does."""
        return self._owners[slot]

    def nodes(self) -> list[str]:
        """All primaries that serve slots."""
        return sorted({owner for owner in self._owners if owner})

    def learn(self, slot: int, node: str) -> None:
        """One slot has moved; others probably have, too."""
        self._owners[slot] = node
        self.refresh_soon()

    async def dial(self, node: str, name: str, durable: bool) -> Wire:
        """Connect to a node by its name. A node that cannot be reached makes the map suspect."""
        if not node:
            self.refresh_soon()
            raise StoreUnavailable("no node of the cluster serves this slot")
        try:
            return await self._dialer.dial(Endpoint.from_name(node), name, durable)
        except StoreUnavailable:
            self.refresh_soon()
            raise

    def refresh_soon(self) -> None:
        """Read the map again in the background, once for all who ask within a moment."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh(), name="store.cluster.refresh")

    async def _refresh(self) -> None:
        await asyncio.sleep(_REFRESH_PAUSE_S)
        try:
            await self.load()
        except StoreError:
            return  # whoever needs a node that is gone will ask again

    async def close(self) -> None:
        """Stop refreshing."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    async def load(self) -> None:
        """Read the map from the first node that answers. Raises the last `StoreError` when none does."""
        error: StoreError = StoreUnavailable("no node of the cluster is known")
        for endpoint in list(self._known.values()):
            try:
                self._take(endpoint, await self._ask(endpoint))
                return
            except StoreError as failed:
                error = failed
                self._known[endpoint.name] = self._known.pop(endpoint.name)  # asked last from now on
        raise error

    async def _ask(self, endpoint: Endpoint) -> list[Any]:
        wire = await self._dialer.open(endpoint, "madoguchi:map")
        try:
            answer: list[Any] = await wire.ask(pack(("CLUSTER", "SLOTS")))
        except ReplyError as error:
            raise StoreConfigError(f"{endpoint.name} is not part of a cluster ({error})") from error
        finally:
            wire.close()
        return answer

    def _take(self, asked: Endpoint, ranges: list[Any]) -> None:
        owners = [""] * _SLOTS
        for first, last, primary, *replicas in ranges:
            owner = self._remember(asked, primary)
            owners[first : last + 1] = [owner] * (last + 1 - first)
            for replica in replicas:
                self._remember(asked, replica)
        self._owners = owners

    def _remember(self, asked: Endpoint, node: list[Any]) -> str:
        """Nodes answer with an empty host for themselves when they do not know it: then it is the one we used."""
        endpoint = Endpoint((node[0] or b"").decode() or asked.host, int(node[1]))
        self._known.setdefault(endpoint.name, endpoint)
        return endpoint.name


class Parked:
    """Commands to a slot that is changing its node."""

    __slots__ = ("new", "redirected")

    def __init__(self) -> None:
        self.redirected: list[Command] = []
        self.new: list[Command] = []


class ClusterLane(Lane):
    """A lane over the primaries of a cluster.

    When a slot changes its node, commands to it are *parked* until the old node has answered all that this lane had
    sent there. Then those that the old node redirected go to the new one, in the order of its answers, and after them
    the new ones. So at most one node at a time has commands of a slot under way.
    """

    def __init__(
        self, name: str, dial: Callable[[str], Awaitable[Wire]], settings: StoreSettings, slots: ClusterMap
    ) -> None:
        super().__init__(name, dial, settings)
        self._map = slots
        self._channels: dict[str, Channel] = {}
        self._used: dict[int, str] = {}
        self._parked: dict[int, Parked] = {}
        self._parked_bytes = 0
        self._hops: dict[Future, int] = {}

    def call(self, key: str | bytes, *args: bytes | str | int, timeout: float | None = None) -> asyncio.Future[Any]:
        """See `Lane.call`."""
        future = self._loop.create_future()
        slot = slot_of(key)
        if self._parked or self._used.get(slot) != self._map.owner(slot):
            self._place(slot, (pack(args), future, timeout))
        else:
            self._channel_to(self._used[slot]).submit(pack(args), future, timeout)
        return future

    async def close(self) -> None:
        """See `Lane.close`."""
        self.closed = True
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def _place(self, slot: int, command: Command, again: bool = False) -> None:
        self._turn(slot, self._map.owner(slot))
        parked = self._parked.get(slot)
        if parked is None:
            self._channel_to(self._used[slot]).submit(*command)
        elif self._parked_bytes > self._settings.max_buffer_bytes:
            _refuse(command[1], StoreRefused(f"BUSY {self._parked_bytes} bytes wait for slots that move"))
        else:
            self._parked_bytes += len(command[0])
            (parked.redirected if again else parked.new).append(command)

    def _turn(self, slot: int, owner: str) -> None:
        """Point the slot at its owner, behind whatever is still under way at the node used before."""
        before = self._used.get(slot)
        self._used[slot] = owner
        if before is None or before == owner or slot in self._parked:
            return

        def unpark() -> None:
            self._unpark(slot)

        if self._channel_to(before).when_idle(unpark):
            self._parked[slot] = Parked()

    def _unpark(self, slot: int) -> None:
        parked = self._parked.pop(slot)
        for command in (*parked.redirected, *parked.new):
            self._parked_bytes -= len(command[0])
            self._place(slot, command)

    def _channel_to(self, node: str) -> Channel:
        channel = self._channels.get(node)
        if channel is None:
            channel = self._channels[node] = self._open_channel(node)
        return channel

    def _open_channel(self, node: str) -> Channel:
        async def dial() -> Wire:
            return await self._dial(node)

        return Channel(node or "the cluster", dial, self._settings, self)

    def learn(self, where: Redirected) -> None:
        """Remember what a redirection says about its slot; ASK says nothing about the next command."""
        if where.code == "MOVED":
            self._map.learn(where.slot, Endpoint.from_name(where.node).name)

    def follow(self, payload: bytes, future: Future, timeout: float, where: Redirected) -> None:
        """Send a redirected command on, a few times at most, keeping the order of the old node's answers."""
        hops = self._hops.get(future, 0) + 1
        if future.done() or hops > _MOST_HOPS:
            _refuse(future, where)
            return
        if hops == 1:
            future.add_done_callback(self._forget)
        self._hops[future] = hops
        self.learn(where)
        if where.code == "ASK":
            self._ask_there(payload, future, timeout, Endpoint.from_name(where.node).name)
        else:
            self._place(where.slot, (payload, future, timeout), again=True)

    def _forget(self, future: Future) -> None:
        self._hops.pop(future, None)

    def _ask_there(self, payload: bytes, future: Future, timeout: float, node: str) -> None:
        channel = self._channel_to(node)
        leave = self._loop.create_future()
        leave.add_done_callback(_ignore)
        channel.submit(_ASKING, leave, timeout)
        channel.submit(payload, future, timeout)


def _refuse(future: Future, error: StoreError) -> None:
    if not future.done():
        future.set_exception(error)


def _ignore(future: Future) -> None:
    if not future.cancelled():
        future.exception()
