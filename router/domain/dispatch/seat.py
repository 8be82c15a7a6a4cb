"""An agent in the owner's memory: what they hold and what they could still take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import milliseconds, moment
from contracts.decision import RuledOut
from contracts.policy import ChannelClass
from router.domain.dispatch.presence import blocked
from router.domain.dispatch.work import Work

Verdict = RuledOut | Literal["eligible"]
ELIGIBLE: Literal["eligible"] = "eligible"


class Standing:
    """What an agent can take now: for each kind of work (a place of ``Costs``) whether they can, or why not. There is
    one object for all agents who stand alike, so that lanes are found by identity."""

    __slots__ = ("verdicts",)

    def __init__(self, verdicts: tuple[Verdict, ...]) -> None:
        self.verdicts = verdicts


NOWHERE = Standing(())


class Seat:
    """One agent. Everything held weighs: offers and wrap-ups too, so that two offers never share a place.

    ``primary``, what is held of work that cannot be interrupted, stays within ``agent.capacity``, and each class within
    its limit, in every state, because nothing is given that does not fit. There are two exceptions, both asked for:
    when somebody lowers the capacity or a limit below what is held, or when a supervisor gives work by force, the agent
    keeps what they have, and gets nothing new until it fits again.
    """

    __slots__ = (
        "agent",
        "counts",
        "crews",
        "day",
        "ending_s",
        "exclusive",
        "given",
        "id",
        "idle",
        "idle_ms",
        "limits",
        "offers",
        "presence",
        "primary",
        "primary_count",
        "queues",
        "standing",
        "taken",
        "turns",
        "used",
        "work",
        "wrap_up",
    )

    def __init__(self, state: AgentState) -> None:
        self.agent: Agent = state.agent
        self.id = state.agent.id
        self.presence: Presence = state.presence
        self.idle_ms = 0 if state.idle_since is None else milliseconds(state.idle_since)
        self.work: dict[str, None] = {}
        self.offers: dict[str, None] = {}
        self.wrap_up: dict[str, None] = {}
        self.idle: dict[str, None] = {}
        self.given = state.given
        self.turns = dict(state.turns)
        self.day = state.day
        self.taken = state.taken_today
        self.ending_s = state.ending_s
        self.queues: tuple[str, ...] = ()
        """The queues of the present policy that they serve, by name or by team."""
        self.limits: tuple[tuple[str, int], ...] = ()
        """The most at once, by channel class, as far as there is a limit."""
        self.standing: Standing = NOWHERE
        self.crews: dict[Any, None] = {}
        """The crews they are in: each is told when something about them changes."""
        self._empty()

    @property
    def spare(self) -> int:
        """Units left, over all they hold; below 0 when a chat went over e-mails."""
        return self.agent.capacity - self.used

    @property
    def blocked(self) -> RuledOut | None:
        return blocked(self.agent, self.presence)

    def state(self) -> AgentState:
        """The row to keep."""
        return AgentState(
            agent=self.agent,
            presence=self.presence,
            used=self.used,
            work=tuple(self.work),
            offers=tuple(self.offers),
            idle_since=moment(self.idle_ms) if self.idle_ms else None,
            wrap_up=tuple(self.wrap_up),
            idle=tuple(self.idle),
            day=self.day if self.taken else None,
            taken_today=self.taken,
            ending_s=self.ending_s,
            given=self.given,
            turns=self.turns.copy(),
        )

    def hands(self, work: Work) -> dict[str, None]:
        """Among what the work counts, by its state."""
        if work.state == "offered":
            return self.offers
        if work.state == "assigned":
            return self.work
        return self.wrap_up if work.state == "wrap_up" else self.idle

    def put(self, work: Work, costs: ChannelClass) -> None:
        """Takes it in, and the units of what is not idle. ``costs``: what the policy says of its class."""
        self.hands(work)[work.conversation] = None
        if work.state != "idle":
            self._count(work, costs, 1)

    def drop(self, work: Work, costs: ChannelClass) -> None:
        """Gives it away, and its units back."""
        del self.hands(work)[work.conversation]
        if work.state != "idle":
            self._count(work, costs, -1)

    def refill(self, held: Iterable[tuple[Work, ChannelClass]]) -> None:
        """Counts everything anew: after a crash, and when the policy has changed what classes are."""
        self._empty()
        for work, costs in held:
            self.put(work, costs)

    def take(self, stamp: int, queue: str | None) -> None:
        """They were given work just now; ``queue``: one that goes round, and so remembers it."""
        self.given = stamp
        self.taken += 1
        if queue is not None:
            self.turns[queue] = stamp

    def begin(self, day: str | None) -> None:
        """Counts what they are given from 0 on another day; None: the day is not known yet."""
        if day is not None and day != self.day:
            self.day, self.taken = day, 0

    def _empty(self) -> None:
        for hands in (self.work, self.offers, self.wrap_up, self.idle):
            hands.clear()
        self.used = self.primary = self.primary_count = self.exclusive = 0
        self.counts: dict[str, int] = {}

    def _count(self, work: Work, costs: ChannelClass, sign: int) -> None:
        self.used += sign * work.weight
        self.counts[work.channel_class] = self.counts.get(work.channel_class, 0) + sign
        if not costs.interruptible:
            self.primary += sign * work.weight
            self.primary_count += sign
        if costs.exclusive:
            self.exclusive += sign
