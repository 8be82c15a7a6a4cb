"""A conversation while it is rehearsed."""

from __future__ import annotations

from contracts.commands import Facts
from contracts.policy import Sla
from router.rehearse.day import Case, Passing, Reaction, Silence
from router.rehearse.outcome import Life
from router.rehearse.promise import NEVER, Due

Mark = tuple[int, Silence | Passing]
"""How much of the handling has passed, and what happens then."""


class Talk:
    """``turn`` rises whenever somebody gets it or loses it: what was put down for the turn before counts no more."""

    __slots__ = (
        "agent", "answer_ms", "assignments", "began_ms", "case", "done_ms", "facts", "first", "handle_ms", "idle",
        "life", "mark", "marks", "offer", "over", "queue", "raised", "resolution", "sla", "sla_name", "turn",
    )  # fmt: skip

    def __init__(self, case: Case, facts: Facts, channel_class: str) -> None:
        self.case = case
        self.facts = facts
        self.life = Life(case.conversation, case.at_ms, case.at_ms - case.waited_ms, channel_class)
        self.handle_ms = case.handle_ms
        self.marks: list[Mark] = marks(case) if case.silences or case.passings else []
        self.mark = 0
        self.done_ms = 0
        """Handled before the present agent."""
        self.began_ms = 0
        self.agent: str | None = None
        self.queue = ""
        self.idle = False
        self.over = False
        self.offer: int | None = None
        """The number of the offer that stands."""
        self.assignments = 0
        self.answer_ms: int | None = 0
        self.turn = 0
        self.raised = 0
        self.sla_name: str | None = None
        self.sla: Sla | None = None
        self.first: Due = NEVER
        self.resolution: Due = NEVER

    def reaction(self, accept_ms: int) -> Reaction:
        """To the next offer."""
        reactions, number = self.case.reactions, self.life.offers
        self.life.offers += 1
        return reactions[number] if number < len(reactions) else Reaction(accept_ms)

    def next_answer(self) -> int | None:
        """After so long the next agent answers first; None: not at all."""
        answers, number = self.case.answers, self.assignments
        self.assignments += 1
        if number < len(answers):
            return answers[number]
        return next((one for one in reversed(answers) if one is not None), 0)

    def answered_by(self, at_ms: int) -> int | None:
        """When the first agent had answered; None: nobody has, up to that moment."""
        if self.life.answered_ms is None and self.agent is not None and self.answer_ms is not None:
            answer_ms = self.began_ms + self.answer_ms
            if answer_ms <= at_ms:
                self.life.answered_ms = answer_ms
        return self.life.answered_ms

    def given(self, agent: str, queue: str, at_ms: int) -> None:
        """The agent has it from now on."""
        life = self.life
        if life.assigned_ms is None:
            life.assigned_ms, life.served_queue = at_ms, queue
        if not life.agents or life.agents[-1] != agent:
            life.handovers += bool(life.agents)
            life.agents.append(agent)
        self.agent, self.queue, self.began_ms, self.offer = agent, queue, at_ms, None
        self.answer_ms = self.next_answer()
        self.turn += 1

    def lost(self, at_ms: int) -> None:
        """Its agent has it no longer."""
        self.answered_by(at_ms)
        self.done_ms += at_ms - self.began_ms
        self.agent, self.idle = None, False
        self.turn += 1


def marks(case: Case) -> list[Mark]:
    found: list[Mark] = [(one.after_ms, one) for one in case.silences]
    found += [(one.after_ms, one) for one in case.passings]
    return sorted(found, key=lambda mark: mark[0])
