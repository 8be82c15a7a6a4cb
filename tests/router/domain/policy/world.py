"""An hour-by-hour world in which everybody is there and idle: the plainest reading of what a policy says of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contracts.agent import Agent
from contracts.commands import Facts
from contracts.policy import Calendar, Overflow, Policy, Queue
from router.domain.dispatch.classify import Classifier
from router.domain.dispatch.cost import DEFAULTS
from router.domain.hours import is_open, next_change

HOUR_MS = 3_600_000
DAYS = 16


@dataclass
class Piece:
    """One conversation that waits."""

    facts: Facts
    since: int
    queue: str = ""
    left: list[str] = field(default_factory=list)
    """Queues that it left by an overflow."""
    word: bool = False
    """Word was left instead of waiting."""
    done: bool = False
    """Given to somebody, or told and ended."""


class World:
    def __init__(self, policy: Policy, agents: Sequence[Agent]) -> None:
        self.policy, self.agents = policy, agents
        self.classifier = Classifier(policy)
        self.queues = {queue.name: queue for queue in policy.queues}

    def ends(self, facts: Facts, since: int) -> bool:
        """Whether it is done with, in two weeks."""
        said = self.classifier.classify(facts, since)
        piece = Piece(facts, since)
        self.said = said
        self.used: set[int] = set()
        self._come(piece, said.queue or self.policy.default_queue, since)
        for hour in range(DAYS * 24):
            if piece.done:
                return True
            now = since + hour * HOUR_MS
            self._wait(piece, now)
            if any(self._can(agent, piece, now) for agent in self.agents) and self._open(self._queue(piece).hours, now):
                piece.done = True
        return piece.done

    def _queue(self, piece: Piece) -> Queue:
        return self.queues[piece.queue]

    def _come(self, piece: Piece, queue: str, now: int) -> None:
        piece.queue = queue
        for overflow in self.queues[queue].overflow:
            closed = overflow.when == "closed" and not self._open(self.queues[queue].hours, now)
            empty = overflow.when == "unstaffed" and not any(self._serves(agent, queue) for agent in self.agents)
            if (closed or empty) and self._allowed(overflow, piece):
                self._do(piece, overflow, now)
                return

    def _allowed(self, overflow: Overflow, piece: Piece) -> bool:
        if id(overflow) in self.used:
            return False
        if overflow.do == "queue":
            return overflow.queue not in {piece.queue, *piece.left}
        return not piece.word

    def _do(self, piece: Piece, overflow: Overflow, now: int) -> None:
        self.used.add(id(overflow))
        if overflow.do == "resolve":
            piece.done = True
        elif overflow.do == "queue":
            piece.left.append(piece.queue)
            self._come(piece, overflow.queue or "", now)
        elif overflow.do in ("mail", "voicemail"):
            piece.word = True
            if overflow.queue not in (None, piece.queue):
                piece.left.append(piece.queue)
                piece.queue = overflow.queue or ""

    def _wait(self, piece: Piece, now: int) -> None:
        """Overflows for having waited, as long as any is due: the shortest wait first."""
        while not piece.done:
            due = [one for one in self._queue(piece).overflow if self._due(one, piece, now)]
            if not due:
                return
            self._do(piece, min(due, key=lambda one: one.at or 0), now)

    def _due(self, overflow: Overflow, piece: Piece, now: int) -> bool:
        is_time = overflow.when == "waited" and piece.since + (overflow.at or 0) * 1000 <= now
        return is_time and self._allowed(overflow, piece)

    def _serves(self, agent: Agent, queue: str) -> bool:
        return agent.enabled and (queue in agent.queues or bool({*agent.teams} & {*self.queues[queue].teams}))

    def _can(self, agent: Agent, piece: Piece, now: int) -> bool:
        steps = [step for step in self.said.relax if piece.since + step.after_s * 1000 <= now]
        also = [queue for step in steps for queue in step.queues]
        if not any(self._serves(agent, queue) for queue in (piece.queue, *also)):
            return False
        costs = {**DEFAULTS, **self.policy.classes}[piece.facts.channel_class]
        weight = costs.weight if self.said.weight is None else self.said.weight
        limit = agent.limits.get(piece.facts.channel_class, costs.limit)
        if weight > agent.capacity or limit == 0:
            return False
        if not all(agent.skills.get(skill, 0) >= level for skill, level in self._levels(steps)):
            return False
        return self._on_shift(agent, costs.expected_s or 0, now)

    def _levels(self, steps: Sequence[object]) -> Iterator[tuple[str, int]]:
        for need in self.said.skills:
            level = need.level if need.required else 0
            for step in self.said.relax:
                if step in steps:
                    dropped = need.skill in step.drop or "*" in step.drop
                    level = 0 if dropped else min(level, step.levels.get(need.skill, level))
            yield need.skill, level

    def _on_shift(self, agent: Agent, takes_s: int, now: int) -> bool:
        shift = self.policy.calendars.get(agent.shift or "")
        if shift is None:
            return True
        ends = next_change(shift, now)
        return is_open(shift, now) and (ends is None or ends - now >= takes_s * 1000)

    def _open(self, name: str | None, now: int) -> bool:
        calendar: Calendar | None = self.policy.calendars.get(name or "")
        return is_open(calendar, now)
