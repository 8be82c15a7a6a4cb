"""Waiting for the next of several things with a deadline, without losing what an iterator was about to give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


async def with_beats(entries: AsyncIterator[T], every_s: float) -> AsyncIterator[T | None]:
    """The entries, and None whenever nothing came for a while.

    A cancelled ``anext`` would end the iterator, so the waiting is done beside it.
    """
    coming = asyncio.ensure_future(_next(entries))
    try:
        while True:
            done, _ = await asyncio.wait((coming,), timeout=every_s)
            if not done:
                yield None
                continue
            try:
                entry = coming.result()
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(_next(entries))
            yield entry
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


@asynccontextmanager
async def closing(entries: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Ends the iterator with the block, and what it holds."""
    try:
        yield entries
    finally:
        if isinstance(entries, AsyncGenerator):
            await entries.aclose()


async def _next(entries: AsyncIterator[T]) -> T:
    return await anext(entries)
