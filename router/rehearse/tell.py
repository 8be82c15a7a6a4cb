"""Figures as rows for people: what it is, under one policy, under the other, and the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from router.rehearse.compare import Changed, Side
from router.rehearse.measure import Figures, Group

PLAIN = ("conversations", "reached", "abandoned", "turned_away", "never")
WAITS = ("p50", "p90", "p95", "p99")


class Row(NamedTuple):
    """``difference`` is empty where there is none."""

    label: str
    before: str
    after: str
    difference: str


def rows(before: Figures, after: Figures, within_s: float, labels: dict[str, str]) -> list[Row]:
    """The whole day."""
    found = list(_group(before.all, after.all, within_s, labels))
    found.append(_share(labels["resolved_in_time"], before.resolved_in_time, after.resolved_in_time))
    counted = ("handovers", "declines", "missed", "escalations", "notices")
    found += [_count(labels[name], getattr(before, name), getattr(after, name)) for name in counted]
    for name in ("overflow", "diverted"):
        old, new = (getattr(one, {"overflow": "overflows"}.get(name, name)) for one in (before, after))
        found += [
            _count(labels[name].format(name=each), old.get(each, 0), new.get(each, 0)) for each in sorted({*old, *new})
        ]
    return [row for row in (*found, *_busy(before, after, labels)) if row.before or row.after]


def groups(dimension: str, before: Figures, after: Figures) -> list[tuple[Group | None, Group | None]]:
    """The same group of both, in order; None where one has none of it."""
    old, new = ({group.name: group for group in one.groups[dimension]} for one in (before, after))
    return [(old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))]


def name_of(pair: tuple[Group | None, Group | None]) -> str:
    return next(one.name for one in pair if one is not None)


def cells_of(group: Group | None, labels: dict[str, str]) -> tuple[str, ...]:
    """How many, half and 95 % waited, had an agent in time, first answers in time."""
    if group is None:
        return ("-",) * 5
    wait = group.wait_s
    return (
        f"{group.conversations:,}",
        span(wait["p50"], labels),
        span(wait["p95"], labels),
        percent(group.within),
        percent(group.kept),
    )


def _group(before: Group, after: Group, within_s: float, labels: dict[str, str]) -> Iterator[Row]:
    for name in PLAIN:
        yield _count(labels[name], getattr(before, name), getattr(after, name))
    yield _share(labels["within"].format(within=_number(within_s)), before.within, after.within)
    yield _span("mean_s", before.mean_s, after.mean_s, labels)
    for name in WAITS:
        yield _span(name, before.wait_s[name], after.wait_s[name], labels)
    yield _span("longest_s", before.longest_s, after.longest_s, labels)
    yield _share(labels["kept"], before.kept, after.kept)


def _busy(before: Figures, after: Figures, labels: dict[str, str]) -> Iterator[Row]:
    yield _share(labels["occupancy"], before.occupancy.overall, after.occupancy.overall)
    for name in ("lowest", "highest"):
        yield _share(labels[name], getattr(before.occupancy, name), getattr(after.occupancy, name))
    old, new = before.occupancy.fairness, after.occupancy.fairness
    yield Row(labels["fairness"], _decimal(old), _decimal(new), _signed(_decimal, old, new))
    for one, other in zip(before.teams, after.teams, strict=False):
        yield _share(labels["occupancy_of"].format(name=one.name), one.overall, other.overall)


def _count(label: str, before: int, after: int) -> Row:
    return Row(label, f"{before:,}", f"{after:,}", f"{after - before:+,}" if after != before else "")


def _share(label: str, before: float | None, after: float | None) -> Row:
    return Row(label, percent(before), percent(after), _signed(percent, before, after))


def _span(name: str, before: float | None, after: float | None, labels: dict[str, str]) -> Row:
    def form(seconds: float | None) -> str:
        return span(seconds, labels)

    return Row(labels[name], form(before), form(after), _signed(form, before, after))


def _signed(form: Callable[[float | None], str], before: float | None, after: float | None) -> str:
    if before is None or after is None or form(before) == form(after):
        return ""
    return ("+" if after > before else "-") + form(abs(after - before))


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f} %"


def span(seconds: float | None, labels: dict[str, str]) -> str:
    """Seconds, or minutes and seconds, or hours and minutes."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if seconds < 60:
        return labels["seconds"].format(seconds=seconds)
    if whole < 3600:
        return labels["minutes"].format(minutes=whole // 60, rest=whole % 60)
    return labels["hours"].format(hours=whole // 3600, rest=whole // 60 % 60)


def _number(value: float) -> str:
    return f"{value:g}"


def side(one: Side, labels: dict[str, str]) -> str:
    """For example ``chat, chat-004, 3.2 s``."""
    if one.queue is None:
        return "-"
    wait = span(one.wait_s, labels) if one.wait_s is not None else labels.get(one.end or "", "")
    return ", ".join(part for part in (one.queue, one.agent or labels["nobody"], wait) if part)


def changed_lines(found: Sequence[Changed], labels: dict[str, str]) -> list[tuple[str, str, str]]:
    """A line for each: the conversation, and what became of it under either."""
    return [(one.conversation, side(one.before, labels), side(one.after, labels)) for one in found]
