"""Skills: what is asked for, who meets it and how well, and how the asking relaxes with time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from contracts.policy import Need, Proficiency, Relax
from router.domain.dispatch.work import Work

UNMET = 10_000
"""One wished skill that is missing weighs more than any difference of levels."""


def gathered(*asked: Iterable[Need]) -> tuple[Need, ...]:
    """Each skill once, by name: the highest level that anybody asks; required if anybody requires it."""
    found: dict[str, Need] = {}
    for needs in asked:
        for need in needs:
            had = found.get(need.skill)
            found[need.skill] = need if had is None else _stricter(had, need)
    return tuple(found[skill] for skill in sorted(found))


def required(needs: Iterable[Need]) -> tuple[tuple[str, int], ...]:
    return tuple((need.skill, need.level) for need in needs if need.required)


def meets(skills: Mapping[str, int], required: Iterable[tuple[str, int]]) -> bool:
    """Whether an agent with these skills has every required one at its level."""
    return all(skills.get(skill, 0) >= level for skill, level in required)


def rank(skills: Mapping[str, int], needs: Iterable[Need], proficiency: Proficiency) -> int:
    """Sorts those who meet what is required; less is better. First by how many wished skills they lack, then, if the
    queue says so, ``most``: by the sum of their levels in what is needed; ``nearest``: by how far they are above."""
    rank = 0
    for need in needs:
        level = skills.get(need.skill, 0)
        if level < need.level:
            rank += UNMET
        elif proficiency == "nearest":
            rank += level - need.level
        if proficiency == "most":
            rank -= level
    return rank


def relaxed(work: Work, at_ms: int) -> Work:
    """The work with every step taken that its waiting has earned by now."""
    if not work.relax:
        return work
    steps = [step for step in work.relax if work.waits_since_ms + step.after_s * 1000 <= at_ms]
    if len(steps) == work.relaxed:
        return work
    also = dict.fromkeys(queue for step in steps for queue in step.queues if queue != work.queue)
    return replace(work, relaxed=len(steps), needs=relaxed_needs(work.skills, steps), also=tuple(sorted(also)))


def relaxed_needs(needs: tuple[Need, ...], steps: Iterable[Relax]) -> tuple[Need, ...]:
    """What is still asked for after these steps, in order."""
    for step in steps:
        needs = tuple(less for need in needs if (less := _less(need, step)) is not None)
    return needs


def next_step_ms(work: Work) -> int | None:
    """When it relaxes again."""
    if work.relaxed >= len(work.relax):
        return None
    return work.waits_since_ms + work.relax[work.relaxed].after_s * 1000


def _less(need: Need, step: Relax) -> Need | None:
    if need.skill in step.drop or "*" in step.drop:
        return None
    level = step.levels.get(need.skill, need.level)
    return replace(need, level=level) if level < need.level else need


def _stricter(one: Need, other: Need) -> Need:
    return Need(one.skill, max(one.level, other.level), one.required or other.required)
