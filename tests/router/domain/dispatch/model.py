"""The dispatch rules once more, as plainly as they can be said: lists, scans, and one loop that gives out what waits.

Slow and obvious on purpose. The real rules must agree with it after every command. It knows rules of the policy by
their accounts only; how rules are matched has tests of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.agent import Agent
from contracts.codec import milliseconds
from contracts.commands import (
    AcceptOffer,
    AgentConnection,
    ClaimWork,
    DeclarePresence,
    DeclineOffer,
    Facts,
    FinishWrapUp,
    PauseWork,
    PublishPolicy,
    PutAgent,
    ReleaseWork,
    RemoveAgent,
    RequestAgent,
    TakeOver,
    TimerDue,
    WakeWork,
)
from contracts.policy import ChannelClass, Need, Overflow, Policy, Queue, Relax
from router.domain.hours import is_open, next_change

CLASSES = {
    "chat": ChannelClass(20),
    "social": ChannelClass(20),
    "sms": ChannelClass(20),
    "email": ChannelClass(10),
    "voice": ChannelClass(100, exclusive=True),
    "custom": ChannelClass(20),
}
HOLDING = ("offered", "assigned", "wrap_up")
DAY_MS = 24 * 3600 * 1000


@dataclass
class Person:
    agent: Agent
    declared: str = "offline"
    sessions: set[str] = field(default_factory=set)
    grace: bool = False
    idle: int = 0
    given: int = 0
    turns: dict[str, int] = field(default_factory=dict)
    day: int = 0
    taken: int = 0
    on_shift: bool | None = None
    ending: int | None = None
    """Milliseconds that were left when it was last looked at: nothing that usually takes longer is given to them."""

    @property
    def reachable(self) -> bool:
        return bool(self.sessions) or self.grace

    @property
    def here(self) -> bool:
        return self.agent.enabled and self.declared == "online" and self.reachable and self.on_shift is not False

    @property
    def at_work(self) -> bool:
        return self.signed_in and self.on_shift is not False

    @property
    def signed_in(self) -> bool:
        return self.agent.enabled and self.declared != "offline" and self.reachable


@dataclass
class Job:
    id: str
    facts: Facts
    since: int
    arrival: int
    queue: str = ""
    priority: int = 0
    ahead: int = 0
    weight: int = 0
    kind: str = ""
    skills: dict[str, Need] = field(default_factory=dict)
    relax: tuple[Relax, ...] = ()
    steps: int = 0
    asked: str | None = None
    asked_skills: tuple[Need, ...] = ()
    raised: int = 0
    escalated: int = 0
    refusals: int = 0
    state: str = "waiting"
    agent: str | None = None
    expires: int = 0
    declined: dict[str, int] = field(default_factory=dict)
    keeper: str | None = None
    only: tuple[str, ...] = ()
    only_until: int | None = None
    stale: bool = False
    """To be classified again before it goes anywhere."""
    fresh: bool = False
    """Placed by this command: it may be made to wait for somebody."""
    came: str | None = None
    """The queue whose line it has come to."""
    passed: set[str] = field(default_factory=set)
    """The queues that it overflowed out of."""
    spent: set[tuple[str, Overflow]] = field(default_factory=set)
    diverted: bool = False
    look: bool = False
    """It was placed, or its timer came: the overflows for having waited are asked."""
    again: int | None = None
    """Since when it waits this time, after it came back."""

    @property
    def waits(self) -> int:
        return self.since if self.again is None else self.again

    @property
    def place(self) -> tuple[int, int, int, str]:
        return (self.since - self.ahead, self.since, self.arrival, self.id)

    @property
    def needs(self) -> tuple[Need, ...]:
        needs = dict(self.skills)
        for step in self.relax[: self.steps]:
            for name in list(needs):
                if name in step.drop or "*" in step.drop:
                    del needs[name]
                elif step.levels.get(name, 9) < needs[name].level:
                    needs[name] = Need(name, step.levels[name], needs[name].required)
        return tuple(needs[name] for name in sorted(needs))

    @property
    def queues(self) -> set[str]:
        return {self.queue} | {name for step in self.relax[: self.steps] for name in step.queues}

    @property
    def next_step(self) -> int | None:
        return self.waits + self.relax[self.steps].after_s * 1000 if self.steps < len(self.relax) else None


class Refused(Exception):
    """The command cannot be carried out."""


class Model:
    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.jobs: dict[str, Job] = {}
        self.policy = Policy()
        self.now = 0
        self.gifts = 0
        self.open: dict[str, bool] = {}
        """Calendars, as they were when their last timer was handled."""

    def do(self, command: Any, now: int, arrival: int) -> bool:
        """Carries a command out; False when it is refused."""
        self.now = now
        for person in self.people.values():
            if person.day != now // DAY_MS:
                person.day, person.taken = now // DAY_MS, 0
        before = {id for id, person in self.people.items() if person.here}
        try:
            self.carry_out(command, arrival)
        except Refused:
            return False
        for id, person in self.people.items():
            if person.here and id not in before:
                person.idle = now
        self.vacate(before)
        self.settle()
        return True

    def carry_out(self, command: Any, arrival: int) -> None:
        match command:
            case RequestAgent():
                self.request(command, arrival)
            case ReleaseWork():
                self.release(command.conversation)
            case PauseWork():
                job = self.jobs.get(command.conversation)
                if job and job.state == "assigned":
                    job.state = "idle"
            case WakeWork():
                self.wake(command)
            case FinishWrapUp():
                job = self.jobs.get(command.conversation)
                if job and (job.state != "wrap_up" or job.agent != command.agent):
                    raise Refused
                if job:
                    self.end(job)
            case AcceptOffer():
                job = self.on_offer(command.conversation, command.agent)
                if self.now >= job.expires:
                    raise Refused
                job.state, job.came = "assigned", None
            case DeclineOffer():
                self.pass_on(self.on_offer(command.conversation, command.agent))
            case ClaimWork():
                self.claim(command)
            case TakeOver():
                self.take_over(command)
            case PutAgent():
                person = self.people.setdefault(command.agent.id, Person(command.agent, day=self.now // DAY_MS))
                person.agent = command.agent
                self.look_at_shift(person)
            case RemoveAgent():
                self.known(command.agent)
                for job in self.having(command.agent):
                    self.end(job) if job.state == "wrap_up" else self.free(job)
                self.unreserve(command.agent)
                del self.people[command.agent]
            case DeclarePresence():
                self.known(command.agent).declared = command.declared
            case AgentConnection():
                self.connect(self.known(command.agent), command)
            case PublishPolicy():
                self.publish(command.policy)
            case TimerDue():
                self.timer(command)

    def timer(self, command: TimerDue) -> None:
        kind, _, name = command.timer.partition(":")
        if kind == "offer":
            job = self.jobs[name]
            away = self.queue(job.queue).missed_sets_away and self.people[job.agent or ""].here
            agent = self.people[job.agent or ""]
            self.pass_on(job)
            agent.declared = "away" if away else agent.declared
        elif kind == "forget":
            self.recall(self.jobs[name])
        elif kind in ("relax", "prefer"):
            self.put_down(self.jobs[name])
        elif kind == "wrap_up":
            self.end(self.jobs[name])
        elif kind == "grace":
            self.people[name].grace = False
        elif kind == "hours":
            self.open[name] = is_open(self.policy.calendars[name], self.now)
        elif kind == "overflow":
            self.jobs[name].look = True
        elif kind == "shift" and name in self.people:
            self.look_at_shift(self.people[name])
        elif kind == "session":
            for person in self.people.values():
                self.cut_off(person, name)

    # -- what commands do ------------------------------------------------------------------------------------------

    def request(self, command: RequestAgent, arrival: int) -> None:
        job = self.jobs.get(command.conversation)
        if job and job.state == "wrap_up":
            self.end(job)
            job = None
        if job is None:
            job = Job(command.conversation, command.facts, milliseconds(command.waiting_since), arrival)
            job.raised, job.asked, job.asked_skills = command.raised, command.queue, command.skills
            self.jobs[job.id] = job
            self.put_down(job, route=True)
            self.keep_from(job, command.exclude)
            self.named(job, command)
        elif command.queue or command.agent or command.trigger in ("transferred", "unanswered"):
            given_up = command.trigger != "unanswered" and job.agent and job.agent != command.agent
            giver = (job.agent,) if given_up and job.agent else ()
            self.learn(job, command)
            queue, waits = job.queue, max(job.waits, milliseconds(command.waiting_since))
            self.free(job)
            job.again = waits
            job.declined, job.refusals, job.keeper, job.only_until = {}, 0, None, None
            job.came, job.passed, job.spent, job.diverted = None, set(), set(), False
            job.asked = command.queue or queue
            self.put_down(job, route=True)
            self.keep_from(job, (*command.exclude, *giver))
            self.named(job, command)
        elif job.state == "waiting":
            before = self.where(job)
            self.learn(job, command)
            self.route(job)
            self.keep_from(job, command.exclude)
            if self.where(job) != before:
                self.put_down(job)
        else:
            self.learn(job, command)
            job.stale = True

    def learn(self, job: Job, command: RequestAgent) -> None:
        job.facts, job.raised = command.facts, command.raised
        job.asked_skills = command.skills or job.asked_skills

    def where(self, job: Job) -> Any:
        """All that decides where it waits, and for how long there."""
        return (job.queue, job.queues, job.needs, job.kind, job.weight, job.place, dict(job.declined), job.next_step)

    def named(self, job: Job, command: RequestAgent) -> None:
        """The agent who was asked for by name, if they can."""
        person = self.people.get(command.agent or "")
        if person and (self.can(person, job) or (command.force and person.here and not self.bars(person, job))):
            self.offer(job, person)

    def keep_from(self, job: Job, agents: tuple[str, ...]) -> None:
        """Not to these, if somebody else who is asked is signed in."""
        others = [person for person in self.asked(job) if person.at_work and person.agent.id not in agents]
        if agents and others:
            job.declined |= dict.fromkeys(agents, self.now + self.policy.forget_decline_s * 1000)

    def release(self, conversation: str) -> None:
        job = self.jobs.get(conversation)
        if job is None or job.state == "wrap_up":
            return
        own = self.queue(job.queue).wrap_up_s
        seconds = self.costs(job.kind).wrap_up_s if own is None else own
        if job.state == "assigned" and seconds:
            job.state, job.expires = "wrap_up", self.now + seconds * 1000
        else:
            self.end(job)

    def end(self, job: Job) -> None:
        if job.agent:
            self.people[job.agent].idle = self.now
        del self.jobs[job.id]

    def wake(self, command: WakeWork) -> None:
        job = self.jobs.get(command.conversation)
        if job is None or job.state != "idle":
            return
        assert job.agent is not None
        job.since, job.again, job.declined, job.refusals = milliseconds(command.waiting_since), None, {}, 0
        person = self.people[job.agent]
        if job.stale:
            self.route(job)
        self.look(job)
        there = person.at_work and person.declared in ("online", "busy")
        person.idle = self.now
        if there and self.fits(person, job):
            job.state, job.keeper = "assigned", None
        else:
            job.keeper = job.agent
            self.free(job)
            job.again = None
            self.look(job)

    def claim(self, command: ClaimWork) -> None:
        person, job = self.known(command.agent), self.jobs.get(command.conversation)
        if job is None or job.state != "waiting" or not person.signed_in or not self.fits(person, job):
            raise Refused
        job.declined = {}
        self.give(job, person, "assigned")

    def take_over(self, command: TakeOver) -> None:
        person, job = self.known(command.agent), self.jobs.get(command.conversation)
        if job is None or job.state == "wrap_up" or not person.signed_in:
            raise Refused
        if (job.state, job.agent) == ("assigned", person.agent.id):
            return
        self.free(job)
        job.declined = {}
        self.give(job, person, "assigned")

    def connect(self, person: Person, command: AgentConnection) -> None:
        if not command.connected:
            for other in self.people.values():
                self.cut_off(other, command.session)
            return
        for other in self.people.values():
            if other is not person:
                self.cut_off(other, command.session)
        person.sessions.add(command.session)
        person.grace = False

    def cut_off(self, person: Person, session: str) -> None:
        if session in person.sessions:
            person.sessions.discard(session)
            person.grace = not person.sessions

    def publish(self, policy: Policy) -> None:
        if policy == self.policy:
            return
        before, self.policy = self.policy, policy
        self.open = {name: is_open(calendar, self.now) for name, calendar in policy.calendars.items()}
        for person in self.people.values():
            self.look_at_shift(person)
        for job in self.jobs.values():
            if job.state == "waiting":
                self.route(job)
                was = {queue.name: (queue.overflow, queue.announce, queue.hours) for queue in before.queues}
                queue = self.queue(job.queue)
                job.look = was.get(queue.name, ((), None, None)) != (queue.overflow, queue.announce, queue.hours)
            else:
                job.stale = True

    def pass_on(self, job: Job) -> None:
        assert job.agent is not None
        job.declined[job.agent] = self.now + self.policy.forget_decline_s * 1000
        job.refusals += 1
        queue = self.queue(job.queue)
        if job.refusals == queue.declines:
            job.stale = True
            if queue.escalate:
                job.asked, job.refusals = queue.escalate, 0
            else:
                job.escalated = queue.escalate_priority
        self.free(job)

    def vacate(self, before: set[str]) -> None:
        """Offers leave whoever is not available; everything leaves whoever is offline, gone or disabled, but for idle
        conversations, which only leave who is disabled. Nobody waits for somebody who is not available."""
        for id, person in self.people.items():
            gone = not person.reachable
            left = not person.agent.enabled or person.declared == "offline" or gone
            for job in self.having(id):
                if job.state == "wrap_up" and left:
                    self.end(job)
                elif job.state == "idle" and person.agent.enabled:
                    continue
                elif left or (job.state == "offered" and not person.here):
                    self.free(job)
            if not person.here:
                self.unreserve(id)

    def unreserve(self, agent: str) -> None:
        for job in self.jobs.values():
            if agent in job.only:
                self.put_down(job)

    def settle(self) -> None:
        """Gives the first in line that somebody can take to the right one, or has it overflow, until nobody can take
        anything and nothing overflows."""
        while True:
            for job in sorted(self.jobs.values(), key=lambda job: job.place):
                if job.state != "waiting":
                    continue
                if (person := self.whose(job)) is not None:
                    self.offer(job, person)
                    break
                if self.overflows(job):
                    break
            else:
                return

    def overflows(self, job: Job) -> bool:
        """Does what the next overflow says that holds; False when none does."""
        queue, coming = self.queue(job.queue), job.came != job.queue
        job.came = job.queue
        first = [each for each in queue.overflow if each.when != "waited" and coming and self.holds(each, job)]
        ask, job.look = coming or job.look, False
        later = [each for each in queue.overflow if each.when == "waited" and ask and self.holds(each, job)]
        for overflow in [*first[:1], *sorted(later, key=lambda each: each.at or 0)]:
            job.spent.add((queue.name, overflow))
            if overflow.do == "resolve":
                del self.jobs[job.id]
                return True
            job.diverted = job.diverted or overflow.do == "mail"
            if overflow.queue is not None and overflow.queue != queue.name:
                job.passed.add(queue.name)
                job.asked = overflow.queue
                self.put_down(job, route=True)
                job.came = job.queue if overflow.do == "mail" else None
                return True
        return False

    def holds(self, overflow: Overflow, job: Job) -> bool:
        if (job.queue, overflow) in job.spent or (overflow.classes and job.kind not in overflow.classes):
            return False
        if job.diverted if overflow.do != "queue" else overflow.queue in job.passed:
            return False
        match overflow.when:
            case "closed":
                return self.shut(job)
            case "waited":
                return job.waits + (overflow.at or 0) * 1000 <= self.now
        assert overflow.when == "unstaffed", "the others depend on the order within one command"
        return not any(person.at_work and job.queue in self.serves(person) for person in self.people.values())

    def whose(self, job: Job) -> Person | None:
        """Who gets it now."""
        queue, fresh = self.queue(job.queue), job.fresh
        job.fresh = False
        if self.shut(job):
            job.keeper = None
            return None
        if job.only:
            return next((self.people[id] for id in job.only if self.can(self.people[id], job)), None)
        wished = self.wished(job, queue)
        for person in wished:
            if self.can(person, job):
                return person
        waits = queue.prefer_wait_s and (job.only_until is None or self.now < job.only_until)
        full = [person for person in wished if person.here and not self.bars(person, job) and self.in_time(person, job)]
        if fresh and waits and full:
            job.only = tuple(person.agent.id for person in full)
            job.only_until = job.only_until or self.now + queue.prefer_wait_s * 1000
            return None
        job.keeper = None
        able = [person for person in self.asked(job) if self.can(person, job)]
        return min(able, key=lambda person: self.order(person, job, queue), default=None)

    def wished(self, job: Job, queue: Queue) -> list[Person]:
        asked = {person.agent.id: person for person in self.asked(job)}
        previous = (job.facts.previous_agent or "",) if queue.prefer_previous else ()
        first = [self.people[job.keeper]] if job.keeper in self.people else []
        named = dict.fromkeys((*job.facts.preferred, *previous))
        rest = [asked[id] for id in named if id in asked and id != job.keeper]
        return first + rest

    def order(self, person: Person, job: Job, queue: Queue) -> tuple[int, ...]:
        """Less is better; ids of these tests sort like the agents were named."""
        levels = [(need, person.agent.skills.get(need.skill, 0)) for need in job.needs]
        missing = sum(level < need.level for need, level in levels)
        skill = {
            "any": 0,
            "most": -sum(level for _, level in levels),
            "nearest": sum(max(level - need.level, 0) for need, level in levels),
        }[queue.proficiency]
        turn = {
            "longest_idle": person.idle,
            "most_spare": self.used(person) - person.agent.capacity,
            "round_robin": person.turns.get(queue.name, 0),
            "least_today": person.taken,
        }[queue.order]
        return (missing, skill, turn, person.given, ord(person.agent.id[0]))

    # -- small words -----------------------------------------------------------------------------------------------

    def offer(self, job: Job, person: Person) -> None:
        queue = self.queue(job.queue)
        job.expires = self.now + queue.offer_timeout_s * 1000
        self.give(job, person, "assigned" if queue.auto_accept else "offered")

    def give(self, job: Job, person: Person, state: str) -> None:
        job.state, job.agent, person.idle = state, person.agent.id, self.now
        job.keeper, job.only, job.only_until, job.fresh = None, (), None, False
        job.came = None if state == "assigned" else job.came
        self.gifts += 1
        person.given = self.gifts
        person.taken += 1
        if self.queue(job.queue).order == "round_robin":
            person.turns[job.queue] = self.gifts

    def free(self, job: Job) -> None:
        if job.agent is not None:
            self.people[job.agent].idle = self.now
            job.again = job.again if job.state == "offered" else self.now
            job.state, job.agent = "waiting", None
        self.put_down(job)

    def put_down(self, job: Job, route: bool = False) -> None:
        """It is placed anew: by the rules of now if they are others, without what is forgotten, relaxed by its age."""
        job.fresh, job.look, job.only = True, True, ()
        self.recall(job)
        if route or job.stale:
            self.route(job)
        self.look(job)

    def recall(self, job: Job) -> None:
        job.declined = {agent: until for agent, until in job.declined.items() if until > self.now}

    def look(self, job: Job) -> None:
        job.steps = sum(job.waits + step.after_s * 1000 <= self.now for step in job.relax)

    def route(self, job: Job) -> None:
        rule = next((rule for rule in self.policy.rules if job.facts.account in rule.when.accounts), None)
        queue = self.queue(job.asked or (rule.queue if rule else None))
        said = (rule.priority if rule else None) or 0
        hand = job.facts.priority
        job.queue, job.stale = queue.name, False
        job.priority = (said if hand is None else hand) + queue.priority + job.raised + job.escalated
        job.ahead = job.priority * (self.policy.aging_s * 1000 or 10**12)
        job.kind = job.facts.channel_class if job.facts.channel_class in self.classes() else "custom"
        job.weight = self.costs(job.kind).weight if rule is None or rule.weight is None else rule.weight
        job.skills, job.relax = {}, rule.relax if rule else ()
        for need in (*(rule.skills if rule else ()), *job.asked_skills):
            had = job.skills.get(need.skill, Need(need.skill, 0, False))
            job.skills[need.skill] = Need(need.skill, max(had.level, need.level), had.required or need.required)
        self.look(job)

    def asked(self, job: Job) -> list[Person]:
        """Who serves its queues and has the skills it cannot do without."""
        found = []
        for person in self.people.values():
            serves = job.queues & self.serves(person)
            skills = person.agent.skills
            if serves and all(skills.get(need.skill, 0) >= need.level for need in job.needs if need.required):
                found.append(person)
        return found

    def serves(self, person: Person) -> set[str]:
        teams = {queue.name for queue in self.policy.queues if set(queue.teams) & set(person.agent.teams)}
        return {*person.agent.queues} | teams

    def shut(self, job: Job) -> bool:
        return not self.open.get(self.queue(job.queue).hours or "", True)

    def look_at_shift(self, person: Person) -> None:
        calendar = self.policy.calendars.get(person.agent.shift or "")
        person.on_shift, person.ending = None if calendar is None else is_open(calendar, self.now), None
        ends = next_change(calendar, self.now)
        if person.on_shift and ends is not None:
            person.ending = ends - self.now

    def in_time(self, person: Person, job: Job) -> bool:
        return person.ending is None or (self.costs(job.kind).expected_s or 0) * 1000 <= person.ending

    def classes(self) -> dict[str, ChannelClass]:
        return {**CLASSES, **self.policy.classes}

    def costs(self, kind: str) -> ChannelClass:
        return self.classes().get(kind) or self.classes()["custom"]

    def queue(self, name: str | None) -> Queue:
        named = {queue.name: queue for queue in self.policy.queues}
        return named.get(name or "") or named[self.policy.default_queue]

    def known(self, agent: str) -> Person:
        if agent not in self.people:
            raise Refused
        return self.people[agent]

    def on_offer(self, conversation: str, agent: str) -> Job:
        job = self.jobs.get(conversation)
        if job is None or job.state != "offered" or job.agent != agent:
            raise Refused
        return job

    def having(self, agent: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.agent == agent]

    def held(self, person: Person) -> list[Job]:
        """What holds units of theirs."""
        return [job for job in self.having(person.agent.id) if job.state in HOLDING]

    def used(self, person: Person) -> int:
        return sum(job.weight for job in self.held(person))

    def fits(self, person: Person, job: Job) -> bool:
        held, costs = self.held(person), self.costs(job.kind)
        primary = [other for other in held if not self.costs(other.kind).interruptible]
        if any(self.costs(other.kind).exclusive for other in held) or (costs.exclusive and primary):
            return False
        load = sum(other.weight for other in (held if costs.interruptible else primary))
        limit = person.agent.limits.get(job.kind, costs.limit)
        count = sum(other.kind == job.kind for other in held)
        return load + job.weight <= person.agent.capacity and (limit is None or count < limit)

    def bars(self, person: Person, job: Job) -> bool:
        return person.agent.id in job.declined

    def can(self, person: Person, job: Job) -> bool:
        return person.here and not self.bars(person, job) and self.fits(person, job) and self.in_time(person, job)
