"""The other side of the dispatch rules: conversations that ask, wait, are handled, fall silent and end by the day.

It never answers within the command that told it something: what follows is put on the agenda.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from contracts.codec import moment
from contracts.commands import (
    AcceptOffer,
    DeclineOffer,
    FinishWrapUp,
    NotifyCustomer,
    PauseWork,
    ReleaseWork,
    RequestAgent,
    WakeWork,
    WorkAssigned,
    WorkClassified,
    WorkDiverted,
    WorkOffered,
    WorkReturned,
)
from contracts.events import OfferDeclined, OfferExpired, WorkEscalated, WorkOverflowed
from contracts.policy import Policy
from router.domain.dispatch.desk import Desk
from router.rehearse.agenda import Agenda
from router.rehearse.day import Case, Day, News, Passing, Reaction, Silence
from router.rehearse.promise import Promises, kept, urgency
from router.rehearse.talk import Talk


class Conversations:
    """``do`` carries a command out at the dispatch shard; ``desk`` is looked at, never touched."""

    def __init__(self, day: Day, policy: Policy, agenda: Agenda, desk: Desk, do: Callable[[Any], bool]) -> None:
        self.talks: dict[str, Talk] = {}
        self.all: list[Talk] = []
        self.given: dict[str, int] = {}
        self.notices = 0
        self._accept_ms = day.accept_ms
        self._agenda = agenda
        self._desk = desk
        self._do = do
        self._promises = Promises(policy)
        self._last_agent: dict[str, str] = {}
        self._told: dict[type, Callable[[Talk, Any], None]] = {
            WorkAssigned: self._assigned,
            WorkOffered: self._offered,
            WorkReturned: self._returned,
            WorkClassified: self._classified,
            WorkDiverted: self._diverted,
        }

    # -- arriving --------------------------------------------------------------------------------------------------

    def arrive(self, case: Case) -> None:
        """It asks for an agent. One that is still going on is only the longer for it."""
        before = self.talks.get(case.conversation)
        if before is not None and not before.over:
            before.handle_ms += case.handle_ms
            before.life.joined += 1
            return
        facts = case.facts
        if case.returning:
            facts = replace(facts, previous_agent=self._last_agent.get(facts.contact, facts.previous_agent))
        talk = Talk(case, facts, self._desk.rules.costs.class_of(facts.channel_class))
        self.talks[case.conversation] = talk
        self.all.append(talk)
        trigger = "transferred" if case.queue or case.agent else "work_arrived"
        self._ask(talk, queue=case.queue, agent=case.agent, skills=case.skills, trigger=trigger)
        self._placed(talk)
        if case.patience_ms is not None:
            self._agenda.put(case.at_ms + case.patience_ms, self._give_up, talk)
        for news in case.news:
            self._agenda.put(case.at_ms + news.after_ms, self._learn, (talk, news))

    def _ask(self, talk: Talk, **how: Any) -> None:
        life = talk.life
        since = moment(self._since_ms(talk))
        self._do(
            RequestAgent(
                conversation=life.conversation, facts=talk.facts, waiting_since=since, raised=talk.raised, **how
            )
        )

    def _since_ms(self, talk: Talk) -> int:
        """Since when the customer waits without an answer; once there was one, from now on."""
        now_ms = self._agenda.now_ms
        return talk.life.waiting_since_ms if talk.answered_by(now_ms) is None else now_ms

    def _placed(self, talk: Talk) -> None:
        """What the rules made of it."""
        work = self._desk.work.get(talk.life.conversation)
        if work is not None:
            life = talk.life
            life.rule, life.priority = work.rule, work.priority
            life.queue = life.queue or work.queue
            self._promise(talk, work.sla)

    def _learn(self, subject: tuple[Talk, News]) -> None:
        talk, news = subject
        if talk.over or self.talks[talk.life.conversation] is not talk:
            return
        if talk.agent is not None and (news.request.queue or news.request.agent):
            return  # it was sent on while nobody had it
        since = moment(talk.life.waiting_since_ms)
        self._do(replace(news.request, waiting_since=since, raised=talk.raised))
        self._placed(talk)

    def _give_up(self, talk: Talk) -> None:
        if not talk.over and talk.life.assigned_ms is None and talk.life.diverted is None:
            self._end(talk, "abandoned")

    # -- what dispatch says ----------------------------------------------------------------------------------------

    def hear(self, told: Any) -> None:
        """A command to a conversation shard."""
        kind = type(told)
        hears = self._told.get(kind)
        if hears is not None:
            talk = self.talks.get(told.conversation)
            if talk is not None and not talk.over:
                hears(talk, told)
        elif kind is NotifyCustomer:
            self.notices += 1

    def happened(self, event: Any) -> None:
        """An event of the dispatch shard."""
        talk = self.talks.get(event.conversation)
        if talk is None:
            return
        life, kind = talk.life, type(event)
        if kind is OfferDeclined:
            life.declines += 1
        elif kind is OfferExpired:
            life.missed += 1
        elif kind is WorkEscalated:
            life.escalations += 1
        elif kind is WorkOverflowed:
            life.overflows.append(f"{event.when}:{event.do}")

    def _offered(self, talk: Talk, told: WorkOffered) -> None:
        talk.queue = told.queue
        talk.life.queue = talk.life.queue or told.queue
        if told.agent is None:
            talk.offer = None
            return
        reaction = talk.reaction(self._accept_ms)
        talk.offer = talk.life.offers
        if reaction.does != "miss":
            due = self._agenda.now_ms + reaction.after_ms
            self._agenda.put(due, self._react, (talk, talk.offer, told.agent, reaction))

    def _react(self, subject: tuple[Talk, int, str, Reaction]) -> None:
        talk, offer, agent, reaction = subject
        if talk.offer == offer and not talk.over:
            kind = AcceptOffer if reaction.does == "accept" else DeclineOffer
            self._do(kind(conversation=talk.life.conversation, agent=agent))

    def _assigned(self, talk: Talk, told: WorkAssigned) -> None:
        if talk.agent == told.agent:
            return
        if talk.agent is not None:
            talk.lost(self._agenda.now_ms)
        talk.given(told.agent, told.queue, self._agenda.now_ms)
        talk.life.queue = talk.life.queue or told.queue
        self.given[told.agent] = self.given.get(told.agent, 0) + 1
        self._last_agent[talk.facts.contact] = told.agent
        self._watch(talk)
        self._go_on(talk)

    def _returned(self, talk: Talk, told: WorkReturned) -> None:
        if talk.agent == told.agent:
            talk.lost(self._agenda.now_ms)

    def _classified(self, talk: Talk, told: WorkClassified) -> None:
        self._promise(talk, told.sla)

    def _diverted(self, talk: Talk, told: WorkDiverted) -> None:
        talk.life.diverted = told.to
        if told.to == "resolve" and talk.agent is None:
            self._agenda.put(self._agenda.now_ms, self._turn_away, talk)

    def _turn_away(self, talk: Talk) -> None:
        if not talk.over and talk.agent is None:
            self._end(talk, "turned_away")

    # -- being handled ---------------------------------------------------------------------------------------------

    def _go_on(self, talk: Talk) -> None:
        """Up to the next mark, or to the end."""
        after_ms = talk.marks[talk.mark][0] if talk.mark < len(talk.marks) else talk.handle_ms
        self._agenda.put(talk.began_ms + after_ms - talk.done_ms, self._reach, (talk, talk.turn))

    def _reach(self, subject: tuple[Talk, int]) -> None:
        talk, turn = subject
        if talk.turn != turn or talk.over:
            return
        if talk.mark < len(talk.marks):
            _, what = talk.marks[talk.mark]
            talk.mark += 1
            self._fall_silent(talk, what) if isinstance(what, Silence) else self._pass_on(talk, what)
            if talk.turn == turn:
                self._go_on(talk)
        elif self._agenda.now_ms < talk.began_ms + talk.handle_ms - talk.done_ms:
            self._go_on(talk)  # another case of it came meanwhile
        else:
            self._end(talk, "served")

    def _fall_silent(self, talk: Talk, silence: Silence) -> None:
        idle_s = self._promises.queue(talk.queue).idle_after_s
        if idle_s is not None and silence.for_ms > idle_s * 1000:
            now_ms = self._agenda.now_ms
            self._agenda.put(now_ms + idle_s * 1000, self._pause, (talk, talk.turn))
            self._agenda.put(now_ms + silence.for_ms, self._wake, (talk, talk.turn))

    def _pause(self, subject: tuple[Talk, int]) -> None:
        talk, turn = subject
        if talk.turn == turn and not talk.over:
            talk.idle = True
            self._do(PauseWork(conversation=talk.life.conversation))

    def _wake(self, subject: tuple[Talk, int]) -> None:
        talk, turn = subject
        if talk.turn == turn and not talk.over and talk.idle:
            talk.idle = False
            since = moment(self._agenda.now_ms)
            self._do(WakeWork(conversation=talk.life.conversation, waiting_since=since))

    def _pass_on(self, talk: Talk, passing: Passing) -> None:
        """Nobody passes on to a queue what is in it already."""
        if passing.agent is None and passing.queue == talk.queue:
            return
        giver = talk.agent
        talk.lost(self._agenda.now_ms)
        self._ask(
            talk,
            queue=passing.queue,
            agent=passing.agent,
            force=passing.force,
            skills=passing.skills,
            exclude=(giver,) if giver and passing.agent is None else (),
            trigger="transferred",
        )
        self._placed(talk)

    def _end(self, talk: Talk, how: Any) -> None:
        life, agent = talk.life, talk.agent
        life.ended_ms, life.end, talk.over = self._agenda.now_ms, how, True
        self._settle(talk, self._agenda.now_ms)
        self._do(ReleaseWork(conversation=life.conversation, reason=how))
        if agent is not None and talk.case.wrap_ms is not None:
            due = self._agenda.now_ms + talk.case.wrap_ms
            self._agenda.put(due, self._finish_up, (life.conversation, agent))

    def _finish_up(self, subject: tuple[str, str]) -> None:
        conversation, agent = subject
        work = self._desk.work.get(conversation)
        if work is not None and work.state == "wrap_up" and work.agent == agent:
            self._do(FinishWrapUp(conversation=conversation, agent=agent))

    # -- promises and care -----------------------------------------------------------------------------------------

    def _promise(self, talk: Talk, name: str | None) -> None:
        if name == talk.sla_name:
            return
        talk.sla_name, talk.sla = name, self._promises.sla(name)
        if talk.sla is None:
            talk.sla_name = talk.life.sla = None
            return
        life, sla = talk.life, talk.sla
        life.sla = name
        talk.first = self._promises.first_response(sla, life.waiting_since_ms)
        talk.resolution = self._promises.resolution(sla, life.waiting_since_ms)
        if sla.at_risk_priority or sla.breach_priority:
            for due in {*talk.first, *talk.resolution}:
                if due is not None:
                    self._agenda.put(due, self._raise, talk)

    def _raise(self, talk: Talk) -> None:
        """A promise came to be at risk, or was broken: it may be more urgent now."""
        sla, now_ms = talk.sla, self._agenda.now_ms
        if talk.over or sla is None:
            return
        raised = urgency(sla, talk.resolution, now_ms)
        if talk.answered_by(now_ms) is None:
            raised = max(raised, urgency(sla, talk.first, now_ms))
        if raised != talk.raised:
            talk.raised = raised
            self._ask(talk, trigger="promise")

    def _watch(self, talk: Talk) -> None:
        """An agent who does not answer in time will lose it."""
        life = talk.life
        queue = self._promises.queue(talk.queue)
        if queue.unanswered_s is None or life.answered_ms is not None:
            return
        due = self._promises.unanswered(queue, max(life.waiting_since_ms, talk.began_ms))
        if due is not None and (talk.answer_ms is None or talk.began_ms + talk.answer_ms > due):
            self._agenda.put(due, self._take_away, (talk, talk.turn))

    def _take_away(self, subject: tuple[Talk, int]) -> None:
        talk, turn = subject
        if talk.turn != turn or talk.over:
            return
        queue, agent, care = talk.queue, talk.agent, self._promises.queue(talk.queue)
        talk.lost(self._agenda.now_ms)
        if care.unanswered == "escalate" and care.escalate is not None:
            queue = care.escalate
        exclude = (agent,) if agent is not None and care.unanswered != "requeue" else ()
        self._ask(talk, queue=queue, exclude=exclude, trigger="unanswered")

    def _settle(self, talk: Talk, until_ms: int) -> None:
        """Which promises were kept, by then."""
        life = talk.life
        answered = talk.answered_by(until_ms)
        if answered is None and life.end == "served":
            answered = life.answered_ms = until_ms
        life.first_response = kept(talk.first, answered, until_ms)
        life.resolution = kept(talk.resolution, life.ended_ms if life.end == "served" else None, until_ms)

    def close(self, at_ms: int) -> None:
        """The day is over."""
        for talk in self.all:
            if not talk.over:
                talk.life.end = "waiting" if talk.agent is None else "with_agent"
                self._settle(talk, at_ms)
