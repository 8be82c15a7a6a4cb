"""Reaching the store from a command: a configured one, or the embedded one of a service that runs here."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import AsyncIterator
from urllib.parse import quote

from contracts.streams import LAYOUT
from router.cli.failure import Failure
from router.settings import Settings
from router.shards import keys
from router.store import Store
from router.store.configured import FOLDER, store_settings
from router.store.lock import FileLock


@contextlib.asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Store]:
    """The store, open.

    Raises:
        Failure: no URL is set and no service with a store of its own runs here. None is started.
        StoreError: it does not answer, or is not what is needed.
    """
    store = await Store.open(store_settings(settings, url_of(settings)))
    try:
        yield store
    finally:
        await store.close()


def url_of(settings: Settings) -> str:
    """Where the store is reached from outside the service."""
    if settings.store.url is not None:
        return settings.store.url.reveal()
    folder = (pathlib.Path(settings.service.data_dir) / FOLDER).expanduser().absolute()
    socket = folder / "valkey.sock"
    if not _is_held(folder / "server.lock"):
        raise Failure(
            f"no service with a store of its own runs in {folder}", "start it (madoguchi serve), or set store.url"
        )
    if not socket.exists():
        raise Failure(f"the store's socket is not in {folder}", "wait until the service has started")
    return f"unix://{quote(str(socket.resolve()))}"  # a link, when the path was too long for a socket


def _is_held(file: pathlib.Path) -> bool:
    """Does a server hold its lock?"""
    if not file.exists():
        return False
    lock = FileLock(file)
    try:
        return not lock.try_lock()
    finally:
        lock.close()


async def shard_count(store: Store, settings: Settings) -> int:
    """The number of conversation shards that the store was made with; the configured one when it is still new.

    Raises:
        Failure: the store has another layout than this version.
    """
    layout, shards = await store.lane("cli").call(keys.LAYOUT_KEY, "HMGET", keys.LAYOUT_KEY, "layout", "shards")
    if layout is not None and layout.decode() != LAYOUT:
        raise Failure(
            f"the store has key layout {layout.decode()}, and this version works with {LAYOUT}", "upgrade one"
        )
    return int(shards) if shards is not None else settings.shards.conversation
