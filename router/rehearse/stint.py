"""A conversation as it was recorded, from its asking for an agent to its release."""

from __future__ import annotations

from typing import Final, Literal

from contracts.codec import milliseconds
from contracts.commands import RequestAgent
from contracts.decision import Decision
from router.rehearse.day import Case, News, Passing, Reaction, Silence

TYPICAL_MS: Final = 5_000
"""To accept an offer, where nothing was recorded."""
TAKEN: Final = "unanswered"


class Stint:
    """``done_ms``: how long agents had it, all in all."""

    def __init__(self, at_ms: int, command: RequestAgent) -> None:
        self.at_ms = at_ms
        self.command = command
        self.queue = command.queue or ""
        self.agent: str | None = None
        self.last_agent: str | None = None
        self.done_ms = 0
        self.ended_ms: int | None = None
        self.reactions: list[Reaction] = []
        self.returning = False
        self.wrap_ms: int | None = None
        self._began_ms = 0
        self._assigned = False
        self._answered = False
        self._offer_ms: int | None = None
        self._answers: list[int | None] = []
        self._silences: list[Silence] = []
        self._silent_ms: tuple[int, int] | None = None
        self._passings: list[Passing] = []
        self._news: list[News] = []

    @property
    def contact(self) -> str:
        return self.command.facts.contact

    @property
    def channel_class(self) -> str:
        return self.command.facts.channel_class

    @property
    def is_whole(self) -> bool:
        """Whether it was handled to its end."""
        return self._assigned and self.ended_ms is not None

    # -- with whom it is -------------------------------------------------------------------------------------------

    def decided(self, at_ms: int, decision: Decision) -> None:
        """Whoever had it has it no longer; it is assigned, offered, or waits."""
        self._leave(at_ms)
        self.queue = decision.queue
        if decision.outcome == "assigned" and decision.agent is not None:
            self._give(at_ms, decision.agent)

    def accepted(self, at_ms: int, agent: str) -> None:
        if self._offer_ms is not None:
            self.reactions.append(Reaction(at_ms - self._offer_ms))
        self._offer_ms = None
        self._give(at_ms, agent)

    def offered(self, at_ms: int, agent: str) -> None:
        self._offer_ms = at_ms

    def refused(self, at_ms: int, how: Literal["decline", "miss"]) -> None:
        if self._offer_ms is not None:
            self.reactions.append(Reaction(0 if how == "miss" else at_ms - self._offer_ms, how))
        self._offer_ms = None

    def withdrawn(self, at_ms: int) -> None:
        """Before the agent answered: they would have, a little later."""
        if self._offer_ms is not None:
            self.reactions.append(Reaction(at_ms - self._offer_ms + TYPICAL_MS))
        self._offer_ms = None

    def _give(self, at_ms: int, agent: str) -> None:
        self.agent = self.last_agent = agent
        self._began_ms = at_ms
        self._assigned = True
        self._answers.append(0)
        self._answered = False

    def _leave(self, at_ms: int) -> None:
        if self.agent is not None:
            self.wake(at_ms)
            self.done_ms += at_ms - self._began_ms
            self.agent = None

    # -- what is said of it ----------------------------------------------------------------------------------------

    def answered(self, at_ms: int) -> None:
        """Its agent wrote to the customer: for the first time, if not before."""
        if self.agent is not None and not self._answered:
            self._answers[-1], self._answered = at_ms - self._began_ms, True

    def more(self, at_ms: int, command: RequestAgent) -> None:
        """It asks again: passed on, taken away from who does not answer, or more is known of it."""
        if command.trigger == TAKEN and self.agent is not None:
            self._answers[-1] = None
        elif (command.queue or command.agent) and self.agent is not None:
            after_ms = self.done_ms + at_ms - self._began_ms
            self._passings.append(Passing(after_ms, command.queue, command.agent, command.force, command.skills))
        else:
            self._news.append(News(at_ms - self.at_ms, command))

    def silent(self, at_ms: int, idle_ms: int) -> None:
        """The customer has been silent for ``idle_ms`` by now."""
        if self.agent is not None:
            self._silent_ms = (at_ms, max(at_ms - idle_ms, self._began_ms))

    def wake(self, at_ms: int) -> None:
        if self._silent_ms is not None:
            _, since_ms = self._silent_ms
            self._silences.append(Silence(self.done_ms + since_ms - self._began_ms, at_ms - since_ms))
            self._silent_ms = None

    def end(self, at_ms: int) -> None:
        self._leave(at_ms)
        self.ended_ms = at_ms

    # -- the whole -------------------------------------------------------------------------------------------------

    def case(self, usual_ms: int, end_ms: int) -> Case:
        """``usual_ms``: how long it takes where the day does not tell; what it was cut off in goes on as long."""
        cut = self.agent is not None
        self.withdrawn(end_ms)
        if cut:
            self._leave(end_ms)
        command = self.command
        return Case(
            conversation=command.conversation,
            at_ms=self.at_ms,
            facts=command.facts,
            handle_ms=self.done_ms + (usual_ms if cut or not self._assigned else 0),
            waited_ms=max(self.at_ms - milliseconds(command.waiting_since), 0),
            patience_ms=None if self.ended_ms is None or self._assigned else self.ended_ms - self.at_ms,
            reactions=tuple(self.reactions),
            answers=tuple(self._answers) if any(one != 0 for one in self._answers) else (),
            silences=tuple(self._silences),
            passings=tuple(self._passings),
            news=tuple(self._news),
            wrap_ms=self.wrap_ms,
            returning=self.returning,
            queue=command.queue,
            agent=command.agent,
            skills=command.skills,
        )
