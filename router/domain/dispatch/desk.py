"""Everything the dispatch shard knows, in the owner's memory: derived from its rows, and kept in step with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from contracts.agent import Agent, AgentState
from contracts.codec import moment
from contracts.policy import Calendar, Policy, Queue
from router.domain.dispatch.classify import Classifier
from router.domain.dispatch.cost import Costs
from router.domain.dispatch.hall import Hall
from router.domain.dispatch.line import Group, Lines
from router.domain.dispatch.room import Room, Rooms
from router.domain.dispatch.seat import ELIGIBLE, Seat, Verdict
from router.domain.dispatch.skill import meets
from router.domain.dispatch.tables import Session
from router.domain.dispatch.work import Work

STRICT_MS = 10**12
"""What one unit of priority is worth when priority always goes first: more than anybody ever waits."""
DAY_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class Rulebook:
    """A policy made ready for use. A name that is no queue stands for the default queue, which always exists."""

    policy: Policy
    number: int = 0
    """Counts the policies that were in force."""
    queues: dict[str, Queue] = field(init=False)
    costs: Costs = field(init=False)
    classifier: Classifier = field(init=False)
    hours: dict[str, Calendar] = field(init=False)
    """The calendars that queues keep."""
    watched: frozenset[str] = field(init=False)
    """The queues that overflow or announce."""
    paced: frozenset[str] = field(init=False)
    """Those of them that need to know how long the wait is."""

    def __post_init__(self) -> None:
        default = self.policy.default_queue
        self.queues = {default: Queue(default)} | {queue.name: queue for queue in self.policy.queues}
        self.costs = Costs(self.policy)
        self.classifier = Classifier(self.policy)
        kept = dict.fromkeys(queue.hours for queue in self.queues.values() if queue.hours is not None)
        self.hours = {name: self.policy.calendars[name] for name in kept if name in self.policy.calendars}
        self.watched = frozenset(name for name, queue in self.queues.items() if queue.overflow or queue.announce)
        self.paced = frozenset(name for name in self.watched if _asks_wait(self.queues[name]))

    def queue(self, name: str | None) -> Queue:
        return self.queues.get(name or "") or self.queues[self.policy.default_queue]

    def served_by(self, agent: Agent) -> tuple[str, ...]:
        """The queues an agent serves: those they name, and those that name one of their teams."""
        teams = frozenset(agent.teams)
        named = (name for name in agent.queues if name in self.queues)
        by_team = (queue.name for queue in self.queues.values() if not teams.isdisjoint(queue.teams))
        return tuple(dict.fromkeys((*named, *by_team) if teams else named))

    def ahead_ms(self, priority: int) -> int:
        """How much longer work of this priority counts as having waited."""
        return priority * (self.policy.aging_s * 1000 or STRICT_MS)


class Desk:
    """Agents, waiting lines and work. Whoever changes a seat says so with :meth:`moved`."""

    def __init__(
        self,
        policy: Policy,
        agents: Mapping[str, AgentState],
        work: Mapping[str, Work],
        sessions: Mapping[str, Session],
        number: int = 0,
        hall: Hall | None = None,
    ) -> None:
        self.hall = hall or Hall()
        self.sessions = dict(sessions)
        self.connections: dict[str, set[str]] = {}
        for session, row in sessions.items():
            self.connections.setdefault(row.agent, set()).add(session)
        self._day = 0
        self.day: str | None = None
        self.seats = {id: Seat(state) for id, state in agents.items()}
        self.work = {id: self._held_or_waiting(item) for id, item in work.items()}
        self.rules = Rulebook(policy, number)
        self.arrange(self._in_their_order(agents))

    def arrange(self, held: Mapping[str, Iterable[str]] | None = None) -> None:
        """Makes everything that is derived anew, as ``rules`` has it. ``held``: the conversations of each agent."""
        for id, seat in self.seats.items():
            mine = (*seat.work, *seat.offers, *seat.wrap_up, *seat.idle) if held is None else held.get(id, ())
            self._seat_down(seat, [self.work[conversation] for conversation in mine])
        self.rooms = Rooms(self.rules.queues, self.seats.values())
        waiting = (work for work in self.work.values() if work.state == "waiting")
        self.lines = Lines(self.rules.queues, waiting, self.place)
        self.hall.arrange(self.rules.queues, self.work)

    def begin(self, at_ms: int) -> None:
        """A command is carried out; the first of a day (in UTC) sets the count of what everybody was given to 0."""
        day = at_ms // DAY_MS
        if day == self._day:
            return
        self._day, self.day = day, moment(at_ms).date().isoformat()
        for seat in self.seats.values():
            seat.begin(self.day)
        self.rooms.new_day()

    # -- agents ----------------------------------------------------------------------------------------------------

    def seat(self, state: AgentState) -> Seat:
        """A new or changed agent takes their place in the rooms that ask for them."""
        held = [*state.work, *state.offers, *state.wrap_up, *state.idle]
        self.stand_up(state.agent.id)
        seat = self.seats[state.agent.id] = Seat(state)
        self._seat_down(seat, [self.work[conversation] for conversation in held])
        self.rooms.enter(seat)
        return seat

    def stand_up(self, agent: str) -> None:
        """The agent is in no room any more."""
        seat = self.seats.pop(agent, None)
        if seat is not None:
            self.rooms.leave(seat)

    def moved(self, seat: Seat) -> None:
        """The seat's load or presence changed."""
        seat.standing = self.rules.costs.standing(seat)
        for crew in seat.crews:
            crew.mark(seat)

    # -- work ------------------------------------------------------------------------------------------------------

    def place(self, work: Work) -> int:
        """The place of its kind in what agents can take."""
        return self.rules.costs.place[work.channel_class, work.weight]

    def room(self, work: Work) -> Room:
        """Those whom it asks for."""
        return self.rooms.room(work.demand)

    def verdict(self, seat: Seat, work: Work) -> Verdict:
        """Whether the agent can take work of that kind now, whichever queue it is in."""
        return seat.standing.verdicts[self.place(work)]

    def free(self, agent: str, work: Work) -> Seat | None:
        """The agent, if they are there, have room and are not barred, whatever they serve."""
        seat = self.seats.get(agent)
        if seat is None or agent in work.declined or self.verdict(seat, work) != ELIGIBLE:
            return None
        return seat

    def asking(self, seat: Seat) -> Iterable[Group]:
        """The groups of waiting work that the agent can take from, as they stand now."""
        verdicts, skills, closed = seat.standing.verdicts, seat.agent.skills, self.hall.closed
        for group in self.lines.asking(seat.id, seat.queues):
            if closed and group.requirement.demand.queue in closed:
                continue
            if verdicts[group.place] == ELIGIBLE and (not group.required or meets(skills, group.required)):
                yield group

    # -- inside ----------------------------------------------------------------------------------------------------

    def _seat_down(self, seat: Seat, held: Iterable[Work]) -> None:
        seat.queues = self.rules.served_by(seat.agent)
        seat.limits = self.rules.costs.limits(seat.agent.limits)
        seat.crews.clear()
        seat.refill((work, self.rules.costs.of(work.channel_class)) for work in held)
        seat.begin(self.day)
        seat.standing = self.rules.costs.standing(seat)

    def _in_their_order(self, agents: Mapping[str, AgentState]) -> dict[str, list[str]]:
        """What each agent holds, as the rows of the work say, which are right; the agents' rows tell the order."""
        held: dict[str, dict[str, None]] = {
            id: dict.fromkeys((*state.work, *state.offers, *state.wrap_up, *state.idle)) for id, state in agents.items()
        }
        for item in self.work.values():
            if item.agent is not None:
                held[item.agent].setdefault(item.conversation)
        return {id: [one for one in mine if self._is_with(id, one)] for id, mine in held.items()}

    def _is_with(self, agent: str, conversation: str) -> bool:
        work = self.work.get(conversation)
        return work is not None and work.agent == agent

    def _held_or_waiting(self, work: Work) -> Work:
        """Work whose agent is not there any more waits."""
        if work.agent is None or work.agent in self.seats:
            return work
        return replace(work, state="waiting", agent=None, expires_ms=None)


def _asks_wait(queue: Queue) -> bool:
    return queue.announce is not None or any(overflow.when == "predicted" for overflow in queue.overflow)
