"""The waiting lines: one order for each queue, and one group per requirement, found by whoever may serve it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sortedcontainers import SortedList

from router.domain.dispatch.skill import required
from router.domain.dispatch.work import LineKey, Requirement, Work


class Group:
    """Waiting work of one requirement, in order. ``head`` is the key of the first."""

    __slots__ = ("head", "keys", "place", "required", "requirement")

    def __init__(self, requirement: Requirement, place: int, keys: Iterable[LineKey]) -> None:
        self.requirement = requirement
        self.place = place
        self.required = () if requirement.only else required(requirement.demand.needs)
        self.keys: SortedList[LineKey] = SortedList(keys)
        self.head: LineKey = self.keys[0]

    def add(self, key: LineKey) -> None:
        self.keys.add(key)
        self.head = min(self.head, key)

    def remove(self, key: LineKey) -> bool:
        """Whether others are left."""
        self.keys.remove(key)
        if not self.keys:
            return False
        self.head = self.keys[0]
        return True

    def first(self, serves: Callable[[str], bool]) -> LineKey | None:
        """The head, passing over the conversations that ``serves`` says no to."""
        return next((key for key in self.keys if serves(key[3])), None)


class Lines:
    """All that waits. Work nobody can serve now stands in a group of its own kind and holds up nobody behind it."""

    def __init__(self, queues: Iterable[str], waiting: Iterable[Work], place: Callable[[Work], int]) -> None:
        self._place = place
        orders: dict[str, list[LineKey]] = {name: [] for name in queues}
        self.groups: dict[Requirement, Group] = {}
        self._asked: dict[str, dict[Requirement, Group]] = {name: {} for name in orders}
        self._reserved: dict[str, dict[Requirement, Group]] = {}
        alike: dict[object, tuple[Work, list[LineKey]]] = {}
        for work in waiting:
            key = work.line_key
            orders[work.queue].append(key)
            kind = (work.queue, work.needs, work.also, work.channel_class, work.weight, work.only)
            alike.setdefault(kind, (work, []))[1].append(key)
        self._lines: dict[str, SortedList[LineKey]] = {name: SortedList(keys) for name, keys in orders.items()}
        for work, keys in alike.values():
            self._open(Group(work.requirement, place(work), keys))

    def length(self, queue: str) -> int:
        """How many wait in a queue."""
        return len(self._lines[queue])

    def line(self, queue: str) -> SortedList[LineKey]:
        """The queue's line, first to last."""
        return self._lines[queue]

    def position(self, work: Work) -> int:
        """Its place in its queue, from 1; logarithmic in the length of the line."""
        return self._lines[work.queue].bisect_left(work.line_key) + 1

    def add(self, work: Work) -> None:
        key = work.line_key
        self._lines[work.queue].add(key)
        group = self.groups.get(work.requirement)
        if group is None:
            self._open(Group(work.requirement, self._place(work), (key,)))
        else:
            group.add(key)

    def remove(self, work: Work) -> None:
        key = work.line_key
        self._lines[work.queue].remove(key)
        group = self.groups[work.requirement]
        if not group.remove(key):
            self._close(group)

    def asking(self, agent: str, queues: Iterable[str]) -> Iterator[Group]:
        """The groups that ask for agents of these queues, or for this very agent."""
        for name in queues:
            yield from self._asked[name].values()
        yield from self._reserved.get(agent, {}).values()

    def reserved(self, agent: str) -> list[str]:
        """The conversations that wait for this very agent, in order."""
        keys = [key for group in self._reserved.get(agent, {}).values() for key in group.keys]
        return [key[3] for key in sorted(keys)]

    def _open(self, group: Group) -> None:
        self.groups[group.requirement] = group
        for index in self._indexes(group.requirement):
            index[group.requirement] = group

    def _close(self, group: Group) -> None:
        del self.groups[group.requirement]
        for index in self._indexes(group.requirement):
            del index[group.requirement]
        for agent in group.requirement.only:
            if not self._reserved[agent]:
                del self._reserved[agent]

    def _indexes(self, requirement: Requirement) -> Iterable[dict[Requirement, Group]]:
        """Where those look who may serve it. A group that asks for an agent twice over is found twice: harmless."""
        if requirement.only:
            return [self._reserved.setdefault(agent, {}) for agent in requirement.only]
        demand = requirement.demand
        return [self._asked[name] for name in dict.fromkeys((demand.queue, *demand.also)) if name in self._asked]
