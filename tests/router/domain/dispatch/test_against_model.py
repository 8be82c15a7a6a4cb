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
    PublishPolicy,
    PutAgent,
    ReleaseWork,
    RemoveAgent,
    RequestAgent,
    TimerDue,
)
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule
from contracts.streams import DISPATCH
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS, POLICY, SESSIONS, WORK
from tests.router.domain.dispatch.floor import Floor, cv
from tests.router.domain.dispatch.model import Model

AGENT = st.sampled_from(["ann", "bob", "cy", "dee"])
NUMBER = st.integers(0, 9)
QUEUE = st.sampled_from(["sales", "help", "night"])
SESSION = st.sampled_from(["s1", "s2", "s3"])

POLICIES = [
    Policy(
        version="2",
        queues=(Queue("sales"), Queue("help", order="most_spare", offer_timeout_s=10)),
        rules=(Rule("shop", Match(accounts=("shop",)), queue="sales", priority=5),),
        default_queue="help",
        forget_decline_s=40,
    ),
    Policy(
        version="3",
        queues=(Queue("help", prefer_previous=False), Queue("night", auto_accept=True)),
        rules=(Rule("shop", Match(accounts=("shop",)), queue="night"),),
        default_queue="help",
        classes={"chat": ChannelClass(30, limit=1), "fax": ChannelClass(5)},
        presence_grace_s=5,
        forget_decline_s=15,
    ),
]

AGENTS_DECLARED = st.builds(
    Agent,
    id=AGENT,
    name=st.just("A"),
    queues=st.sets(QUEUE, min_size=1).map(lambda names: tuple(sorted(names))),
    capacity=st.sampled_from([20, 40, 60, 100]),
    limits=st.sampled_from([{}, {}, {"chat": 1}, {"email": 2}]),
    enabled=st.sampled_from([True, True, True, False]),
)
FACTS = st.builds(
    Facts,
    channel=st.just("webchat"),
    account=st.sampled_from(["shop", "site"]),
    channel_class=st.sampled_from(["chat", "chat", "email", "voice", "fax"]),
    contact=st.just("ct_01_x"),
    previous_agent=st.sampled_from([None, None, "ann", "bob"]),
    priority=st.sampled_from([None, None, 0, 9]),
)


class Floors(RuleBasedStateMachine):
    """The real rules and the model, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.model = Model()
        self.held: dict[str, set[str]] = {}
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

    @rule(number=NUMBER, facts=FACTS, waited=st.integers(0, 3))
    def ask(self, number: int, facts: Facts, waited: int) -> None:
        since = moment(self.floor.store.now_ms - waited * 1000)
        self.send(RequestAgent(conversation=cv(number), facts=facts, waiting_since=since))

    @rule(
        number=NUMBER,
        facts=FACTS,
        queue=st.none() | QUEUE | st.just("nowhere"),
        agent=st.none() | AGENT,
        exclude=st.sampled_from([(), ("ann",)]),
    )
    def transfer(
        self, number: int, facts: Facts, queue: str | None, agent: str | None, exclude: tuple[str, ...]
    ) -> None:
        since = moment(self.floor.store.now_ms)
        command = RequestAgent(
            conversation=cv(number), facts=facts, waiting_since=since, queue=queue, agent=agent, exclude=exclude
        )
        self.send(msgspec.structs.replace(command, trigger="transferred"))

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
            assert work.line_key == (*job.place, id), "the original place is kept"

    @invariant()
    def agents_hold_what_they_say(self) -> None:
        rows = self.floor.store.rows(AGENTS)
        assert set(rows) == set(self.model.people)
        for id, state in rows.items():
            held = self.model.held(id)
            assert sorted(state.work) == sorted(job.id for job in held if job.state == "assigned")
            assert sorted(state.offers) == sorted(job.id for job in held if job.state == "offered")
            assert state.used == sum(job.weight for job in held)
            person = self.model.people[id]
            assert state.presence.connected == bool(person.sessions)
            assert (state.idle_since or moment(0)) == moment(person.idle)

    @invariant()
    def capacity_is_exact(self) -> None:
        """Over the limit is only who was given a lower limit; and they get nothing."""
        for id, person in self.model.people.items():
            held = {job.id for job in self.model.held(id)}
            if held - self.held.get(id, set()):
                assert self.model.spare(person) >= 0
            self.held[id] = held

    @invariant()
    def nothing_servable_waits(self) -> None:
        for job in self.model.jobs.values():
            people = [person for person in self.model.people.values() if job.queue in person.agent.queues]
            assert job.state != "waiting" or not any(self.model.can(person, job) for person in people)

    @invariant()
    def every_wait_has_an_end(self) -> None:
        timers = self.floor.store[DISPATCH].timers
        for id, work in self.floor.store.rows(WORK).items():
            assert timers.get(f"offer:{id}") == work.expires_ms
            if work.state == "waiting" and work.declined:
                assert timers[f"forget:{id}"] == min(work.declined.values())
        for id, state in self.floor.store.rows(AGENTS).items():
            assert (f"grace:{id}" in timers) == (state.presence.disconnected_at is not None)

    @invariant()
    def the_rows_give_the_same_desk(self) -> None:
        store = self.floor.store
        handler = store[DISPATCH].handler
        assert isinstance(handler, DispatchHandler)
        rows = (store.rows(AGENTS), store.rows(WORK), store.rows(SESSIONS))
        assert pictured(handler.desk) == pictured(Desk(store.rows(POLICY)["current"], *rows))

    def teardown(self) -> None:
        assert self.floor.store.replay(DISPATCH) == self.floor.store[DISPATCH].events


def pictured(desk: Desk) -> Any:
    """Everything that decides what a desk does next."""
    return (
        {
            id: (seat.state(), seat.standing, {k: v for k, v in seat.counts.items() if v})
            for id, seat in desk.seats.items()
        },
        {name: (room._places, {k: list(v) for k, v in room._lanes.items()}) for name, room in desk.rooms.items()},
        {name: ({k: list(v) for k, v in line.groups.items()}, list(line._all)) for name, line in desk.lines.items()},
        {agent: sessions for agent, sessions in desk.connections.items() if sessions},
        desk.work,
        desk.sessions,
    )


TestFloors = Floors.TestCase
TestFloors.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
