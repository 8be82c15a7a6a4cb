"""What a store was made for: recorded when it is first used, checked ever after."""

from __future__ import annotations

from contracts.streams import LAYOUT
from router.shards import keys
from router.store.errors import StoreConfigError
from router.store.store import Store


async def check_layout(store: Store, shards: int) -> None:
    """Records the layout version and the number of conversation shards, or compares them.

    Raises:
        StoreConfigError: the store was made with other values; ids name their shard, so they cannot change.
    """
    lane = store.lane("layout", durable=True)
    try:
        for field, value in (("layout", LAYOUT), ("shards", str(shards))):
            await lane.call(keys.LAYOUT_KEY, "HSETNX", keys.LAYOUT_KEY, field, value)
        kept = await lane.call(keys.LAYOUT_KEY, "HMGET", keys.LAYOUT_KEY, "layout", "shards")
    finally:
        await lane.close()
    layout, count = (value.decode() for value in kept)
    if layout != LAYOUT:
        raise StoreConfigError(f"the store has key layout {layout}, this version needs {LAYOUT}; migrate it first")
    if count != str(shards):
        raise StoreConfigError(
            f"the store was made with {count} conversation shards, the configuration says {shards}; "
            f"set shards.conversation = {count} (the number is fixed when a store is first used)"
        )
