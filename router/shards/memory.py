"""What an owner remembers of its shard: values by table and id, bounded, with the knowledge of what is not there."""

from __future__ import annotations

from typing import Any, Final

Key = tuple[str, str]

ABSENT: Final = object()
"""Known not to exist."""


class Memory:
    """Two generations of values: those used lately, and those used before. When the young generation is full, the old
    one is forgotten. Nobody else writes the shard, so what is remembered is true.

    Forgetting is left to :meth:`age`, between batches: what a batch has changed is in the store only when the batch is
    committed, and must not be loaded from there before."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[Key, Any] = {}
        self._old: dict[Key, Any] = {}

    def get(self, key: Key) -> Any:
        """The value, ABSENT, or None when nothing is known."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self._young[key] = value
        return value

    def put(self, key: Key, value: Any) -> None:
        self._young[key] = value

    def age(self) -> bool:
        """Forgets the old generation if the young one is full: everything in it must be committed. True if it did."""
        if len(self._young) <= self._most:
            return False
        self._old = self._young
        self._young = {}
        return True

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
