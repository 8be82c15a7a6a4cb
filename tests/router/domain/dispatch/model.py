"""The dispatch rules once more, as plainly as they can be said: lists, scans, and one loop that gives out what waits.

Slow and obvious on purpose. The real rules must agree with it after every command.
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
    PublishPolicy,
    PutAgent,
    ReleaseWork,
    RemoveAgent,
    RequestAgent,
    TimerDue,
)
from contracts.policy import ChannelClass, Policy, Queue

CLASSES = {"chat": 20, "social": 20, "sms": 20, "email": 10, "voice": 100, "custom": 20}


@dataclass
class Person:
    agent: Agent
    declared: str = "offline"
    sessions: set[str] = field(default_factory=set)
    grace: bool = False
    idle: int = 0

    @property
    def here(self) -> bool:
        return self.agent.enabled and self.declared == "online" and (bool(self.sessions) or self.grace)


@dataclass
class Job:
    id: str
    facts: Facts
    since: int
    arrival: int
    queue: str = ""
    priority: int = 0
    weight: int = 0
    kind: str = ""
    asked: str | None = None
    state: str = "waiting"
    agent: str | None = None
    expires: int = 0
    declined: dict[str, int] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, int, int]:
        return (-self.priority, self.since, self.arrival)


class Refused(Exception):
    """The command cannot be carried out."""


class Model:
    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.jobs: dict[str, Job] = {}
        self.policy = Policy()
        self.now = 0

    def do(self, command: Any, now: int, arrival: int) -> bool:
        """Carries a command out; False when it is refused."""
        self.now = now
        before = {id for id, person in self.people.items() if person.here}
        try:
            self.carry_out(command, arrival)
        except Refused:
            return False
        for id, person in self.people.items():
            if person.here and id not in before:
                person.idle = now
        self.vacate()
        self.settle()
        return True

    def carry_out(self, command: Any, arrival: int) -> None:
        match command:
            case RequestAgent():
                self.request(command, arrival)
            case ReleaseWork():
                job = self.jobs.get(command.conversation)
                if job:
                    self.free(job)
                    del self.jobs[job.id]
            case AcceptOffer():
                job = self.on_offer(command.conversation, command.agent)
                if self.now >= job.expires:
                    raise Refused
                job.state = "assigned"
            case DeclineOffer():
                self.pass_on(self.on_offer(command.conversation, command.agent))
            case ClaimWork():
                self.claim(command)
            case PutAgent():
                person = self.people.setdefault(command.agent.id, Person(command.agent))
                person.agent = command.agent
            case RemoveAgent():
                self.known(command.agent)
                for job in self.held(command.agent):
                    self.free(job)
                del self.people[command.agent]
            case DeclarePresence():
                self.known(command.agent).declared = command.declared
            case AgentConnection():
                self.connect(self.known(command.agent), command)
            case PublishPolicy():
                changed, self.policy = command.policy != self.policy, command.policy
                for job in self.jobs.values():
                    if changed and job.state == "waiting":
                        self.route(job)
            case TimerDue():
                self.timer(command)

    def timer(self, command: TimerDue) -> None:
        kind, _, name = command.timer.partition(":")
        if kind == "offer":
            self.pass_on(self.jobs[name])
        elif kind == "forget":
            job = self.jobs[name]
            job.declined = {agent: until for agent, until in job.declined.items() if until > self.now}
        elif kind == "grace":
            self.people[name].grace = False
        elif kind == "session":
            for person in self.people.values():
                self.cut_off(person, name)

    # -- what commands do ------------------------------------------------------------------------------------------

    def request(self, command: RequestAgent, arrival: int) -> None:
        job = self.jobs.get(command.conversation)
        requested = command.agent
        if job is None:
            job = Job(command.conversation, command.facts, milliseconds(command.waiting_since), arrival)
            job.asked, job.excluded = command.queue, command.exclude
            self.jobs[job.id] = job
        elif command.queue or command.agent or command.trigger == "transferred":
            giver = (job.agent,) if job.agent and job.agent != command.agent else ()
            job.facts, job.asked = command.facts, command.queue or job.queue
            self.free(job)
            job.declined = {}
            job.excluded = tuple(dict.fromkeys((*command.exclude, *giver)))
        elif job.state == "waiting":
            job.facts, job.excluded = command.facts, command.exclude or job.excluded
        else:
            job.facts = command.facts
            job.priority = job.priority if command.facts.priority is None else command.facts.priority
            return
        self.route(job)
        if requested in self.people and self.can(self.people[requested], job):
            self.offer(job, self.people[requested])

    def claim(self, command: ClaimWork) -> None:
        person, job = self.known(command.agent), self.jobs.get(command.conversation)
        connected = bool(person.sessions) or person.grace
        there = person.agent.enabled and person.declared != "offline" and connected
        if job is None or job.state != "waiting" or not there or not self.fits(person, job):
            raise Refused
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

    def pass_on(self, job: Job) -> None:
        assert job.agent is not None
        job.declined[job.agent] = self.now + self.policy.forget_decline_s * 1000
        self.free(job)

    def vacate(self) -> None:
        """Offers leave whoever is not available; everything leaves whoever is offline, gone or disabled."""
        for id, person in self.people.items():
            gone = not person.sessions and not person.grace
            left = not person.agent.enabled or person.declared == "offline" or gone
            for job in self.held(id):
                if left or (job.state == "offered" and not person.here):
                    self.free(job)

    def settle(self) -> None:
        """Gives the first in line that somebody can take to the right one, until nobody can take anything."""
        while True:
            for job in sorted(self.jobs.values(), key=lambda job: job.place):
                able = [p for p in self.people.values() if job.queue in p.agent.queues and self.can(p, job)]
                if job.state == "waiting" and able:
                    self.offer(job, self.best(job, able))
                    break
            else:
                return

    def best(self, job: Job, able: list[Person]) -> Person:
        queue = self.queue(job.queue)
        previous = [person for person in able if person.agent.id == job.facts.previous_agent]
        if queue.prefer_previous and previous:
            return previous[0]
        if queue.order == "longest_idle":
            return min(able, key=lambda person: (person.idle, person.agent.id))
        return min(able, key=lambda person: (-self.spare(person), person.idle, person.agent.id))

    # -- small words -----------------------------------------------------------------------------------------------

    def offer(self, job: Job, person: Person) -> None:
        queue = self.queue(job.queue)
        job.expires = self.now + queue.offer_timeout_s * 1000
        self.give(job, person, "assigned" if queue.auto_accept else "offered")

    def give(self, job: Job, person: Person, state: str) -> None:
        job.state, job.agent, person.idle = state, person.agent.id, self.now

    def free(self, job: Job) -> None:
        if job.agent is not None:
            self.people[job.agent].idle = self.now
            job.state, job.agent = "waiting", None
            job.queue = self.queue(job.queue).name
            self.price(job)
        job.declined = {agent: until for agent, until in job.declined.items() if until > self.now}

    def route(self, job: Job) -> None:
        rule = next((rule for rule in self.policy.rules if job.facts.account in rule.when.accounts), None)
        job.priority = (rule and rule.priority) or 0
        if job.asked:
            rule = None
        if job.facts.priority is not None:
            job.priority = job.facts.priority
        job.queue = self.queue(job.asked or (rule and rule.queue) or None).name
        self.price(job)

    def price(self, job: Job) -> None:
        known = {**CLASSES, **{name: cost.weight for name, cost in self.policy.classes.items()}}
        job.kind = job.facts.channel_class if job.facts.channel_class in known else "custom"
        job.weight = known[job.kind]

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

    def held(self, agent: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.agent == agent]

    def spare(self, person: Person) -> int:
        return person.agent.capacity - sum(job.weight for job in self.held(person.agent.id))

    def fits(self, person: Person, job: Job) -> bool:
        limit = person.agent.limits.get(job.kind, self.policy.classes.get(job.kind, ChannelClass()).limit)
        count = sum(other.kind == job.kind for other in self.held(person.agent.id))
        return job.weight <= self.spare(person) and (limit is None or count < limit)

    def can(self, person: Person, job: Job) -> bool:
        id = person.agent.id
        return person.here and id not in job.declined and id not in job.excluded and self.fits(person, job)
