"""A calendar worked out: its open time as sorted spans of moments, a block of days at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from contracts.policy import Calendar
from router.domain.hours.days import Days
from router.domain.hours.zone import day_of, moment_of, zone

_BLOCK_DAYS: Final = 32
_BLOCK_MS: Final = _BLOCK_DAYS * 86_400_000
_FARTHEST: Final = 58
"""Blocks that are looked through before it counts as never: five years."""


class Block:
    """The open spans between two moments, cut off there: ``starts`` and ``ends`` in order, apart from each other, and
    the open time ``before`` each."""

    __slots__ = ("before", "ends", "starts", "total")

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]
        *self.before, self.total = accumulate((end - start for start, end in spans), initial=0)

    def passed(self, at_ms: int) -> int:
        """The open milliseconds from the block's begin to a moment in it."""
        place = bisect_right(self.starts, at_ms) - 1
        return 0 if place < 0 else self.before[place] + min(at_ms, self.ends[place]) - self.starts[place]

    def moment(self, passed: int) -> int:
        """The first moment by which so many open milliseconds have passed; from 1 to ``total``."""
        place = bisect_left(self.before, passed) - 1
        return self.starts[place] + passed - self.before[place]

    def has(self, at_ms: int) -> bool:
        place = bisect_right(self.starts, at_ms) - 1
        return place >= 0 and at_ms < self.ends[place]

    def next_edge(self, at_ms: int) -> int | None:
        """The first start or end after the moment."""
        place = bisect_right(self.ends, at_ms)
        if place == len(self.ends):
            return None
        return self.starts[place] if self.starts[place] > at_ms else self.ends[place]


class Hours:
    """A calendar with its blocks, each worked out when it is first needed."""

    def __init__(self, calendar: Calendar) -> None:
        self._zone = zone(calendar.zone)
        self._days = Days(calendar)
        plain = calendar.holidays is None and not calendar.closed and not calendar.special
        self._always = calendar.week is None and plain
        self._blocks: dict[int, Block] = {}

    def is_open(self, at_ms: int) -> bool:
        return self._always or self._block(at_ms // _BLOCK_MS).has(at_ms)

    def next_change(self, at_ms: int) -> int | None:
        if self._always:
            return None
        now = self.is_open(at_ms)
        for number, begin in self._from(at_ms):
            block = self._block(number)
            # Where blocks meet, spans are cut: an edge there is a change only if it looks different beyond.
            edge: int | None = begin
            while edge is not None:
                if edge > at_ms and self.is_open(edge) != now:
                    return edge
                edge = block.next_edge(edge)
        return None

    def open_ms(self, a_ms: int, b_ms: int) -> int:
        """The open milliseconds from ``a_ms`` to ``b_ms``, which is later."""
        if self._always:
            return b_ms - a_ms
        first, last = a_ms // _BLOCK_MS, b_ms // _BLOCK_MS
        whole = sum(self._block(number).total for number in range(first, last))
        return whole + self._block(last).passed(b_ms) - self._block(first).passed(a_ms)

    def add_open(self, from_ms: int, open_ms: int) -> int | None:
        if self._always or open_ms <= 0:
            return from_ms + max(open_ms, 0)
        left = open_ms + self._block(from_ms // _BLOCK_MS).passed(from_ms)
        for number, _ in self._from(from_ms):
            block = self._block(number)
            if left <= block.total:
                return block.moment(left)
            left -= block.total
        return None

    def _from(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """The blocks from a moment on, with where to begin in them."""
        first = at_ms // _BLOCK_MS
        for number in range(first, first + _FARTHEST):
            yield number, max(at_ms, number * _BLOCK_MS)

    def _block(self, number: int) -> Block:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = Block(self._merged(number))
        return block

    def _merged(self, number: int) -> list[tuple[int, int]]:
        """The spans of a block: overlapping and touching ones are one."""
        begin, end = number * _BLOCK_MS, (number + 1) * _BLOCK_MS
        merged: list[tuple[int, int]] = []
        for start, stop in sorted(self._spans(begin, end)):
            start, stop = max(start, begin), min(stop, end)
            if start >= stop:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged

    def _spans(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Every interval that may touch the time from ``begin`` to ``end``; one may run on for a day after its own."""
        first, last = day_of(self._zone, begin // 1000) - 1, day_of(self._zone, end // 1000)
        for ordinal in range(first, last + 1):
            midnight = datetime.fromordinal(ordinal)
            for start, stop in self._days.intervals(ordinal):
                yield self._moment(midnight, start), self._moment(midnight, stop)

    def _moment(self, midnight: datetime, seconds: int) -> int:
        return moment_of(self._zone, midnight + timedelta(seconds=seconds)) * 1000
