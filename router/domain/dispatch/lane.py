"""Agents in an order, in which the first of any set of them is found without looking at everybody before.

A set is a number with one bit for each of its members. A lane keeps its entries in blocks of a bounded size, each with
the set of who is in it: looking for the first of a set, a block without any of them is passed over at the price of one
``&``, which for ten thousand agents is a tenth of a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice

Entry = tuple[int, int, str, int]
"""Sorts a lane: the queue's order, then who was given work least recently. The agent's id comes next, so that two who
were never given anything are told apart the same way on every replay; then the agent's bit."""

_FULL = 128
"""A block of so many is cut in two."""


class Lane:
    """``members``: the set of all."""

    __slots__ = ("_blocks", "_lasts", "_sets", "members")

    def __init__(self, entries: Iterable[Entry]) -> None:
        ordered = sorted(entries)
        self._blocks = [ordered[place : place + _FULL // 2] for place in range(0, len(ordered), _FULL // 2)]
        self._lasts = [block[-1] for block in self._blocks]
        self._sets = [_together(block) for block in self._blocks]
        self.members = 0
        for some in self._sets:
            self.members |= some

    def add(self, entry: Entry) -> None:
        self.members |= entry[3]
        if not self._blocks:
            self._blocks, self._lasts, self._sets = [[entry]], [entry], [entry[3]]
            return
        place = bisect_left(self._lasts, entry)
        if place == len(self._lasts):
            place -= 1
            self._lasts[place] = entry
        block = self._blocks[place]
        insort(block, entry)
        self._sets[place] |= entry[3]
        if len(block) >= _FULL:
            self._cut(place)

    def remove(self, entry: Entry) -> None:
        self.members ^= entry[3]
        place = bisect_left(self._lasts, entry)
        block = self._blocks[place]
        del block[bisect_left(block, entry)]
        if block:
            if entry is self._lasts[place]:
                self._lasts[place] = block[-1]
            self._sets[place] ^= entry[3]
        else:
            del self._blocks[place], self._lasts[place], self._sets[place]

    def first(self, wanted: int) -> Entry | None:
        """The first of the set ``wanted``."""
        for block, some in zip(self._blocks, self._sets, strict=True):
            if some & wanted:
                return next(entry for entry in block if entry[3] & wanted)
        return None

    def these(self, wanted: int, most: int) -> list[Entry]:
        """The first ``most`` of the set ``wanted``."""
        found: list[Entry] = []
        for block, some in zip(self._blocks, self._sets, strict=True):
            if len(found) >= most:
                break
            if some & wanted:
                found += islice((entry for entry in block if entry[3] & wanted), most - len(found))
        return found

    def entries(self) -> list[Entry]:
        """All, in order."""
        return [entry for block in self._blocks for entry in block]

    def _cut(self, place: int) -> None:
        block = self._blocks[place]
        halves = [block[: _FULL // 2], block[_FULL // 2 :]]
        self._blocks[place : place + 1] = halves
        self._lasts[place : place + 1] = [half[-1] for half in halves]
        self._sets[place : place + 1] = [_together(half) for half in halves]


def _together(entries: Iterable[Entry]) -> int:
    members = 0
    for entry in entries:
        members |= entry[3]
    return members
