"""The store: one object that knows how to reach the servers, opened once and shared."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from router.store import facts as about
from router.store.client import Client, close_client, make_client
from router.store.cluster import ClusterLane, ClusterMap
from router.store.dial import Dialer
from router.store.embedded import Embedded
from router.store.errors import StoreConfigError, StoreError, StoreUnavailable
from router.store.facts import ServerFacts, StoreFacts
from router.store.lane import Lane
from router.store.sentinel import Sentinels
from router.store.settings import Durability, StoreSettings
from router.store.url import Endpoint, Kind, mask, parse
from router.store.wire import Wire

_ONLY: Final = "store"


class Store:
    """Reaches Redis or Valkey. Made by `open`; `client` is for the cold path, `lane` for the hot one."""

    def __init__(self, settings: StoreSettings, dialer: Dialer, url: str, embedded: Embedded | None) -> None:
        self.settings = settings
        self.embedded = embedded
        self.url_for_display = mask(url)
        self.is_cluster = dialer.address.kind is Kind.CLUSTER
        self._dialer = dialer
        self._sentinels = Sentinels(dialer) if dialer.address.kind is Kind.SENTINEL else None
        self._map = ClusterMap(dialer) if self.is_cluster else None
        self._lanes: list[Lane] = []
        self._stack = AsyncExitStack()
        self._facts: StoreFacts | None = None
        self._watching: asyncio.Task[None] | None = None
        self.client: Client = make_client(dialer)

    @classmethod
    async def open(cls, settings: StoreSettings) -> Store:
        """Connect, check the servers, learn their arrangement; start the embedded server first when there is no URL.

        Raises `StoreConfigError` when something must be set right, `StoreUnavailable` when nobody answers.
        """
        async with AsyncExitStack() as stack:
            embedded = None
            if settings.url is None:
                embedded = await _start_embedded(settings, stack)
            url = settings.url if embedded is None else embedded.url
            assert url is not None
            store = cls(settings, Dialer(parse(url), settings), url, embedded)
            stack.push_async_callback(store._close_connections)
            await store._check()
            stack.push_async_callback(store._stop_watching)
            store._watch_sentinels()
            store._stack = stack.pop_all()
            return store

    # -- hot path --------------------------------------------------------------------------------------------------

    def lane(self, name: str, *, durable: bool = False) -> Lane:
        """A lane with connections of its own. With `durable`, futures resolve only when the durability class is met."""

        async def dial(node: str) -> Wire:
            return await self._dial(node, f"madoguchi:{name}", durable)

        slots = self._map
        lane = Lane(name, dial, self.settings) if slots is None else ClusterLane(name, dial, self.settings, slots)
        self._lanes = [each for each in self._lanes if not each.closed] + [lane]
        return lane

    def node_of(self, key: str | bytes) -> str:
        """An opaque name of the node that holds a key, to group work by node; one for all keys outside a cluster."""
        return _ONLY if self._map is None else self._map.owner(self._map.slot(key))

    async def _dial(self, node: str, name: str, durable: bool) -> Wire:
        if self._map is not None:
            return await self._map.dial(node, name, durable)
        return await self._dialer.dial(await self._endpoint(), name, durable, primary=self._sentinels is not None)

    async def _endpoint(self) -> Endpoint:
        return self._dialer.address.endpoints[0] if self._sentinels is None else await self._sentinels.primary()

    def _watch_sentinels(self) -> None:
        if self._sentinels is not None:
            watching = self._sentinels.watch(self._primary_moved)
            self._watching = asyncio.create_task(watching, name="store.sentinels")

    def _primary_moved(self, primary: Endpoint) -> None:
        for lane in self._lanes:
            lane.leave(StoreUnavailable(f"the primary is now {primary.name}"))

    async def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    # -- facts -----------------------------------------------------------------------------------------------------

    async def facts(self) -> StoreFacts:
        """Ask the servers how they are. Never raises: `connected` is False when they do not answer."""
        assert self._facts is not None
        try:
            self._facts = self._summary(await self._read())
        except StoreError as error:
            return about.unreachable(self._facts, error)
        return self._facts

    async def _check(self) -> None:
        if self._map is not None:
            await self._map.load()
        servers = await self._read()
        about.judge(servers, self._dialer.address.kind, self.settings.durability)
        self._facts = self._summary(servers)

    def _summary(self, servers: list[ServerFacts]) -> StoreFacts:
        mode = "embedded" if self.embedded is not None else self._dialer.address.kind.value
        return about.summarise(self.url_for_display, mode, self.settings.durability, servers)

    async def _read(self) -> list[ServerFacts]:
        nodes = [""] if self._map is None else self._map.nodes()
        return list(await asyncio.gather(*(self._read_one(node) for node in nodes)))

    async def _read_one(self, node: str) -> ServerFacts:
        wire = await self._dial(node, "madoguchi:facts", False)
        try:
            return await about.read(wire)
        finally:
            wire.close()

    # -- the end ---------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close every lane and the client; stop the embedded server, if it is ours, last."""
        await self._stack.aclose()

    async def _close_connections(self) -> None:
        await asyncio.gather(*(lane.close() for lane in self._lanes))
        self._lanes.clear()
        if self._map is not None:
            await self._map.close()
        await close_client(self.client)


async def _start_embedded(settings: StoreSettings, stack: AsyncExitStack) -> Embedded:
    if settings.durability is Durability.REPLICA:
        raise StoreConfigError("durability 'replica' needs a store URL: the embedded server has no replica")
    embedded = await Embedded.start(settings.data_dir, settings.durability)
    stack.push_async_callback(embedded.stop)
    return embedded
