"""What the policy makes of some work: its queue, place, needs and cost. Its age never changes."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from contracts.policy import Relax
from router.domain.dispatch.classify import Classified
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.skill import gathered, relaxed
from router.domain.dispatch.work import Work


class Routed(NamedTuple):
    """``notes``: what could not be done as asked."""

    work: Work
    notes: tuple[str, ...]


def routed(desk: Desk, work: Work, at_ms: int) -> Routed:
    """The work as the present policy has it."""
    rules = desk.rules
    said = rules.classifier.classify(work.facts, at_ms)
    asked = work.asked_queue or said.queue
    queue = rules.queue(asked)
    channel_class = rules.costs.class_of(work.facts.channel_class)
    priority = said.priority + queue.priority + work.raised + work.escalated
    skills = gathered(said.skills, work.asked_skills) if said.skills or work.asked_skills else ()
    work = replace(
        work,
        queue=queue.name,
        channel_class=channel_class,
        weight=rules.costs.weight(channel_class) if said.weight is None else said.weight,
        priority=priority,
        ahead_ms=rules.ahead_ms(priority),
        rule=None if work.asked_queue else said.rule,
        rules=said.rules,
        tags=said.tags or work.tags,
        sla=said.sla or queue.sla,
        skills=skills,
        needs=skills,
        also=(),
        relax=_in_time(said),
        relaxed=0,
        policy=rules.number,
    )
    notes = (f"unknown_queue:{asked}",) if asked not in (None, queue.name) else ()
    return Routed(relaxed(work, at_ms), notes)


def refreshed(desk: Desk, work: Work, at_ms: int) -> Work:
    """Work that comes back from an agent or a line, ready to be placed: by the rules of now, if others were in force
    when they were asked last; without what is forgotten by now; and asking for less, if it waited so long."""
    work = work.recalled(at_ms)
    return routed(desk, work, at_ms).work if work.policy != desk.rules.number else relaxed(work, at_ms)


def _in_time(said: Classified) -> tuple[Relax, ...]:
    return tuple(sorted(said.relax, key=lambda step: step.after_s)) if len(said.relax) > 1 else said.relax
