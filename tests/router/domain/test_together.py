"""Conversations and dispatch together, in memory: what one asks, the other does."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from typing import Any

from contracts.agent import Agent, AgentState
from contracts.commands import AgentConnection, DeclarePresence, PublishPolicy, PutAgent
from contracts.events import ConversationAssigned, ConversationUnassigned, Event
from contracts.policy import ChannelClass, Policy, Queue
from contracts.streams import DISPATCH
from router.domain.conversation import ConversationHandler
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS
from tests.router.domain.conversation.world import RULES, World
from tests.router.domain.memory import MemoryStore


class Counter(World):
    """A whole contact centre in memory."""

    def __init__(self, policy: Policy, *agents: str, **how: Any) -> None:
        super().__init__()
        self.store = MemoryStore(lambda name: DispatchHandler() if name == DISPATCH else ConversationHandler(RULES))
        self.tell(PublishPolicy(policy=policy))
        self.agents = agents
        for id in agents:
            self.tell(PutAgent(agent=Agent(id, id.title(), **how)))
        self.beat()
        for id in agents:
            self.tell(DeclarePresence(agent=id, declared="online"))

    def beat(self) -> None:
        """The agents' connections still stand."""
        for id in self.agents:
            self.tell(AgentConnection(agent=id, session=f"s-{id}", connected=True))

    def wait(self, seconds: int) -> None:
        for passed in range(0, seconds, 60):
            self.store.advance(seconds=min(60, seconds - passed))
            self.beat()

    def tell(self, *commands: Any) -> None:
        self.store.submit(DISPATCH, *commands)
        self.store.settle()

    def state(self, agent: str) -> AgentState:
        return self.store.rows(AGENTS)[agent]

    def events(self, conversation: str) -> list[Event]:
        """Its own; what dispatch says of it has no number."""
        return [event for event in super().events(conversation) if event.seq is not None]

    def of(self, address: str) -> Any:
        """The conversation of who writes from there."""
        return next(each for each in self.conversations if each.contact == self.owner(address))


def policy(**care: Any) -> Policy:
    classes = {"social": ChannelClass(weight=50)}
    return Policy(queues=(Queue("default", auto_accept=True, prefer_previous=False, **care),), classes=classes)


def test_who_does_not_answer_loses_it_to_somebody_else() -> None:
    counter = Counter(policy(unanswered_s=300), "hanako", "jiro")
    counter.write("taro")
    first = counter.conversation.agent
    counter.wait(300)
    second = counter.conversation.agent
    assert {first, second} == {"hanako", "jiro"}
    assert [event.reason for event in counter.store.events(kind=ConversationUnassigned)] == ["unanswered"]
    assert (counter.state(str(first)).work, counter.state(str(second)).work) == ((), (counter.conversation.id,))
    counter.answer(counter.conversation.id, by=f"agent:{second}")
    counter.wait(900)
    assert counter.conversation.agent == second
    counter.check()


def test_silent_customers_hold_nobody_and_do_not_overload_when_they_wake() -> None:
    counter = Counter(policy(idle_after_s=600), "hanako")
    for name in ("a", "b"):
        counter.write(name)
        counter.answer(counter.of(name).id, by="agent:hanako")
    counter.write("c")
    assert counter.state("hanako").used == 100 and counter.of("c").agent is None
    counter.wait(600)
    assert counter.of("a").idle and counter.of("b").idle and counter.of("a").agent == "hanako"
    assert counter.of("c").agent == "hanako" and counter.state("hanako").used == 50
    counter.write("a")
    assert not counter.of("a").idle and counter.of("a").agent == "hanako" and counter.state("hanako").used == 100
    counter.write("b")  # there is no room any more
    assert counter.of("b").agent is None and counter.state("hanako").used == 100
    counter.status(counter.of("c").id, "resolved")
    assert counter.of("b").agent == "hanako" and counter.state("hanako").used == 100
    assert [event.agent for event in counter.store.events(kind=ConversationAssigned)] == ["hanako"] * 4
    counter.check()
