"""What a policy means for conversations, so that their shards decide by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.agent import Agent
from contracts.policy import Policy, Queue
from contracts.terms import Care, Terms


def terms_of(policy: Policy, number: int, agents: Iterable[Agent]) -> Terms:
    """The terms of a published policy; ``number`` counts those that were. Calendars that neither a promise nor a
    queue's care names are left out."""
    care = {queue.name: _care(queue) for queue in policy.queues if queue.idle_after_s or queue.unanswered_s}
    used = {sla.hours for sla in policy.slas.values()} | {each.hours for each in care.values()}
    return Terms(
        number=number,
        slas=policy.slas,
        calendars={name: calendar for name, calendar in policy.calendars.items() if name in used},
        care=care,
        texts=policy.texts,
        titles={queue.name: queue.titles for queue in policy.queues if queue.titles},
        bots=bots_of(agents),
    )


def bots_of(agents: Iterable[Agent]) -> tuple[str, ...]:
    """The agents that are programs, in order."""
    return tuple(sorted(agent.id for agent in agents if agent.kind == "bot"))


def _care(queue: Queue) -> Care:
    return Care(queue.idle_after_s, queue.unanswered_s, queue.unanswered, queue.escalate, queue.hours)
