"""Everything the dispatch shard knows, in the owner's memory: derived from its rows, and kept in step with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from contracts.agent import AgentState
from contracts.policy import Policy, Queue
from router.domain.dispatch.classify import Classifier
from router.domain.dispatch.cost import Costs
from router.domain.dispatch.line import Line
from router.domain.dispatch.room import ELIGIBLE, Room
from router.domain.dispatch.seat import Seat, Verdict
from router.domain.dispatch.tables import Session
from router.domain.dispatch.work import Requirement, Work


@dataclass(slots=True)
class Rulebook:
    """A policy made ready for use. A name that is no queue stands for the default queue, which always exists."""

    policy: Policy
    number: int = 0
    queues: dict[str, Queue] = field(init=False)
    costs: Costs = field(init=False)
    classifier: Classifier = field(init=False)

    def __post_init__(self) -> None:
        default = self.policy.default_queue
        self.queues = {default: Queue(default)} | {queue.name: queue for queue in self.policy.queues}
        self.costs = Costs(self.policy)
        self.classifier = Classifier(self.policy)

    def queue(self, name: str | None) -> Queue:
        return self.queues.get(name or "") or self.queues[self.policy.default_queue]


class Desk:
    """Agents, waiting lines and work. Whoever changes a seat says so with :meth:`moved`."""

    def __init__(
        self,
        policy: Policy,
        agents: Mapping[str, AgentState],
        work: Mapping[str, Work],
        sessions: Mapping[str, Session],
        number: int = 0,
    ) -> None:
        self.work = dict(work)
        self.sessions = dict(sessions)
        self.connections: dict[str, set[str]] = {}
        for session, row in sessions.items():
            self.connections.setdefault(row.agent, set()).add(session)
        self.seats = {id: self._seated(state) for id, state in agents.items()}
        self.rules = Rulebook(policy, number)
        self.arrange()

    def arrange(self) -> None:
        """Makes lanes and lines anew, as ``rules`` has them."""
        members: dict[str, list[Seat]] = {name: [] for name in self.rules.queues}
        for seat in self.seats.values():
            seat.standing = self.rules.costs.standing(seat)
            for name in seat.queues:
                if name in members:
                    members[name].append(seat)
        self.rooms = {name: Room(self.rules.queues[name].order, seats) for name, seats in members.items()}
        waiting: dict[str, list[Work]] = {name: [] for name in self.rules.queues}
        for work in self.work.values():
            if work.state == "waiting":
                waiting[work.queue].append(work)
        self.lines = {name: Line(works) for name, works in waiting.items()}

    def seat(self, state: AgentState) -> Seat:
        """A new or changed agent takes their place in the rooms of their queues."""
        self.stand_up(state.agent.id)
        seat = self.seats[state.agent.id] = self._seated(state)
        self.moved(seat)
        return seat

    def stand_up(self, agent: str) -> None:
        """The agent is in no room any more."""
        seat = self.seats.pop(agent, None)
        for name in seat.queues if seat else ():
            if name in self.rooms:
                self.rooms[name].remove(agent)

    def moved(self, seat: Seat) -> None:
        """The seat's load or presence changed."""
        seat.standing = self.rules.costs.standing(seat)
        for name in seat.queues:
            room = self.rooms.get(name)
            if room is not None:
                room.move(seat)

    def fit(self, work: Work) -> Work:
        """The work with a queue, class and weight of the present policy: what it was given under may be gone."""
        queue = self.rules.queue(work.queue).name
        channel_class = self.rules.costs.class_of(work.facts.channel_class)
        weight = self.rules.costs.weight(channel_class)
        if (queue, channel_class, weight) == (work.queue, work.channel_class, work.weight):
            return work
        return replace(work, queue=queue, channel_class=channel_class, weight=weight)

    def verdict(self, seat: Seat, requirement: Requirement) -> Verdict:
        """Whether the agent can take work of that class now, whichever queue it is in."""
        return seat.standing[self.rules.costs.place[requirement.channel_class]]

    def serves(self, seat: Seat, requirement: Requirement) -> bool:
        """Whether the agent is one of those who are asked for such work, and can take it now."""
        return requirement.queue in seat.agent.queues and self.verdict(seat, requirement) == ELIGIBLE

    def wanted_by(self, seat: Seat) -> Iterable[Line]:
        """The lines the agent serves."""
        return [self.lines[name] for name in seat.queues if name in self.lines]

    def _seated(self, state: AgentState) -> Seat:
        held = (self.work[conversation] for conversation in (*state.work, *state.offers))
        return Seat(state, held)
