"""How many routing decisions a second the dispatch rules make, with everything they cause encoded.

Every step is a conversation that asks for an agent, and one that is resolved; about one in five finds nobody with room
and waits until somebody is freed, so most of the floor is full, as it is on a busy day.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar

import msgspec

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import encode, moment
from contracts.commands import AcceptOffer, Facts, ReleaseWork, RequestAgent, WorkOffered
from contracts.decision import Decision
from contracts.ids import entry_suffix
from contracts.policy import Match, Policy, Queue, Rule
from router.domain.dispatch.handler import DispatchHandler
from router.domain.turn import Table

T = TypeVar("T")

START_MS = 1_800_000_000_000
CLASSES = ("chat", "social", "email")
QUEUES = ("sales", "billing", "support", "vip")


class BenchTurn:
    """A turn that encodes all effects once, as the engine does when it commits."""

    shard = "d:main"
    shards = 16
    sender: str | None = None

    def __init__(self, number: int) -> None:
        self.at_ms = START_MS + number
        self.at: datetime = moment(self.at_ms)
        self.entry = f"{self.at_ms}-0"
        self.result: dict[str, str] = {}
        self.puts: dict[tuple[str, str], Any] = {}
        self.out: list[msgspec.Struct] = []
        self.offered: list[WorkOffered] = []
        self.decisions = 0
        self._ids = 0

    def get(self, table: Table[T], id: str) -> T | None:
        return None

    def new_id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}_{entry_suffix(self.entry, self._ids)}"

    def event_id(self) -> str:
        self._ids += 1
        return f"dmain-{self.entry}-{self._ids}"

    def put(self, table: Table[T], id: str, value: T) -> None:
        self.puts[table.name, id] = value
        self.decisions += isinstance(value, Decision)

    def drop(self, table: Table[Any], id: str) -> None:
        self.puts[table.name, id] = None

    def push(self, name: str, id: str, item: str) -> None: ...

    def index(self, name: str, member: str, score: int) -> None: ...

    def unindex(self, name: str, member: str) -> None: ...

    def emit(self, event: msgspec.Struct) -> None:
        self.out.append(event)

    def tell(self, shard: str, command: msgspec.Struct) -> None:
        self.out.append(command)
        if isinstance(command, WorkOffered) and command.agent is not None:
            self.offered.append(command)

    def timer(self, key: str, at_ms: int) -> None: ...

    def clear_timer(self, key: str) -> None: ...

    def after(self, effect: object) -> None: ...

    def encoded(self) -> int:
        """The bytes of everything this turn caused."""
        size = sum(len(encode(value)) for value in self.puts.values() if value is not None)
        return size + sum(len(encode(item)) for item in self.out)


def run(agents: int, decisions: int) -> float:
    """Decisions a second through the handler and the encoding of what they cause, in one process."""
    floor = Floor(agents)
    floor.drive(agents * 8)  # fills it and warms up
    begin = perf_counter()
    made = floor.drive(decisions)
    return made / (perf_counter() - begin)


class Floor:
    """Agents, and the commands that reach them."""

    def __init__(self, agents: int) -> None:
        self.handler = loaded(agents)
        self.commands = work(agents)
        self.bytes = 0
        self._number = 0

    def drive(self, decisions: int) -> int:
        """Carries out commands until so many decisions were made; every offer is accepted at once."""
        made = 0
        while made < decisions:
            turn = self._carry_out(next(self.commands))
            made += turn.decisions
            for offer in turn.offered:
                self._carry_out(AcceptOffer(conversation=offer.conversation, agent=offer.agent or ""))
        return made

    def _carry_out(self, command: msgspec.Struct) -> BenchTurn:
        self._number += 1
        turn = BenchTurn(self._number)
        self.handler.handle(turn, command)
        self.bytes += turn.encoded()
        return turn


def loaded(agents: int) -> DispatchHandler:
    """A floor where everybody is there, each in two of the four queues."""
    handler = DispatchHandler()
    rows = {f"ag_{number:05d}": agent(number) for number in range(agents)}
    handler.load("d:main", 16, {"agents": rows, "policy": {"current": policy()}})
    return handler


def agent(number: int) -> AgentState:
    queues = (QUEUES[number % 4], QUEUES[(number + 1) % 4])
    declared = Agent(id=f"ag_{number:05d}", name=f"Agent {number}", queues=queues, limits={"email": 3})
    return AgentState(declared, Presence("online", True), idle_since=moment(START_MS - number))


def policy() -> Policy:
    """Offers in two queues, assignment at once in the others; both orders of choice."""
    return Policy(
        queues=tuple(
            Queue(name, order=("longest_idle", "most_spare")[place % 2], auto_accept=place > 1)
            for place, name in enumerate(QUEUES)
        ),
        rules=tuple(
            Rule(name, Match(accounts=(name,), words=("請求", "invoice") if name == "billing" else ()), queue=name)
            for name in QUEUES
        ),
        default_queue="support",
    )


def work(agents: int) -> Iterator[msgspec.Struct]:
    """Requests without end, each followed by the release of an older one once the floor is full."""
    alive: deque[str] = deque()
    most = agents * 6
    number = 0
    while True:
        conversation = f"cv_{number % 16:02d}_{number}"
        facts = Facts(
            channel="webchat",
            account=QUEUES[number % 4],
            channel_class=CLASSES[number % 3],
            contact=f"ct_{number % 16:02d}_{number}",
            language="ja",
            text="ご注文の invoice についてお尋ねします。" * 3,
        )
        yield RequestAgent(conversation=conversation, facts=facts, waiting_since=moment(START_MS + number))
        alive.append(conversation)
        if len(alive) > most:
            yield ReleaseWork(conversation=alive.popleft(), reason="resolved")
        number += 1


if __name__ == "__main__":
    for agents in (100, 1_000, 10_000):
        print(f"{agents:6d} agents: {run(agents, 20_000):8.0f} decisions/s")
