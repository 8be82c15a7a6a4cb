"""Any sequence of commands: the rules do what the plain model does, and what they promise holds in every state."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.agent import Agent
from contracts.codec import moment
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
from contracts.policy import Announce, Calendar, ChannelClass, Match, Need, Overflow, Policy, Queue, Relax, Rule
from contracts.streams import DISPATCH
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.hall import Hall
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.skill import next_step_ms
from router.domain.dispatch.tables import AGENTS, HOURS, NEWS, PACES, POLICY, SESSIONS, WORK
from tests.router.domain.dispatch.floor import Floor, cv
from tests.router.domain.dispatch.model import Model
from tests.router.domain.dispatch.picture import pictured, rooms_are_as_new

AGENT = st.sampled_from(["ann", "bob", "cy", "dee"])
NUMBER = st.integers(0, 9)
QUEUE = st.sampled_from(["sales", "help", "night", "team"])
SESSION = st.sampled_from(["s1", "s2", "s3"])

POLICIES = [
    Policy(
        version="2",
        queues=(
            Queue("sales", prefer_wait_s=20, declines=2, escalate="help", wrap_up_s=4),
            Queue("help", order="most_spare", offer_timeout_s=10, proficiency="nearest", declines=1, priority=3),
            Queue("team", order="least_today", teams=("blue",), auto_accept=True, proficiency="most"),
        ),
        rules=(
            Rule("shop", Match(accounts=("shop",)), queue="sales", priority=5, skills=(Need("ja", 3), Need("vip"))),
            Rule(
                "site",
                Match(accounts=("site",)),
                queue="help",
                skills=(Need("ja", 2), Need("en", 1, required=False)),
                relax=(Relax(5, levels={"ja": 1}), Relax(12, drop=("*",), queues=("sales",))),
                weight=15,
            ),
            Rule("team", Match(accounts=("team",)), queue="team"),
        ),
        classes={"email": ChannelClass(10, interruptible=True), "voice": ChannelClass(30, exclusive=True)},
        default_queue="help",
        forget_decline_s=40,
        aging_s=1,
    ),
    Policy(
        version="3",
        queues=(
            Queue("help", prefer_previous=False, order="round_robin", missed_sets_away=True),
            Queue("night", auto_accept=True, prefer_wait_s=8),
        ),
        rules=(Rule("shop", Match(accounts=("shop",)), queue="night", skills=(Need("en", 4, required=False),)),),
        default_queue="help",
        classes={"chat": ChannelClass(30, limit=1, wrap_up_s=6), "fax": ChannelClass(5, interruptible=True)},
        presence_grace_s=5,
        forget_decline_s=15,
        aging_s=0,
    ),
    Policy(
        version="4",
        queues=(
            Queue(
                "sales",
                hours="counter",
                overflow=(
                    Overflow("waited", "queue", 90, "night"),
                    Overflow("closed", "queue", queue="help", classes=("chat", "voice")),
                    Overflow("closed", "message"),
                    Overflow("waited", "message", 7),
                ),
                announce=Announce(first_after_s=2, every_s=9),
            ),
            Queue(
                "help",
                hours="breaks",
                auto_accept=True,
                prefer_wait_s=15,
                overflow=(Overflow("closed", "queue", queue="sales"), Overflow("waited", "mail", 30, "night")),
                announce=Announce(first_after_s=0, every_s=4, position=False),
            ),
            Queue("night", overflow=(Overflow("unstaffed", "queue", queue="team"), Overflow("waited", "resolve", 180))),
            Queue("team", teams=("blue", "red"), hours="always", announce=Announce(long_s=1)),
        ),
        rules=(
            Rule("shop", Match(accounts=("shop",)), queue="sales"),
            Rule("site", Match(accounts=("site",)), queue="help"),
        ),
        default_queue="night",
        calendars={
            "counter": Calendar(week={"fri": ("08:00-08:01", "08:02-08:05", "08:06-09:00")}),
            "breaks": Calendar(week={"fri": ("08:01-08:02", "08:03-08:04", "08:07-08:30")}),
            "early": Calendar(week={"fri": ("08:00-08:03", "08:05-08:08")}),
            "always": Calendar(),
        },
        classes={"chat": ChannelClass(20, expected_s=45), "email": ChannelClass(10, expected_s=100)},
    ),
]

LEVEL = st.integers(1, 5)
AGENTS_DECLARED = st.builds(
    Agent,
    id=AGENT,
    name=st.just("A"),
    queues=st.sets(QUEUE, min_size=1).map(lambda names: tuple(sorted(names))),
    capacity=st.sampled_from([20, 40, 60, 100]),
    limits=st.sampled_from([{}, {}, {"chat": 1}, {"email": 2}]),
    skills=st.dictionaries(st.sampled_from(["ja", "en", "vip"]), LEVEL),
    teams=st.sampled_from([(), ("blue",), ("red",)]),
    enabled=st.sampled_from([True, True, True, False]),
    shift=st.sampled_from([None, "early", "breaks", "always"]),
)
FACTS = st.builds(
    Facts,
    channel=st.just("webchat"),
    account=st.sampled_from(["shop", "site", "team", "else"]),
    channel_class=st.sampled_from(["chat", "chat", "email", "voice", "fax"]),
    contact=st.just("ct_01_x"),
    previous_agent=st.sampled_from([None, None, "ann", "bob"]),
    preferred=st.sampled_from([(), (), ("cy", "ann"), ("dee",)]),
    priority=st.sampled_from([None, None, 0, 9]),
)
SKILLS = st.sampled_from([(), (), (Need("en", 2),), (Need("ja", 5, required=False), Need("vip"))])


class Floors(RuleBasedStateMachine):
    """The real rules and the model, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.model = Model()
        self.held: dict[str, set[str]] = {}
        self.forced: set[str] = set()
        self.send(PublishPolicy(policy=POLICIES[0]))
        for name in ("ann", "bob"):
            self.send(PutAgent(agent=Agent(name, name, ("sales", "help"), capacity=40)))
            self.send(AgentConnection(agent=name, session=f"s-{name}", connected=True))
            self.send(DeclarePresence(agent=name, declared="online"))

    def send(self, command: Any) -> None:
        problem = self.floor.do(command)
        assert self.tell_model(command) == (problem is None), problem

    def tell_model(self, command: Any) -> bool:
        entry = self.floor.store[DISPATCH].log[-1].id
        ms, _, number = entry.partition("-")
        return self.model.do(command, int(ms), int(ms) * 1_000_000 + int(number))

    @rule(number=NUMBER, facts=FACTS, waited=st.integers(0, 8), skills=SKILLS, raised=st.sampled_from([0, 0, 4]))
    def ask(self, number: int, facts: Facts, waited: int, skills: tuple[Need, ...], raised: int) -> None:
        since = moment(self.floor.store.now_ms - waited * 1000)
        command = RequestAgent(conversation=cv(number), facts=facts, waiting_since=since)
        self.send(msgspec.structs.replace(command, skills=skills, raised=raised))

    @rule(
        number=NUMBER,
        facts=FACTS,
        queue=st.none() | QUEUE | st.just("nowhere"),
        agent=st.none() | AGENT,
        exclude=st.sampled_from([(), ("ann",)]),
        how=st.sampled_from(["transferred", "transferred", "unanswered"]),
        force=st.booleans(),
        waited=st.integers(0, 8),
    )
    def transfer(
        self,
        number: int,
        facts: Facts,
        queue: str | None,
        agent: str | None,
        exclude: tuple[str, ...],
        how: str,
        force: bool,
        waited: int,
    ) -> None:
        since = moment(self.floor.store.now_ms - waited * 1000)
        command = RequestAgent(conversation=cv(number), facts=facts, waiting_since=since, queue=queue, agent=agent)
        self.forced.add(cv(number))
        self.send(msgspec.structs.replace(command, exclude=exclude, trigger=how, force=force))

    @rule(number=NUMBER)
    def pause(self, number: int) -> None:
        self.send(PauseWork(conversation=cv(number)))

    @rule(number=NUMBER)
    def wake(self, number: int) -> None:
        self.send(WakeWork(conversation=cv(number), waiting_since=moment(self.floor.store.now_ms)))

    @rule(number=NUMBER, agent=AGENT, right=st.booleans())
    def finish(self, number: int, agent: str, right: bool) -> None:
        self.send(FinishWrapUp(conversation=cv(number), agent=self._offered_to(number, right) or agent))

    @rule(number=NUMBER, agent=AGENT)
    def take_over(self, number: int, agent: str) -> None:
        self.forced.add(cv(number))
        self.send(TakeOver(conversation=cv(number), agent=agent))

    @rule(number=NUMBER)
    def release(self, number: int) -> None:
        self.send(ReleaseWork(conversation=cv(number), reason="resolved"))

    @rule(number=NUMBER, agent=AGENT, right=st.booleans())
    def accept(self, number: int, agent: str, right: bool) -> None:
        self.send(AcceptOffer(conversation=cv(number), agent=self._offered_to(number, right) or agent))

    @rule(number=NUMBER, agent=AGENT, right=st.booleans())
    def decline(self, number: int, agent: str, right: bool) -> None:
        self.send(DeclineOffer(conversation=cv(number), agent=self._offered_to(number, right) or agent))

    @rule(number=NUMBER, agent=AGENT)
    def claim(self, number: int, agent: str) -> None:
        self.send(ClaimWork(conversation=cv(number), agent=agent))

    @rule(agent=AGENTS_DECLARED)
    def put_agent(self, agent: Agent) -> None:
        self.send(PutAgent(agent=agent))

    @rule(agent=AGENT)
    def remove_agent(self, agent: str) -> None:
        self.send(RemoveAgent(agent=agent))

    @rule(agent=AGENT, status=st.sampled_from(["online", "online", "online", "busy", "away", "offline"]))
    def declare(self, agent: str, status: Any) -> None:
        self.send(DeclarePresence(agent=agent, declared=status))

    @rule(agent=AGENT, session=SESSION, connected=st.sampled_from([True, True, False]))
    def connect(self, agent: str, session: str, connected: bool) -> None:
        self.send(AgentConnection(agent=agent, session=session, connected=connected))

    @rule(policy=st.sampled_from(POLICIES))
    def publish(self, policy: Policy) -> None:
        self.send(PublishPolicy(policy=policy))

    @rule(seconds=st.sampled_from([1, 4, 10, 31, 200]))
    def wait(self, seconds: int) -> None:
        store, shard = self.floor.store, self.floor.store[DISPATCH]
        until = store.now_ms + seconds * 1000
        while (due := store._next_timer(until)) is not None:
            store.now_ms = max(store.now_ms, due[0])
            command = TimerDue(timer=due[2], due=due[0])
            shard.append(store.now_ms, command)
            store.settle()
            assert self.tell_model(command)
            self.agrees()
        store.now_ms = until

    @rule()
    def new_owner(self) -> None:
        self.floor.store.restart(DISPATCH)

    def _offered_to(self, number: int, right: bool) -> str | None:
        job = self.model.jobs.get(cv(number))
        return job.agent if right and job else None

    # -- what holds ------------------------------------------------------------------------------------------------

    @invariant()
    def agrees(self) -> None:
        rows = self.floor.store.rows(WORK)
        assert set(rows) == set(self.model.jobs), "no work is lost, none is invented"
        for id, work in rows.items():
            job = self.model.jobs[id]
            real = (work.state, work.agent, work.queue, work.weight, work.channel_class, dict(work.declined))
            assert real == (job.state, job.agent, job.queue, job.weight, job.kind, job.declined), (id, work.state)
            asks = (work.needs, {work.queue, *work.also}, work.relaxed, work.only, work.priority)
            assert asks == (job.needs, job.queues, job.steps, job.only, job.priority), id
            assert work.line_key == job.place, "the original place is kept"
            assert work.waits_since_ms == job.waits, "what it waits this time is counted from then"

    @invariant()
    def agents_hold_what_they_say(self) -> None:
        rows = self.floor.store.rows(AGENTS)
        assert set(rows) == set(self.model.people)
        for id, state in rows.items():
            person = self.model.people[id]
            hands = {"assigned": state.work, "offered": state.offers, "wrap_up": state.wrap_up, "idle": state.idle}
            for kind, conversations in hands.items():
                having = [job.id for job in self.model.having(id) if job.state == kind]
                assert sorted(conversations) == sorted(having), kind
            assert state.used == self.model.used(person)
            assert state.presence.connected == bool(person.sessions)
            assert (state.idle_since or moment(0)) == moment(person.idle)
            assert state.taken_today == person.taken or person.taken == 0

    @invariant()
    def turns_are_the_same(self) -> None:
        """Who was given work least recently, over all and by queue."""
        rows, people = self.floor.store.rows(AGENTS), self.model.people
        assert sorted(rows, key=lambda id: (rows[id].given, id)) == sorted(
            people, key=lambda id: (people[id].given, id)
        )
        for name in ("help", "sales"):
            turns = sorted(rows, key=lambda id: (rows[id].turns.get(name, 0), id))
            assert turns == sorted(people, key=lambda id: (people[id].turns.get(name, 0), id))

    @invariant()
    def capacity_is_exact(self) -> None:
        """Over the limit is only who was given a lower limit, or something by force; and they get nothing."""
        for id, person in self.model.people.items():
            held = {job.id: job for job in self.model.held(person)}
            new = [held[one] for one in held.keys() - self.held.get(id, set())]
            costs = {one: self.model.costs(job.kind) for one, job in held.items()}
            primary = [job for one, job in held.items() if not costs[one].interruptible]
            if not self.forced & set(held):
                if any(not costs[job.id].interruptible for job in new):
                    assert sum(job.weight for job in primary) <= person.agent.capacity
                elif new:
                    assert self.model.used(person) <= person.agent.capacity
                assert len(primary) == 1 or not any(costs[job.id].exclusive for job in new)
            self.held[id] = set(held)
        self.forced.clear()

    @invariant()
    def nothing_servable_waits(self) -> None:
        for job in self.model.jobs.values():
            if job.state != "waiting" or self.model.shut(job):
                continue
            asked = [self.model.people[id] for id in job.only] if job.only else self.model.asked(job)
            assert not any(self.model.can(person, job) for person in asked)

    @invariant()
    def every_wait_has_an_end(self) -> None:
        timers = self.floor.store[DISPATCH].timers
        for id, work in self.floor.store.rows(WORK).items():
            assert timers.get(f"offer:{id}") == (work.expires_ms if work.state == "offered" else None)
            assert timers.get(f"wrap_up:{id}") == (work.expires_ms if work.state == "wrap_up" else None)
            waits = work.state == "waiting"
            assert timers.get(f"forget:{id}") == (min(work.declined.values()) if waits and work.declined else None)
            assert timers.get(f"relax:{id}") == (next_step_ms(work) if waits else None)
            assert timers.get(f"prefer:{id}") == (work.only_until_ms if waits and work.only else None)
            assert timers.get(f"overflow:{id}") == (work.looks_ms if waits else None)
        for id, state in self.floor.store.rows(AGENTS).items():
            assert (f"grace:{id}" in timers) == (state.presence.disconnected_at is not None)
            assert state.presence.shift_changes_at is None or f"shift:{id}" in timers

    @invariant()
    def the_rows_give_the_same_desk(self) -> None:
        store = self.floor.store
        handler = store[DISPATCH].handler
        assert isinstance(handler, DispatchHandler)
        rows = (store.rows(AGENTS), store.rows(WORK), store.rows(SESSIONS))
        hall = Hall(store.rows(HOURS), store.rows(PACES), store.rows(NEWS))
        loaded = Desk(store.rows(POLICY)["current"], *rows, handler.desk.rules.number, hall)
        loaded.begin(store.now_ms)
        handler.desk.begin(store.now_ms)
        assert pictured(handler.desk) == pictured(loaded)
        assert known(handler.desk.hall) == known(hall)
        rooms_are_as_new(handler.desk, loaded)

    def teardown(self) -> None:
        assert self.floor.store.replay(DISPATCH) == self.floor.store[DISPATCH].events


def known(hall: Hall) -> Any:
    wheels = {name: list(wheel) for name, wheel in hall.wheels.items()}
    return hall.openings, hall.closed, hall.paces, hall.news, wheels


def in_order(stamps: dict[str, int]) -> list[str]:
    return sorted(stamps, key=lambda id: (stamps[id], id))


TestFloors = Floors.TestCase
TestFloors.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
