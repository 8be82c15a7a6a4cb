"""A dispatch shard in memory, spoken to in the words of a contact centre."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from contracts.agent import Agent, AgentState
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
    WakeWork,
)
from contracts.decision import Decision
from contracts.events import DecisionMade, Event
from contracts.message import Problem
from contracts.policy import Policy, Queue
from contracts.streams import DISPATCH
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS, WORK
from router.domain.dispatch.work import Work
from tests.router.domain.memory import MemoryStore

T = TypeVar("T")

ASKED = ("queue", "agent", "exclude", "trigger", "force", "skills", "raised")


def cv(number: int | str) -> str:
    return f"cv_01_{number}"


class Floor:
    """One dispatch shard; what it tells conversations is kept in ``store.undelivered``."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.store = MemoryStore(lambda name: DispatchHandler() if name == DISPATCH else None)
        self._commands = 0
        if policy is not None:
            assert self.do(PublishPolicy(policy=policy)) is None

    # -- saying ----------------------------------------------------------------------------------------------------

    def do(self, command: Any) -> Problem | None:
        """Carries a command out, as if an API client had asked: what was wrong with it, if anything."""
        self._commands += 1
        id = f"cm_{self._commands}"
        self.store.submit(DISPATCH, msgspec.structs.replace(command, id=id))
        self.store.settle()
        return self.store.outcome(id).problem

    def agent(self, id: str, *queues: str, here: bool = True, **how: Any) -> None:
        self.do(PutAgent(agent=Agent(id=id, name=id.title(), queues=queues or ("default",), **how)))
        if here:
            self.connect(id)
            self.declare(id, "online")

    def connect(self, agent: str, session: str | None = None, connected: bool = True) -> Problem | None:
        return self.do(AgentConnection(agent=agent, session=session or f"s-{agent}", connected=connected))

    def declare(self, agent: str, status: Any) -> Problem | None:
        return self.do(DeclarePresence(agent=agent, declared=status))

    def ask(self, number: int | str, since: datetime | None = None, **how: Any) -> Problem | None:
        """A conversation asks for an agent. ``how``: fields of the command, and of its facts."""
        own = {key: how.pop(key) for key in ASKED if key in how}
        facts = {"channel": "webchat", "account": "site", "channel_class": "chat", "contact": f"ct_01_{number}", **how}
        since = since or moment(self.store.now_ms)
        return self.do(RequestAgent(conversation=cv(number), facts=Facts(**facts), waiting_since=since, **own))

    def accept(self, number: int | str, agent: str) -> Problem | None:
        return self.do(AcceptOffer(conversation=cv(number), agent=agent))

    def decline(self, number: int | str, agent: str) -> Problem | None:
        return self.do(DeclineOffer(conversation=cv(number), agent=agent))

    def claim(self, number: int | str, agent: str) -> Problem | None:
        return self.do(ClaimWork(conversation=cv(number), agent=agent))

    def release(self, number: int | str) -> Problem | None:
        return self.do(ReleaseWork(conversation=cv(number), reason="resolved"))

    def pause(self, number: int | str) -> Problem | None:
        return self.do(PauseWork(conversation=cv(number)))

    def wake(self, number: int | str) -> Problem | None:
        return self.do(WakeWork(conversation=cv(number), waiting_since=moment(self.store.now_ms)))

    def finish(self, number: int | str, agent: str) -> Problem | None:
        return self.do(FinishWrapUp(conversation=cv(number), agent=agent))

    def take_over(self, number: int | str, agent: str) -> Problem | None:
        return self.do(TakeOver(conversation=cv(number), agent=agent))

    def remove(self, agent: str) -> Problem | None:
        return self.do(RemoveAgent(agent=agent))

    def publish(self, policy: Policy) -> Problem | None:
        return self.do(PublishPolicy(policy=policy))

    def wait(self, seconds: float) -> None:
        self.store.advance(seconds=seconds)

    # -- seeing ----------------------------------------------------------------------------------------------------

    def work(self, number: int | str) -> Work:
        return self.store.rows(WORK)[cv(number)]

    def holder(self, number: int | str) -> tuple[str, str | None]:
        work = self.work(number)
        return work.state, work.agent

    def state(self, agent: str) -> AgentState:
        return self.store.rows(AGENTS)[agent]

    def told(self, kind: type[T]) -> list[T]:
        """What conversations were told of a kind since the last look; everything is forgotten."""
        found = [command for _, command in self.store.undelivered if isinstance(command, kind)]
        self.store.undelivered.clear()
        return found

    def events(self, kind: type[T] = Event) -> list[T]:  # type: ignore[assignment]
        return self.store.events(DISPATCH, kind)

    def decision(self) -> Decision:
        """The latest one."""
        return self.events(DecisionMade)[-1].decision


def auto(*names: str, **policy: Any) -> Policy:
    """Queues that assign at once."""
    return Policy(queues=tuple(Queue(name, auto_accept=True) for name in names or ("default",)), **policy)
