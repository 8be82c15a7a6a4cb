"""What is different between two policies, in what they mean: defaults are filled in, tables go by their names, and a
rule that only stands elsewhere is moved, neither new nor gone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from contracts.policy import Policy

Kind = Literal["added", "removed", "moved", "changed"]
Path = tuple[str, ...]

_NAMED_BY: Final = ("name", "skill")
_IN_ORDER: Final = ("rules",)
"""Lists whose order decides something."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """``path`` as ``rules.japanese.when.languages``. ``before`` and ``after``: the values, or for what is moved the
    places, from 1."""

    path: str
    kind: Kind
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.path}: {_shown(self.before)} becomes {_shown(self.after)}"
        if self.kind == "moved":
            return f"{self.path}: moved from place {self.before} to place {self.after}"
        value = self.after if self.kind == "added" else self.before
        return f"{self.path}: {self.kind}{'' if _is_empty(value) else f': {_shown(value)}'}"


def diff(before: Policy, after: Policy) -> list[Change]:
    """All changes, in the order of the document; none when both mean the same."""
    return list(_compared((), before, after))


def _compared(path: Path, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, msgspec.Struct) and isinstance(after, msgspec.Struct):
        for field in before.__struct_fields__:
            yield from _compared((*path, field), getattr(before, field), getattr(after, field))
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _tables(path, before, after)
    elif (names := _name_of(before, after)) is not None:
        yield from _named(path, before, after, names)
    elif _is_list_of_tables(before, after):
        yield from _by_place(path, before, after)
    else:
        yield _one(path, before, after)


def _one(path: Path, before: Any, after: Any) -> Change:
    if before is None or after is None:
        return Change(".".join(path), "added" if before is None else "removed", _plain(before), _plain(after))
    return Change(".".join(path), "changed", _plain(before), _plain(after))


def _tables(path: Path, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        yield from _compared((*path, name), before.get(name), after.get(name))


def _by_place(path: Path, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    for place in range(max(len(before), len(after))):
        one, other = (list_[place] if place < len(list_) else None for list_ in (before, after))
        yield from _compared((*path, str(place + 1)), one, other)


def _named(path: Path, before: Sequence[Any], after: Sequence[Any], key: str) -> Iterator[Change]:
    old, new = ({getattr(item, key): item for item in items} for items in (before, after))
    moved = _moved(list(old), list(new)) if path[-1] in _IN_ORDER else {}
    for name in dict.fromkeys((*old, *new)):
        if name in moved:
            yield Change(".".join((*path, name)), "moved", *moved[name])
        yield from _compared((*path, name), old.get(name), new.get(name))


def _moved(old: list[str], new: list[str]) -> dict[str, tuple[int, int]]:
    """The fewest names that stand elsewhere, seen from the others: all but a longest run that kept its order."""
    kept = [name for name in new if name in set(old)]
    stay = _longest_rising([old.index(name) for name in kept])
    return {name: (old.index(name) + 1, new.index(name) + 1) for place, name in enumerate(kept) if place not in stay}


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """The places of a longest rising subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(tails, number)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [number]
        ends[at : at + 1] = [place]
    chain: set[int] = set()
    place = ends[-1] if ends else -1
    while place >= 0:
        chain.add(place)
        place = before[place]
    return chain


def _is_list_of_tables(before: Any, after: Any) -> bool:
    both = (before, after)
    return all(isinstance(value, tuple) for value in both) and any(
        isinstance(item, msgspec.Struct) for value in both for item in value
    )


def _name_of(before: Any, after: Any) -> str | None:
    """The field by which the items of two lists go; None when they have none, or one is there twice."""
    if not _is_list_of_tables(before, after):
        return None
    items = [*before, *after]
    for key in _NAMED_BY:
        if all(hasattr(item, key) for item in items) and all(_distinct(list_, key) for list_ in (before, after)):
            return key
    return None


def _distinct(items: Sequence[Any], key: str) -> bool:
    return len({getattr(item, key) for item in items}) == len(items)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [], "")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()
