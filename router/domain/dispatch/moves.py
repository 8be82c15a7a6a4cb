"""The moves a piece of work can make: into the line, on offer, into an agent's hands, and out again.

Each keeps the desk and the rows in step, and tells whom it concerns. Rules are made of these moves; nothing else
changes who holds what.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from contracts.codec import moment
from contracts.commands import Command, TagConversation, WorkAssigned, WorkClassified, WorkOffered, WorkReturned
from contracts.decision import Decision, Outcome
from contracts.events import DecisionMade, OfferMade, OfferWithdrawn, WorkOverflowed, WrapUpEnded, WrapUpStarted
from contracts.ids import shard_of
from contracts.streams import conversation_shard
from router.domain.dispatch.choose import CLOSED, NOBODY, REQUESTED, WAITS, Choice, choose, requested
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.estimate import predicted_s
from router.domain.dispatch.explain import explain, in_brief
from router.domain.dispatch.overflow import COMING, DUE, WAITED, Step, following, next_look_ms
from router.domain.dispatch.route import refreshed
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.skill import next_step_ms
from router.domain.dispatch.tables import AGENTS, DECISION_ID, DECISIONS, WHY, WORK
from router.domain.dispatch.watch import OVERFLOW, deaf, enter, given, leave
from router.domain.dispatch.work import Work
from router.domain.turn import Turn

VOICE: Final = "voice"
"""The channel class of the telephone."""
OFFER: Final = "offer:"
FORGET: Final = "forget:"
RELAX: Final = "relax:"
PREFER: Final = "prefer:"
WRAP_UP: Final = "wrap_up:"

UNASKED: Final = -1
"""Stands for a policy's number in work that must be classified again before it goes anywhere."""


class Asked(msgspec.Struct, frozen=True):
    """What a search was asked for, beside the work itself."""

    trigger: str
    agent: str | None = None
    """Asked for by name."""
    force: bool = False
    notes: tuple[str, ...] = ()
    overflow: str | None = None
    """The overflow that was taken on the way."""


class Moves:
    """One command's moves. :meth:`finish` writes the agents that changed, each once."""

    def __init__(self, turn: Turn, desk: Desk, command: Command) -> None:
        self.turn = turn
        self.desk = desk
        self.cause = command.id
        self._changed: dict[str, Seat] = {}
        self._given = 0
        desk.begin(turn.at_ms)

    # -- finding somebody ------------------------------------------------------------------------------------------

    def place(self, work: Work, asked: Asked) -> bool:
        """Gives the work to whoever is right for it, or puts it in the line (and says so). It is in no line before,
        and in nobody's hands."""
        at_ms = self.turn.at_ms
        work = replace(self.fresh(work), only=()) if work.only else self.fresh(work)
        if asked.agent is not None:
            seat = requested(self.desk, work, asked.agent, asked.force)
            if seat is not None:
                self.give(work, Choice(seat, REQUESTED), asked)
                return True
            asked = replace(asked, notes=(*asked.notes, self._missed(asked.agent, work)))
        choice = choose(self.desk, work, may_wait=work.only_until_ms is None or at_ms < work.only_until_ms)
        if choice.seat is not None:
            self.give(work, choice, asked)
            return True
        return self.come(work, choice, asked)

    def retry(self, work: Work, trigger: str) -> bool:
        """Like :meth:`place` for work that waits; keeps quiet when it goes on waiting."""
        choice = choose(self.desk, work)
        if choice.seat is None:
            return False
        self.leave_line(work)
        self.give(work, choice, Asked(trigger))
        return True

    def give(self, work: Work, choice: Choice, asked: Asked, at_once: bool = False) -> None:
        """Offers or, where the queue accepts by itself (or ``at_once``), assigns. The units are held from here on."""
        queue, seat = self.desk.rules.queue(work.queue), choice.seat
        assert seat is not None
        at_once = at_once or queue.auto_accept
        if work.entered is not None and work.entered == work.queue:
            given(self.turn, self.desk, work, asked.trigger)
        decision = self.decide(work, "assigned" if at_once else "offered", choice, asked)
        work = replace(
            work,
            state="assigned" if at_once else "offered",
            agent=seat.id,
            expires_ms=None if at_once else self.turn.at_ms + queue.offer_timeout_s * 1000,
            attempts=work.attempts + 1,
            keeper=None,
            only=(),
            only_until_ms=None,
            entered=None if at_once else work.entered,
            looks_ms=None,
        )
        seat.take(self._stamp(), work.queue if queue.order == "round_robin" else None)
        if at_once:
            self.assign(work, decision)
        else:
            self.hold(work, seat)
            self._offered(work, decision)

    def look_again(self, work: Work) -> None:
        """It waits in a queue with overflows, and has waited long enough for another one."""
        choice = Choice(None, CLOSED if work.queue in self.desk.hall.closed else WAITS if work.only else NOBODY)
        while (step := following(self.desk, work, self.turn.at_ms, DUE)) is not None:
            asked = Asked("overflow", overflow=step.label)
            if step.to is not None or step.ends:
                self.leave_line(work)
                self._spill(work, step, choice, asked)
                return
            self.decide(work, "waiting", choice, asked)
            self._tell_step(work, step)
            work = step.work
        work = replace(work, looks_ms=next_look_ms(self.desk, work, self.turn.at_ms))
        self.keep(work)
        if work.looks_ms is not None:
            self.turn.timer(OVERFLOW + work.conversation, work.looks_ms)

    def fresh(self, work: Work) -> Work:
        """As the rules of now have it; the conversation is told of tags that are new."""
        now = refreshed(self.desk, work, self.turn.at_ms)
        self.classified(now, work)
        return now

    # -- the steps -------------------------------------------------------------------------------------------------

    def hold(self, work: Work, seat: Seat) -> None:
        """Into the agent's hands, as its state says; they are busy as of now."""
        seat.put(work, self.desk.rules.costs.of(work.channel_class))
        seat.idle_ms = self.turn.at_ms
        self.touch(seat)

    def assign(self, work: Work, decision: Decision) -> None:
        """It is its agent's from now on."""
        self.hold(work, self.desk.seats[work.agent or ""])
        self.keep(work)
        self._told_assigned(work, in_brief(decision))

    def let_go(self, work: Work) -> Seat:
        """Out of the agent's hands; they are idle as of now."""
        seat = self.desk.seats[work.agent or ""]
        if work.state == "offered":
            self.turn.clear_timer(OFFER + work.conversation)
        seat.drop(work, self.desk.rules.costs.of(work.channel_class))
        seat.idle_ms = self.turn.at_ms
        self.touch(seat)
        return seat

    def change(self, work: Work, **changes: object) -> Work:
        """Work that stays with its agent takes another state; where that frees units, the caller says so."""
        seat = self.desk.seats[work.agent or ""]
        costs = self.desk.rules.costs.of(work.channel_class)
        seat.drop(work, costs)
        work = replace(work, **changes)
        seat.put(work, costs)
        self.keep(work)
        self._changed[seat.id] = seat
        return work

    def accept(self, work: Work) -> None:
        """The offer becomes an assignment; the units were held already."""
        self.turn.clear_timer(OFFER + work.conversation)
        self._told_assigned(self.change(work, state="assigned", expires_ms=None, entered=None), None)

    def pause(self, work: Work) -> Seat:
        """It stays with its agent, and holds no units."""
        seat = self.desk.seats[work.agent or ""]
        self.change(work, state="idle")
        self.touch(seat)
        return seat

    def take_back(self, work: Work, reason: str) -> tuple[Work, Seat]:
        """Out of the agent's hands, units freed, nobody's yet. Tells of a withdrawn offer or a lost assignment."""
        seat = self.desk.seats[work.agent or ""]
        if work.state == "offered":
            self.event(OfferWithdrawn, work, seat.id, queue=work.queue, reason=reason)
        else:
            self.tell(work, WorkReturned(conversation=work.conversation, agent=seat.id, reason=reason))
            work = replace(work, again_ms=self.turn.at_ms)
        return self.free(work), seat

    def free(self, work: Work) -> Work:
        """The units go back to the agent; the work is in between, neither held nor in a line."""
        self.let_go(work)
        return replace(work, state="waiting", agent=None, expires_ms=None)

    def leave_line(self, work: Work) -> None:
        self.desk.lines.remove(work)
        if work.declined:
            self.turn.clear_timer(FORGET + work.conversation)
        if next_step_ms(work) is not None:
            self.turn.clear_timer(RELAX + work.conversation)
        if work.only:
            self.turn.clear_timer(PREFER + work.conversation)
        if work.entered is not None:
            leave(self.turn, self.desk, work)

    def wrap_up(self, work: Work, seconds: int) -> None:
        """It is over; its units are held for a while, for finishing up."""
        until_ms = self.turn.at_ms + seconds * 1000
        self.change(work, state="wrap_up", expires_ms=until_ms)
        self.turn.timer(WRAP_UP + work.conversation, until_ms)
        self.event(WrapUpStarted, work, work.agent, until=moment(until_ms))

    def end_wrap_up(self, work: Work) -> Seat:
        """The units are free again, and the work is done with here."""
        self.turn.clear_timer(WRAP_UP + work.conversation)
        self.event(WrapUpEnded, work, work.agent)
        seat = self.let_go(work)
        self.forget(work)
        return seat

    def forget(self, work: Work) -> None:
        """The work is done with here."""
        del self.desk.work[work.conversation]
        self.turn.drop(WORK, work.conversation)
        deaf(self.turn, self.desk, work.conversation)

    # -- writing ---------------------------------------------------------------------------------------------------

    def keep(self, work: Work) -> None:
        self.desk.work[work.conversation] = work
        self.turn.put(WORK, work.conversation, work)

    def rewrite(self, before: Work, work: Work) -> None:
        """Waiting work that another policy made something else of; the lines are made anew by the caller."""
        self.keep(work)
        self.classified(work, before)
        step_ms = next_step_ms(work)
        if step_ms is not None:
            self.turn.timer(RELAX + work.conversation, step_ms)
        elif next_step_ms(before) is not None:
            self.turn.clear_timer(RELAX + work.conversation)

    def touch(self, seat: Seat) -> None:
        """The seat changed: its rooms know at once, its row is written when the command is done."""
        self.desk.moved(seat)
        self._changed[seat.id] = seat

    def forget_seat(self, agent: str) -> None:
        self._changed.pop(agent, None)

    def finish(self) -> None:
        for id, seat in self._changed.items():
            self.turn.put(AGENTS, id, seat.state())

    def tell(self, work: Work, command: Command) -> None:
        self.turn.tell(conversation_shard(shard_of(work.conversation)), command)

    def classified(self, work: Work, before: Work | None) -> None:
        """Tells the conversation what the rules make of it now, where that is new: tags, and what is promised."""
        self.tag(work, before.tags if before is not None else ())
        if work.sla != (before.sla if before is not None else None):
            self.tell(work, WorkClassified(conversation=work.conversation, queue=work.queue, sla=work.sla))

    def tag(self, work: Work, had: tuple[str, ...]) -> None:
        """Tells the conversation the tags that are new."""
        if work.tags == had:
            return
        new = tuple(name for name in work.tags if name not in had)
        if new:
            self.tell(work, TagConversation(conversation=work.conversation, add=new, by="policy"))

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

    def say_waiting(self, work: Work, choice: Choice, asked: Asked) -> None:
        """Records and tells that nobody can have it now, and its position in the line."""
        decision = self.decide(work, "waiting", choice, asked)
        self.tell(work, WorkOffered(conversation=work.conversation, decision=in_brief(decision), queue=work.queue))

    # -- inside ----------------------------------------------------------------------------------------------------

    def come(self, work: Work, choice: Choice, asked: Asked) -> bool:
        """Work that nobody can have comes to the line of its queue, unless an overflow takes it elsewhere. It is in no
        line before. True when somebody has it after all."""
        if work.queue in self.desk.rules.watched:
            return self._come(work, choice, asked)
        self._wait(replace(work, entered=None, looks_ms=None) if work.entered else work, choice, asked)
        return False

    def _come(self, work: Work, choice: Choice, asked: Asked) -> bool:
        when, steps = WAITED if work.entered == work.queue else COMING, list[Step]()
        while (step := following(self.desk, work, self.turn.at_ms, when)) is not None:
            asked = replace(asked, overflow=step.label)
            if step.to is not None or step.ends:
                return self._spill(work, step, choice, asked)
            steps.append(step)
            work, when = step.work, WAITED
        self._wait(enter(self.turn, self.desk, work, asked.trigger), choice, asked)
        for step in steps:
            self._tell_step(work, step)
        return False

    def _spill(self, work: Work, step: Step, choice: Choice, asked: Asked) -> bool:
        """By an overflow, out of a queue that it is not in the line of (any more); True when somebody has it."""
        self.decide(work, "waiting", choice, asked)
        if step.ends:
            if work.conversation in self.desk.work:
                self.forget(work)
            self._tell_step(work, step)
            return False
        has = self.place(replace(step.work, policy=UNASKED), Asked("overflow"))
        self._tell_step(work, step)
        return has

    def _tell_step(self, work: Work, step: Step) -> None:
        how = step.overflow
        to = None if step.ends else step.to or work.queue
        self.event(WorkOverflowed, work, None, queue=work.queue, when=how.when, do=how.do, to=to)
        for command in step.words:
            self.tell(work, command)

    def _wait(self, work: Work, choice: Choice, asked: Asked) -> None:
        if choice.only:
            until_ms = work.only_until_ms or self.turn.at_ms + self.desk.rules.queue(work.queue).prefer_wait_s * 1000
            work = replace(work, only=choice.only, only_until_ms=until_ms)
            self.turn.timer(PREFER + work.conversation, until_ms)
        elif work.keeper is not None:
            work = replace(work, keeper=None)  # nobody waits for them, so from here on they are one of many
        self.keep(work)
        self.desk.lines.add(work)
        if work.declined:
            self.turn.timer(FORGET + work.conversation, min(work.declined.values()))
        step_ms = next_step_ms(work)
        if step_ms is not None:
            self.turn.timer(RELAX + work.conversation, step_ms)
        self.say_waiting(work, choice, asked)

    def _missed(self, agent: str, work: Work) -> str:
        """Why the agent who was asked for by name does not get it."""
        seat = self.desk.seats.get(agent)
        if seat is None:
            return f"unknown_agent:{agent}"
        return f"requested_agent:{agent}:{work.barred().get(agent) or self.desk.verdict(seat, work)}"

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
                voice=self._voice(work),
            ),
        )

    def _told_assigned(self, work: Work, decision: Decision | None) -> None:
        agent = work.agent or ""
        deaf(self.turn, self.desk, work.conversation)
        told = WorkAssigned(conversation=work.conversation, agent=agent, queue=work.queue, decision=decision)
        self.tell(work, replace(told, voice=self._voice(work)))

    def _voice(self, work: Work) -> str | None:
        """Where its agent is called; of no interest to who does not call."""
        seat = self.desk.seats.get(work.agent or "") if work.channel_class == VOICE else None
        return seat.agent.voice if seat is not None else None

    def _stamp(self) -> int:
        """Rises from one giving to the next, over all commands; the same on every replay."""
        milliseconds, _, number = self.turn.entry.partition("-")
        self._given += 1
        return int(milliseconds) * 1_000_000 + int(number) * 1_000 + self._given

    def decide(self, work: Work, outcome: Outcome, choice: Choice, asked: Asked) -> Decision:
        """Records why, before anything moves."""
        at_ms = self.turn.at_ms
        agent = choice.seat.id if choice.seat else None
        reasons = explain(self.desk, work, at_ms, (asked.agent, agent))
        decision = Decision(
            id=self.turn.new_id(DECISION_ID),
            at=self.turn.at,
            conversation=work.conversation,
            outcome=outcome,
            trigger=asked.trigger,
            queue=work.queue,
            policy=self.desk.rules.policy.version,
            rule=work.rule,
            priority=work.priority,
            agent=agent,
            reason=choice.reason,
            weight=work.weight,
            waited_s=max(at_ms - work.waits_since_ms, 0) // 1000,
            position=self.desk.lines.position(work) if outcome == "waiting" else None,
            considered=reasons.considered,
            counts=reasons.counts,
            truncated=reasons.truncated,
            notes=asked.notes,
            rules=work.rules,
            skills=work.needs,
            relaxed=work.relaxed,
            policy_number=self.desk.rules.number,
            overflow=asked.overflow,
            estimate_s=predicted_s(self.desk, work, at_ms) if outcome == "waiting" else None,
        )
        self.turn.put(DECISIONS, decision.id, decision)
        self.turn.push(WHY, work.conversation, decision.id)
        self.event(DecisionMade, work, decision.agent, decision=decision)
        return decision
