"""The moves a piece of work can make: into the line, on offer, into an agent's hands, and out again.

Each keeps the desk and the rows in step, and tells whom it concerns. Rules are made of these moves; nothing else
changes who holds what.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from contracts.codec import moment
from contracts.commands import Command, WorkAssigned, WorkOffered, WorkReturned
from contracts.decision import Decision, Outcome
from contracts.events import DecisionMade, OfferMade, OfferWithdrawn
from contracts.ids import shard_of
from contracts.streams import conversation_shard
from router.domain.dispatch.choose import NOBODY, REQUESTED, Choice, choose
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.explain import explain, in_brief
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.tables import AGENTS, DECISION_ID, DECISIONS, WHY, WORK
from router.domain.dispatch.work import Work
from router.domain.turn import Turn

OFFER: Final = "offer:"
FORGET: Final = "forget:"


class Moves:
    """One command's moves. :meth:`finish` writes the agents that changed, each once."""

    def __init__(self, turn: Turn, desk: Desk, command: Command) -> None:
        self.turn = turn
        self.desk = desk
        self.cause = command.id
        self._changed: dict[str, Seat] = {}

    # -- finding somebody ------------------------------------------------------------------------------------------

    def place(self, work: Work, trigger: str, requested: str | None = None, notes: tuple[str, ...] = ()) -> bool:
        """Gives the work to whoever is right for it, or puts it in the line (and says so). It is in no line before."""
        work = self.desk.fit(work).recalled(self.turn.at_ms)
        choice = choose(self.desk, work, requested)
        if requested is not None and choice.reason != REQUESTED:
            notes = (*notes, self._missed(requested, work))
        if choice.seat is None:
            self._wait(work, trigger, requested, notes)
            return False
        self.give(work, choice.seat, choice.reason, trigger, requested, notes)
        return True

    def retry(self, work: Work, trigger: str) -> bool:
        """Like :meth:`place` for work that waits; keeps quiet when it goes on waiting."""
        choice = choose(self.desk, work)
        if choice.seat is None:
            return False
        self.leave_line(work)
        self.give(work, choice.seat, choice.reason, trigger)
        return True

    def give(
        self,
        work: Work,
        seat: Seat,
        reason: str,
        trigger: str,
        requested: str | None = None,
        notes: tuple[str, ...] = (),
        at_once: bool = False,
    ) -> None:
        """Offers or, where the queue accepts by itself (or ``at_once``), assigns. The units are held from here on."""
        queue = self.desk.rules.queue(work.queue)
        at_once = at_once or queue.auto_accept
        choice = Choice(seat, reason)
        decision = self._decide(work, "assigned" if at_once else "offered", trigger, choice, requested, notes)
        expires_ms = None if at_once else self.turn.at_ms + queue.offer_timeout_s * 1000
        given = replace(
            work,
            state="assigned" if at_once else "offered",
            agent=seat.id,
            expires_ms=expires_ms,
            attempts=work.attempts + 1,
        )
        seat.hold(given, self.turn.at_ms, offered=not at_once)
        self.touch(seat)
        if at_once:
            self._assigned(given, decision)
        else:
            self._offered(given, decision)

    # -- the steps -------------------------------------------------------------------------------------------------

    def accept(self, work: Work) -> None:
        """The offer becomes an assignment; the units were held already."""
        seat = self.desk.seats[work.agent or ""]
        seat.accept(work.conversation)
        self._changed[seat.id] = seat
        self.turn.clear_timer(OFFER + work.conversation)
        self._assigned(replace(work, state="assigned", expires_ms=None), None)

    def take_back(self, work: Work, reason: str) -> tuple[Work, Seat]:
        """Out of the agent's hands, units freed, nobody's yet. Tells of a withdrawn offer or a lost assignment."""
        seat = self.desk.seats[work.agent or ""]
        if work.state == "offered":
            self.event(OfferWithdrawn, work, seat.id, queue=work.queue, reason=reason)
        else:
            self.tell(work, WorkReturned(conversation=work.conversation, agent=seat.id, reason=reason))
        return self.free(work), seat

    def free(self, work: Work) -> Work:
        """The units go back to the agent; the work is in between, neither held nor in a line."""
        seat = self.desk.seats[work.agent or ""]
        if work.state == "offered":
            self.turn.clear_timer(OFFER + work.conversation)
        seat.free(work, self.turn.at_ms)
        self.touch(seat)
        return replace(work, state="waiting", agent=None, expires_ms=None)

    def leave_line(self, work: Work) -> None:
        self.desk.lines[work.queue].remove(work)
        if work.declined:
            self.turn.clear_timer(FORGET + work.conversation)

    def forget(self, work: Work) -> None:
        """The work is done with here."""
        del self.desk.work[work.conversation]
        self.turn.drop(WORK, work.conversation)

    # -- writing ---------------------------------------------------------------------------------------------------

    def keep(self, work: Work) -> None:
        self.desk.work[work.conversation] = work
        self.turn.put(WORK, work.conversation, work)

    def touch(self, seat: Seat) -> None:
        """The seat changed: its lanes at once, its row when the command is done."""
        self.desk.moved(seat)
        self._changed[seat.id] = seat

    def forget_seat(self, agent: str) -> None:
        self._changed.pop(agent, None)

    def finish(self) -> None:
        for id, seat in self._changed.items():
            self.turn.put(AGENTS, id, seat.state())

    def tell(self, work: Work, command: Command) -> None:
        self.turn.tell(conversation_shard(shard_of(work.conversation)), command)

    def event(self, kind: type[msgspec.Struct], work: Work, agent: str | None, **fields: object) -> None:
        """An event of this work, findable by conversation, contact and agent."""
        self.turn.emit(
            kind(
                id=self.turn.event_id(),
                at=self.turn.at,
                conversation=work.conversation,
                contact=work.facts.contact,
                agent=agent,
                cause=self.cause,
                **fields,
            )
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def _wait(self, work: Work, trigger: str, requested: str | None, notes: tuple[str, ...]) -> None:
        self.keep(work)
        self.desk.lines[work.queue].add(work)
        if work.declined:
            self.turn.timer(FORGET + work.conversation, min(work.declined.values()))
        self.say_waiting(work, trigger, requested, notes)

    def say_waiting(self, work: Work, trigger: str, requested: str | None = None, notes: tuple[str, ...] = ()) -> None:
        """Records and tells that nobody can have it now, and its position in the line."""
        decision = self._decide(work, "waiting", trigger, Choice(None, NOBODY), requested, notes)
        self.tell(work, WorkOffered(conversation=work.conversation, decision=in_brief(decision), queue=work.queue))

    def _missed(self, requested: str, work: Work) -> str:
        """Why the agent who was asked for by name does not get it."""
        seat = self.desk.seats.get(requested)
        if seat is None:
            return f"unknown_agent:{requested}"
        barred = work.barred().get(requested)
        return f"requested_agent:{requested}:{barred or self.desk.verdict(seat, work.requirement)}"

    def _offered(self, work: Work, decision: Decision) -> None:
        self.keep(work)
        expires_ms = work.expires_ms or 0
        expires_at = moment(expires_ms)
        self.turn.timer(OFFER + work.conversation, expires_ms)
        self.event(OfferMade, work, work.agent, queue=work.queue, expires_at=expires_at)
        self.tell(
            work,
            WorkOffered(
                conversation=work.conversation,
                decision=in_brief(decision),
                queue=work.queue,
                agent=work.agent,
                expires_at=expires_at,
            ),
        )

    def _assigned(self, work: Work, decision: Decision | None) -> None:
        """The text has done its service: the rules are not asked again."""
        self.keep(replace(work, facts=replace(work.facts, text="")) if work.facts.text else work)
        agent, told = work.agent or "", decision and in_brief(decision)
        self.tell(work, WorkAssigned(conversation=work.conversation, agent=agent, queue=work.queue, decision=told))

    def _decide(
        self,
        work: Work,
        outcome: Outcome,
        trigger: str,
        choice: Choice,
        requested: str | None,
        notes: tuple[str, ...],
    ) -> Decision:
        at_ms = self.turn.at_ms
        named = (requested, choice.seat.id if choice.seat else None)
        reasons = explain(self.desk, work, at_ms, named)
        decision = Decision(
            id=self.turn.new_id(DECISION_ID),
            at=self.turn.at,
            conversation=work.conversation,
            outcome=outcome,
            trigger=trigger,
            queue=work.queue,
            policy=self.desk.rules.policy.version,
            rule=work.rule,
            priority=work.priority,
            agent=choice.seat.id if choice.seat else None,
            reason=choice.reason,
            weight=work.weight,
            waited_s=max(at_ms - work.waiting_since_ms, 0) // 1000,
            position=self.desk.lines[work.queue].position(work) if outcome == "waiting" else None,
            considered=reasons.considered,
            counts=reasons.counts,
            truncated=reasons.truncated,
            notes=notes,
            policy_number=self.desk.rules.number,
        )
        self.turn.put(DECISIONS, decision.id, decision)
        self.turn.push(WHY, work.conversation, decision.id)
        self.event(DecisionMade, work, decision.agent, decision=decision)
        return decision
