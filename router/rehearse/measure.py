"""The figures of a day: how long customers waited, what was kept, who was how busy. Shares are from 0 to 1.

Percentiles are nearest ranks over those who got an agent; ``longest_s`` is over everybody, also who gave up or never
got one. ``within`` is the share of all conversations that had an agent in time. Kept and broken promises are those of
which the day tells; see ``promise.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Final

import msgspec

from router.rehearse.outcome import AgentDay, Life, Outcome

PERCENTILES: Final = (50, 90, 95, 99)
EXAMPLES: Final = 10


class Group(msgspec.Struct, frozen=True):
    """Some conversations. Waits in seconds; None where there are none."""

    name: str
    conversations: int
    reached: int
    """Had an agent."""
    abandoned: int
    turned_away: int
    never: int
    """Wait still at the end of the day, and no agent ever had them."""
    within: float | None
    wait_s: dict[str, float | None]
    """By percentile: ``p50`` ..."""
    mean_s: float | None
    longest_s: float | None
    promises: int
    """First answers promised of which it is known whether that was kept."""
    kept: float | None


class Stranded(msgspec.Struct, frozen=True):
    """Somebody who waited to the end of the day."""

    conversation: str
    queue: str
    rule: str | None
    waited_s: float


class Occupancy(msgspec.Struct, frozen=True):
    """Of some agents: over all their time there, and how it spreads. ``fairness`` is Jain's index of what they were
    given per hour there: 1 when all were given alike."""

    name: str
    agents: int
    overall: float | None
    lowest: float | None
    highest: float | None
    deviation: float | None
    fairness: float | None


class Figures(msgspec.Struct, frozen=True):
    """One policy's day. ``groups`` by dimension: ``queue``, ``priority``, ``class``."""

    all: Group
    groups: dict[str, list[Group]]
    resolutions: int
    resolved_in_time: float | None
    handovers: int
    declines: int
    missed: int
    escalations: int
    overflows: dict[str, int]
    diverted: dict[str, int]
    notices: int
    refused: int
    occupancy: Occupancy
    teams: list[Occupancy]
    stranded: list[Stranded]
    commands: int


def figures(outcome: Outcome, within_s: float) -> Figures:
    """Of a whole day."""
    lives, end_ms = outcome.lives, outcome.end_ms
    told = [life.resolution for life in lives if life.resolution is not None]

    def by(name: Callable[[Life], str]) -> list[Group]:
        found: dict[str, list[Life]] = {}
        for life in lives:
            found.setdefault(name(life), []).append(life)
        return [group(each, found[each], within_s, end_ms) for each in sorted(found, key=_in_order)]

    return Figures(
        all=group("all", lives, within_s, end_ms),
        groups={
            "queue": by(lambda life: life.served_queue or life.queue),
            "priority": by(lambda life: str(life.priority)),
            "class": by(lambda life: life.channel_class),
        },
        resolutions=len(told),
        resolved_in_time=sum(told) / len(told) if told else None,
        handovers=sum(life.handovers for life in lives),
        declines=sum(life.declines for life in lives),
        missed=sum(life.missed for life in lives),
        escalations=sum(life.escalations for life in lives),
        overflows=dict(sorted(Counter(one for life in lives for one in life.overflows).items())),
        diverted=dict(sorted(Counter(life.diverted for life in lives if life.diverted).items())),
        notices=outcome.notices,
        refused=outcome.refused,
        occupancy=occupancy("all", outcome.agents),
        teams=_teams(outcome.agents),
        stranded=stranded(lives, end_ms),
        commands=outcome.commands,
    )


def group(name: str, lives: Sequence[Life], within_s: float, end_ms: int) -> Group:
    waits = sorted(wait for life in lives if (wait := life.wait_ms) is not None)
    promised = [life.first_response for life in lives if life.first_response is not None]
    ends = Counter(life.end for life in lives)
    return Group(
        name=name,
        conversations=len(lives),
        reached=len(waits),
        abandoned=ends["abandoned"],
        turned_away=ends["turned_away"],
        never=sum(life.end == "waiting" and life.assigned_ms is None for life in lives),
        within=sum(wait <= within_s * 1000 for wait in waits) / len(lives) if lives else None,
        wait_s={f"p{each}": percentile(waits, each) for each in PERCENTILES},
        mean_s=round(sum(waits) / len(waits) / 1000, 3) if waits else None,
        longest_s=max((life.waited_ms(end_ms) for life in lives), default=0) / 1000 if lives else None,
        promises=len(promised),
        kept=sum(promised) / len(promised) if promised else None,
    )


def percentile(waits_ms: Sequence[int], percent: int) -> float | None:
    """The nearest rank of sorted milliseconds, in seconds."""
    if not waits_ms:
        return None
    return waits_ms[max(ceil(len(waits_ms) * percent / 100), 1) - 1] / 1000


def occupancy(name: str, agents: Iterable[AgentDay]) -> Occupancy:
    there = [one for one in agents if one.occupancy is not None and one.here_ms > 0]
    each = [one.occupancy or 0.0 for one in there]
    total = sum(one.here_ms for one in there)
    if not there:
        return Occupancy(name, 0, None, None, None, None, None)
    mean = sum(each) / len(each)
    return Occupancy(
        name=name,
        agents=len(there),
        overall=sum((one.occupancy or 0.0) * one.here_ms for one in there) / total,
        lowest=min(each),
        highest=max(each),
        deviation=(sum((one - mean) ** 2 for one in each) / len(each)) ** 0.5,
        fairness=jain([one.given / one.here_ms for one in there]),
    )


def jain(shares: Sequence[float]) -> float | None:
    """Jain's index of fairness: 1 when all have the same, 1/n when one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else None


def stranded(lives: Iterable[Life], end_ms: int) -> list[Stranded]:
    """Who waited to the end of the day and never had an agent: a few, the longest first."""
    found = [life for life in lives if life.end == "waiting" and life.assigned_ms is None]
    longest = sorted(found, key=lambda life: (life.waiting_since_ms, life.conversation))[:EXAMPLES]
    return [Stranded(one.conversation, one.queue, one.rule, one.waited_ms(end_ms) / 1000) for one in longest]


def _teams(agents: Sequence[AgentDay]) -> list[Occupancy]:
    names = sorted({team for one in agents for team in one.teams})
    return [occupancy(name, [one for one in agents if name in one.teams]) for name in names]


def _in_order(name: str) -> tuple[int, str]:
    """Numbers as numbers, the highest first."""
    return (-int(name), "") if name.lstrip("-").isdigit() else (0, name)
