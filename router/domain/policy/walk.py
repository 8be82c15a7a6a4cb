"""The way of some work through queues and hours when everybody is there and idle: to an agent, or to where it stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from contracts.agent import Agent
from contracts.codec import iso, moment
from contracts.policy import Need, Overflow, Policy, Queue, Relax
from router.domain.dispatch.cost import Costs
from router.domain.dispatch.skill import meets, required
from router.domain.hours.compiled import Hours
from router.domain.policy.kinds import Kind, weight_of
from router.domain.policy.people import serves

Why = Literal["nobody", "lacks_skill", "no_capacity", "class_limit", "off_shift", "shift_ending", "closed"]
"""What keeps it waiting: the last hurdle that anybody reached; ``closed``: the queue never opens again."""

HURDLES: Final[tuple[Why, ...]] = ("nobody", "lacks_skill", "no_capacity", "class_limit", "off_shift", "shift_ending")
_LASTING: Final = HURDLES[:4]
_LOOKS: Final = 500
"""Openings and closings that are looked through, after everything else that time changes has happened."""
_ON_ARRIVAL: Final = ("closed", "unstaffed")
"""``full`` and ``predicted`` never apply to work that is alone."""


class End(NamedTuple):
    """Where the work ended: with ``agent``; told and done with (``resolved``); or in ``queue`` for ever, because of
    ``why``. ``story``: how it came there, a clause each."""

    queue: str
    agent: str | None = None
    resolved: bool = False
    why: Why | None = None
    story: tuple[str, ...] = ()


class World:
    """A policy made ready for many walks, and the agents; None: some who can do everything."""

    def __init__(self, policy: Policy, agents: Sequence[Agent] | None) -> None:
        self.agents = agents
        self.queues = {queue.name: queue for queue in policy.queues}
        self.costs = Costs(policy)
        self.hours = {name: Hours(calendar) for name, calendar in policy.calendars.items()}
        self.never: dict[object, tuple[int, Why]] = {}
        """From which moment on a certain thing asked for in a certain queue is never met any more, and why."""
        self.shifts = sorted({agent.shift for agent in agents or () if agent.shift in self.hours and agent.shift})

    def is_open(self, calendar: str | None, at_ms: int) -> bool:
        """None, and one that is not declared, is always open."""
        hours = self.hours.get(calendar or "")
        return hours is None or hours.is_open(at_ms)

    def walk(self, kind: Kind, channel_class: str) -> End:
        """The way of one piece of work of this kind."""
        return _Walk(self, kind, channel_class).end()


class _Walk:
    def __init__(self, world: World, kind: Kind, channel_class: str) -> None:
        self.world, self.kind, self.channel_class = world, kind, channel_class
        self.agents, self.queues = world.agents, world.queues
        self.costs = world.costs.of(channel_class)
        self.weight = weight_of(kind, world.costs, channel_class)
        self.now = kind.at_ms
        self.queue = self.queues[kind.queue]
        self.story: list[str] = []
        self.taken: set[tuple[str, int]] = set()
        """The overflows that were taken: queue and place."""
        self.relaxed = 0
        self.passed: list[str] = []
        """The queues that it left by an overflow."""
        self.live = True
        """Somebody sits and waits for it: no word was left instead."""
        self.last_planned = self.now
        """The moment from which on only hours change anything."""
        self.reached: Why = "closed"
        """The last hurdle that anybody reached in this queue, while it was open."""

    def end(self) -> End:
        self._say(f"it comes to {self.queue.name!r}")
        if self._arrive() or self._take_due():
            return End(self.queue.name, resolved=True, story=tuple(self.story))
        looks = 0
        while looks <= _LOOKS:
            if not looks:
                self.last_planned = self.now
            agent = self._agent()
            if agent is not None:
                return End(self.queue.name, agent, story=tuple(self.story))
            planned, change = self._next_planned(), self._next_change()
            if planned is None and (self._hopeless() or self._known_never()):
                break
            looks += planned is None
            following = min((at for at in (planned, change) if at is not None), default=None)
            if following is None:
                break
            self.now = following
            self._relax()
            if self._take_due():
                return End(self.queue.name, resolved=True, story=tuple(self.story))
        return self._stays()

    # -- who could have it -----------------------------------------------------------------------------------------

    def _agent(self) -> str | None:
        if not self.world.is_open(self.queue.hours, self.now):
            return None
        if self.agents is None:
            return "anybody"
        hurdles = [self._hurdle(agent) for agent in self.agents]
        if None in hurdles:
            return self.agents[hurdles.index(None)].id
        self._reach(self.reached, *hurdles)
        return None

    def _hopeless(self) -> bool:
        """Whether all are ruled out by what no hour changes."""
        if self.agents is None:
            return False
        hurdles = [self._hurdle(agent) for agent in self.agents]
        if not all(hurdle in _LASTING for hurdle in hurdles):
            return False
        self._reach(*hurdles)
        return True

    def _reach(self, *hurdles: Why | None) -> None:
        """Takes note of the farthest; nobody at all is the nearest."""
        self.reached = max((hurdle for hurdle in hurdles if hurdle in HURDLES), key=_rank, default="nobody")

    def _known_never(self) -> bool:
        """Whether another walk looked for the same in vain from an earlier moment on."""
        since, why = self.world.never.get(self._asking(), (self.now + 1, self.reached))
        if since > self.now:
            return False
        self.reached = why
        return True

    def _asking(self) -> object:
        queues = tuple(queue.name for queue in self._asked())
        return queues, self._needs(), self.weight, self.channel_class

    def _hurdle(self, agent: Agent) -> Why | None:
        """What rules an idle agent out, the most lasting first."""
        if not agent.enabled or not any(serves(agent, queue.name, queue.teams) for queue in self._asked()):
            return "nobody"
        if not meets(agent.skills, required(self._needs())):
            return "lacks_skill"
        if self.weight > agent.capacity:
            return "no_capacity"
        limit = agent.limits.get(self.channel_class, self.costs.limit)
        if limit is not None and limit < 1:
            return "class_limit"
        return self._shift_hurdle(agent)

    def _shift_hurdle(self, agent: Agent) -> Why | None:
        shift = self.world.hours.get(agent.shift or "")
        if shift is None:
            return None
        if not shift.is_open(self.now):
            return "off_shift"
        ends = shift.next_change(self.now)
        expected_ms = (self.costs.expected_s or 0) * 1000
        return "shift_ending" if ends is not None and ends - self.now < expected_ms else None

    def _asked(self) -> Iterator[Queue]:
        """Its queue, and those whose agents are asked too by now."""
        yield self.queue
        names = (name for step in self._steps() for name in step.queues)
        yield from (self.queues[name] for name in names if name in self.queues)

    def _needs(self) -> tuple[Need, ...]:
        needs = self.kind.skills
        for step in self._steps():
            needs = tuple(_less(need, step) for need in needs if not {need.skill, "*"} & set(step.drop))
        return needs

    def _steps(self) -> list[Relax]:
        return [step for step in self.kind.relax if self._since(step.after_s) <= self.now]

    # -- what time does --------------------------------------------------------------------------------------------

    def _since(self, seconds: int) -> int:
        return self.kind.at_ms + seconds * 1000

    def _next_planned(self) -> int | None:
        """When less is asked, or an overflow for having waited comes."""
        times = [self._since(step.after_s) for step in self.kind.relax]
        times += [self._since(overflow.at or 0) for _, overflow in self._waited()]
        return min((at for at in times if at > self.now), default=None)

    def _next_change(self) -> int | None:
        """When the queue opens or closes, or somebody's shift begins or ends."""
        hours = (self.world.hours.get(name or "") for name in (self.queue.hours, *self.world.shifts))
        changes = [change for each in hours if each and (change := each.next_change(self.now)) is not None]
        return min(changes, default=None)

    def _relax(self) -> None:
        steps = len(self._steps())
        if steps > self.relaxed:
            self._say(f"less is asked for ({steps} of {len(self.kind.relax)} steps)")
            self.relaxed = steps

    def _waited(self) -> Iterator[tuple[int, Overflow]]:
        """The overflows for having waited that are not taken yet."""
        for place, overflow in enumerate(self.queue.overflow):
            if overflow.when == "waited" and self._applies(place, overflow):
                yield place, overflow

    def _take_due(self) -> bool:
        """Takes the overflows whose time has come, first to last; True when the work is done with."""
        while True:
            due = [(place, one) for place, one in self._waited() if self._since(one.at or 0) <= self.now]
            if not due:
                return False
            if self._take(*min(due, key=lambda pair: (pair[1].at or 0, pair[0]))):
                return True

    # -- overflows -------------------------------------------------------------------------------------------------

    def _arrive(self) -> bool:
        """The first overflow that applies where it comes is taken; True when the work is done with."""
        for place, overflow in enumerate(self.queue.overflow):
            if overflow.when in _ON_ARRIVAL and self._applies(place, overflow) and self._holds(overflow):
                return self._take(place, overflow)
        return False

    def _applies(self, place: int, overflow: Overflow) -> bool:
        """Each is taken once, none leads back to a queue left by one before, and who left word is told nothing more."""
        if (overflow.classes and self.channel_class not in overflow.classes) or (self.queue.name, place) in self.taken:
            return False
        if overflow.do != "queue":
            return self.live
        return overflow.queue in self.queues and overflow.queue not in (self.queue.name, *self.passed)

    def _holds(self, overflow: Overflow) -> bool:
        if overflow.when == "closed":
            return not self.world.is_open(self.queue.hours, self.now)
        return self.agents is not None and not any(
            agent.enabled and serves(agent, self.queue.name, self.queue.teams) for agent in self.agents
        )

    def _take(self, place: int, overflow: Overflow) -> bool:
        self.taken.add((self.queue.name, place))
        when = f"after {overflow.at} s" if overflow.when == "waited" else f"as it is {overflow.when}"
        if overflow.do == "resolve":
            self._say(f"{when} the customer is told, and it ends")
            return True
        leaves_word = overflow.do in ("voicemail", "mail")
        self.live = self.live and not leaves_word
        to = self.queues.get(overflow.queue or "") if leaves_word or overflow.do == "queue" else None
        if to is None or to is self.queue:
            self._say(f"{when}: {overflow.do}, and it goes on waiting in {self.queue.name!r}")
            return False
        self._say(f"{when} it goes on to {to.name!r}")
        self.passed.append(self.queue.name)
        self.queue, self.reached = to, "closed"
        # Word that was left waits for somebody to read it; it is not asked again whether there is room for it.
        return False if leaves_word else self._arrive()

    # -- telling ---------------------------------------------------------------------------------------------------

    def _say(self, clause: str) -> None:
        self.story.append(f"{iso(moment(self.now))} {clause}")

    def _stays(self) -> End:
        why = self.reached
        since, _ = self.world.never.get(self._asking(), (self.last_planned, why))
        self.world.never[self._asking()] = (min(since, self.last_planned), why)
        self.story.append(f"in {self.queue.name!r} it stays for ever")
        return End(self.queue.name, why=why, story=tuple(self.story))


def _rank(hurdle: Why) -> int:
    return HURDLES.index(hurdle)


def _less(need: Need, step: Relax) -> Need:
    level = step.levels.get(need.skill, need.level)
    return replace(need, level=level) if level < need.level else need
