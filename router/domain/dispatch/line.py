"""The waiting line of one queue: one order for all, and one group per requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sortedcontainers import SortedList

from router.domain.dispatch.work import LineKey, Requirement, Work


class Line:
    """Waiting work. Work nobody can serve now stands in a group of its own kind and holds up nobody behind it."""

    def __init__(self, waiting: Iterable[Work] = ()) -> None:
        gathered: dict[Requirement, list[LineKey]] = {}
        for work in waiting:
            gathered.setdefault(work.requirement, []).append(work.line_key)
        self.groups: dict[Requirement, SortedList[LineKey]] = {
            requirement: SortedList(keys) for requirement, keys in gathered.items()
        }
        self._all: SortedList[LineKey] = SortedList(key for keys in gathered.values() for key in keys)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, work: Work) -> None:
        self._all.add(work.line_key)
        group = self.groups.get(work.requirement)
        if group is None:
            group = self.groups[work.requirement] = SortedList()
        group.add(work.line_key)

    def remove(self, work: Work) -> None:
        self._all.remove(work.line_key)
        group = self.groups[work.requirement]
        group.remove(work.line_key)
        if not group:
            del self.groups[work.requirement]

    def position(self, work: Work) -> int:
        """Its place, from 1; logarithmic in the length of the line."""
        return self._all.bisect_left(work.line_key) + 1

    def first(self, requirement: Requirement, serves: Callable[[str], bool]) -> LineKey | None:
        """The head of a group, passing over the conversations that ``serves`` says no to."""
        return next((key for key in self.groups[requirement] if serves(key[3])), None)
