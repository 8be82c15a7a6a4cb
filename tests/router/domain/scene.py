"""A contact centre in memory that is played line by line, as test_rule_pages.py says.

Everything is real but the store: conversation and dispatch rules, with what one tells the other.
"""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from contracts import commands
from contracts.agent import Agent, AgentState
from contracts.codec import milliseconds
from contracts.content import plain_text
from contracts.conversation import Conversation
from contracts.decision import Decision
from contracts.events import DecisionMade, Event
from contracts.identity import Claims
from contracts.inbound import Inbound, InboundIdentity, Sender
from contracts.message import Problem
from contracts.policy import Policy
from contracts.sla import Clock
from contracts.streams import DISPATCH
from router.domain.conversation import ConversationHandler, ConversationRules
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS
from tests.router.domain.conversation.world import KEY, World
from tests.router.domain.memory import MemoryStore

FRIDAY: Final = date(2027, 1, 15)
CHANNELS: Final = {"chat": "webchat", "LINE": "line", "mail": "email", "SMS": "sms", "phone": "voice", "fax": "fax"}
CLASSES: Final = {"webchat": "chat", "line": "social", "email": "email", "sms": "sms", "voice": "voice"}
MINUTE_MS: Final = 60_000


class Scene(World):
    """``policies`` by version; the first one is in force. ``starts``: the moment of the first line."""

    def __init__(self, policies: Mapping[str, Policy], rules: ConversationRules | None = None) -> None:
        super().__init__()
        rules = rules or ConversationRules(handover_key=KEY)
        self.store = MemoryStore(lambda name: DispatchHandler() if name == DISPATCH else ConversationHandler(rules))
        self.policies = policies
        self.zone: Any = UTC
        self.day = FRIDAY
        self.agents: dict[str, Agent] = {}
        self.away: list[str] = []
        self.connected: set[str] = set()
        self.used: dict[str, list[str]] = defaultdict(list)
        """The channels of each customer, the latest last."""
        self.problem: Problem | None = None
        self.heard: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.commands = 0
        self.found: list[str] = []
        """What a look at another policy found."""

    # -- time ------------------------------------------------------------------------------------------------------

    def at(self, clock: str) -> datetime:
        return datetime.combine(self.day, time.fromisoformat(clock), self.zone)

    def begin(self, clock: str) -> None:
        """Everybody who was declared comes online just before, in that order."""
        self.store.now_ms = milliseconds(self.at(clock)) - len(self.agents)
        self.tell(commands.PublishPolicy(policy=next(iter(self.policies.values()))))
        for id, agent in self.agents.items():
            self.tell(commands.PutAgent(agent=agent))
            if id not in self.away:
                self.online(id)
            self.store.advance(ms=1)

    def until(self, at: datetime) -> None:
        """In steps of a minute, after each of which the agents' connections are announced again."""
        end_ms = milliseconds(at)
        assert end_ms >= self.store.now_ms, f"{at} is over"
        while self.store.now_ms < end_ms:
            self.store.advance(ms=min(MINUTE_MS, end_ms - self.store.now_ms))
            for id in sorted(self.connected):
                self.tell(commands.AgentConnection(agent=id, session=f"s-{id}", connected=True))

    # -- doing -----------------------------------------------------------------------------------------------------

    def tell(self, *asked: Any) -> None:
        self.store.submit(DISPATCH, *asked)
        self.store.settle()

    def command(
        self, event: Inbound, channel: str = "line", account: str | None = None, grouping: Any = "contact"
    ) -> commands.Receive:
        kind = CLASSES.get(channel, "custom")
        return commands.Receive(
            channel=channel, account=account or channel, channel_class=kind, event=event, grouping=grouping
        )

    def online(self, id: str) -> None:
        self.connected.add(id)
        self.tell(commands.AgentConnection(agent=id, session=f"s-{id}", connected=True))
        self.tell(commands.DeclarePresence(agent=id, declared="online"))

    def cut(self, id: str) -> None:
        self.connected.discard(id)
        self.tell(commands.AgentConnection(agent=id, session=f"s-{id}", connected=False))

    def ready(self, customer: str, channel: str = "chat", **known: Any) -> None:
        """Somebody whom we know already, without any conversation."""
        channel = CHANNELS[channel]
        self.used[customer].append(channel)
        self.arrive(InboundIdentity(sender=Sender(customer, verified=True), reachable=True), channel)
        self.ask(commands.UpdateContact(contact=self.owner(customer, channel), **known))

    def says(self, customer: str, words: str, channel: str | None = None) -> None:
        known = self.used[customer]
        name = CHANNELS[channel] if channel else known[-1] if known else "webchat"
        known.append(name)
        # The same person over all channels: everybody proves who they are.
        claims = Claims(email=f"{customer}@example.jp", email_verified=True)
        self.write(customer, words, name, sender=Sender(customer, verified=True, claims=claims))

    def carry_out(self, shard: str | None, made: Callable[[str], Any]) -> None:
        """A command of the API: what was wrong with it is kept for the next ``-> refused``."""
        self.commands += 1
        id = f"cm_{self.commands}"
        if shard is None:
            self.ask(made(id))
        else:
            self.tell(made(id))
        self.problem = self.problem or self.store.outcome(id).problem

    # -- seeing ----------------------------------------------------------------------------------------------------

    def of(self, customer: str) -> Conversation:
        """Their latest conversation."""
        owners = {self.owner(customer, channel) for channel in self.used[customer]}
        return [each for each in self.conversations if each.contact in owners][-1]

    def events(self, conversation: str) -> list[Event]:
        """Its own; what dispatch says of it has no number."""
        return [event for event in super().events(conversation) if event.seq is not None]

    def state(self, agent: str) -> AgentState:
        return self.store.rows(AGENTS)[agent]

    def decisions(self, customer: str) -> list[Decision]:
        id = self.of(customer).id
        return [event.decision for event in self.store.events(DISPATCH, DecisionMade) if event.conversation == id]

    def clock(self, customer: str, target: str) -> Clock:
        sla = self.of(customer).sla
        assert sla is not None, f"nothing is promised to {customer}"
        return next(each for each in sla.clocks if each.target == target)

    def news(self) -> list[Any]:
        """The events since the line before."""
        fresh: list[Any] = []
        for shard in self.store.shards:
            fresh += self.store.events(shard)[self.seen.get(shard, 0) :]
        return fresh

    def told(self, customer: str) -> list[str]:
        """What the service itself said to them since the line before, on one line each."""
        id = self.of(customer).id
        said = [each for each in self.messages(id) if "automatic" in each.flags and each.direction == "outbound"]
        return [" ".join(plain_text(each.parts).split()) for each in said[self.heard.get(id, 0) :]]

    def close_line(self) -> None:
        """What was seen until here is known; what was said is delivered."""
        self.deliver()
        for each in self.conversations:
            said = [one for one in self.messages(each.id) if "automatic" in one.flags and one.direction == "outbound"]
            self.heard[each.id] = len(said)
        self.seen = {shard: len(self.store.events(shard)) for shard in self.store.shards}
        assert self.problem is None, f"refused, and no line says so: {self.problem}"
