"""What each durability class appends to a batch of writes, and how the answer is judged.

A barrier only tells the truth on the connection that wrote, outside MULTI and scripts; that is why it travels inside
the batch. Its number must be read: WAIT and WAITAOF answer with fewer copies instead of failing.
"""

from __future__ import annotations

from typing import Any

from router.store.errors import StoreError
from router.store.resp import pack
from router.store.settings import Durability
from router.store.wire import Barrier


def barrier_for(durability: Durability, fsyncs_always: bool, timeout_ms: int) -> Barrier | None:
    """The barrier of a class, or None where the answer itself is proof (or none was asked for)."""
    if durability is Durability.REPLICA:
        return Barrier(pack(("WAIT", 1, timeout_ms)), _replicated, timeout_ms / 1000)
    if durability is Durability.DISK and not fsyncs_always:
        return Barrier(pack(("WAITAOF", 1, 0, timeout_ms)), _on_disk, timeout_ms / 1000)
    return None


def _replicated(answer: Any) -> str | None:
    if isinstance(answer, StoreError):
        return f"WAIT failed: {answer}"
    return None if answer >= 1 else "no replica confirmed it in time"


def _on_disk(answer: Any) -> str | None:
    if isinstance(answer, StoreError):
        return f"WAITAOF failed: {answer}"
    return None if answer[0] >= 1 else "its disk did not confirm it in time"
