"""How many routing decisions a second the dispatch rules make, with everything they cause encoded.

A contact centre with 30 queues and 50 skills. Everybody serves two queues and has two thirds of the skills that
their work asks for; of the work, a quarter asks for no skill, a quarter for one, a quarter for one and wishes another,
and a quarter for two, of which one is let go after ten minutes. Every step is a conversation that asks for an agent and
one that is resolved, so that the load stays as it is: ``quiet``, half of the units are in use and every request finds
somebody; ``busy``, nobody has room, ten conversations wait for each agent (100,000 for 10,000), every request waits,
and every end gives the freed agent the oldest work they can serve.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from time import perf_counter, process_time
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import decode, encode, moment
from contracts.commands import (
    AcceptOffer,
    AgentConnection,
    DeclarePresence,
    Facts,
    PutAgent,
    ReleaseWork,
    RequestAgent,
    WorkAssigned,
    WorkOffered,
)
from contracts.decision import Decision
from contracts.ids import entry_suffix
from contracts.policy import Match, Need, Policy, Queue, Relax, Rule
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.work import Work
from router.domain.turn import Table

T = TypeVar("T")

START_MS = 1_800_000_000_000
QUEUES = tuple(f"queue_{number:02d}" for number in range(30))
SKILLS = tuple(f"skill_{number:02d}" for number in range(50))
ASKED = 6
"""How many of the skills the work of one queue may ask for."""
KINDS = 12
"""How many different sets of needs the work of one queue has."""
ORDERS = ("longest_idle", "most_spare", "round_robin", "least_today")
TEXT = "ご注文の invoice についてお尋ねします。" * 3
Load = Literal["quiet", "busy"]


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
        self.assigned: list[str] = []
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
        elif isinstance(command, WorkAssigned) and command.decision is not None:
            self.assigned.append(command.conversation)

    def timer(self, key: str, at_ms: int) -> None: ...

    def clear_timer(self, key: str) -> None: ...

    def after(self, effect: object) -> None: ...

    def encoded(self) -> int:
        """The bytes of everything this turn caused."""
        size = sum(len(encode(value)) for value in self.puts.values() if value is not None)
        return size + sum(len(encode(item)) for item in self.out)


def run(agents: int, decisions: int, load: Load = "busy") -> float:
    """Decisions a second (of one core) through the handler and the encoding of what they cause, in one process."""
    floor = Floor(agents, load)
    floor.drive(decisions // 4)  # makes the rooms that are asked for, and warms up
    begin = process_time()
    made = floor.drive(decisions)
    return made / (process_time() - begin)


class Floor:
    """Agents, and the commands that reach them. ``busy``: everybody holds as much as they can, ten times that waits."""

    def __init__(self, agents: int, load: Load, waiting: int | None = None) -> None:
        self.handler = DispatchHandler()
        self.rows = rows(agents, load, agents * 10 if waiting is None and load == "busy" else waiting or 0)
        self.handler.load("d:main", 16, self.rows)
        self.held = deque(one.conversation for one in self.rows["work"].values() if one.state == "assigned")
        self.bytes = 0
        self._requests = self._commands = len(self.rows["work"])

    def drive(self, decisions: int) -> int:
        """Carries out commands until so many decisions were made; every offer is accepted at once."""
        made = 0
        while made < decisions:
            self._requests += 1
            made += self.do(request(self._requests)).decisions
            made += self.do(ReleaseWork(conversation=self.held.popleft(), reason="resolved")).decisions
        return made

    def do(self, command: msgspec.Struct) -> BenchTurn:
        turn = self._carry_out(command)
        for offer in turn.offered:
            self._carry_out(AcceptOffer(conversation=offer.conversation, agent=offer.agent or ""))
            self.held.append(offer.conversation)
        self.held.extend(turn.assigned)
        return turn

    def _carry_out(self, command: msgspec.Struct) -> BenchTurn:
        self._commands += 1
        turn = BenchTurn(self._commands)
        self.handler.handle(turn, command)
        self.bytes += turn.encoded()
        return turn


def rows(agents: int, load: Load, waiting: int) -> dict[str, dict[str, Any]]:
    """The rows of a floor: who is there, with what, and what waits."""
    found: dict[str, dict[str, Any]] = {"agents": {}, "work": {}, "policy": {"current": policy()}}
    number = 0
    for agent in range(agents):
        held = []
        for _ in range(5 if load == "busy" else 2):
            number += 1
            found["work"][f"cv_{number % 16:02d}_{number}"] = row(number, agent)
            held.append(f"cv_{number % 16:02d}_{number}")
        found["agents"][f"ag_{agent:05d}"] = state(agent, tuple(held))
    for _ in range(waiting):
        number += 1
        found["work"][f"cv_{number % 16:02d}_{number}"] = row(number, None)
    return found


def state(number: int, held: tuple[str, ...]) -> AgentState:
    queues = (QUEUES[number % 30], QUEUES[(number * 7 + 3) % 30])
    starts = (number // 30, number // 30 + 3)
    skills = {
        skill: 1 + (number + place) % 5
        for name, start in zip(queues, starts, strict=True)
        for place, skill in enumerate(_own(name, start))
    }
    declared = Agent(id=f"ag_{number:05d}", name=f"Agent {number}", queues=queues, skills=skills, limits={"email": 8})
    since = moment(START_MS - number)
    return AgentState(declared, Presence("online", True), len(held) * 20, held, idle_since=since, given=number)


def _own(queue: str, start: int) -> list[str]:
    """Four of the six skills that a queue's work may ask for."""
    skills = asked_for(queue)
    return [skills[(start + number) % ASKED] for number in range(4)]


def asked_for(queue: str) -> list[str]:
    place = QUEUES.index(queue) * 5
    return [SKILLS[(place + number) % 50] for number in range(ASKED)]


def policy() -> Policy:
    """Offers in half of the queues, assignment at once in the others; all orders of choice."""
    queues = tuple(
        Queue(name, order=ORDERS[place % 4], auto_accept=place % 2 > 0)  # type: ignore[arg-type]
        for place, name in enumerate(QUEUES)
    )
    rules = [
        Rule(
            f"{name} {kind}",
            Match(accounts=(f"{name}/{kind}",), words=("請求", "invoice") if kind % 3 else ()),
            queue=name,
            skills=needs(name, kind),
            relax=(Relax(600, drop=(asked_for(name)[kind % ASKED],)),) if kind % 4 == 3 else (),
        )
        for name in QUEUES
        for kind in range(KINDS)
    ]
    return Policy(queues=queues, rules=tuple(rules), default_queue=QUEUES[0], forget_decline_s=60)


def needs(queue: str, kind: int) -> tuple[Need, ...]:
    skills = asked_for(queue)
    first, second = Need(skills[kind % ASKED]), skills[(kind + 1) % ASKED]
    return ((), (first,), (first, Need(second, 3, required=False)), (first, Need(second)))[kind % 4]


def request(number: int) -> RequestAgent:
    """The next conversation of an endless stream."""
    facts = _facts(number)
    return RequestAgent(conversation=f"cv_{number % 16:02d}_{number}", facts=facts, waiting_since=moment(START_MS))


def row(number: int, agent: int | None) -> Work:
    """The same as it stands in the store, waiting or held."""
    facts, kind = _facts(number), number // 30 % KINDS
    name = QUEUES[number % 30]
    return Work(
        conversation=f"cv_{number % 16:02d}_{number}",
        facts=facts,
        queue=name,
        channel_class="chat",
        weight=20,
        waiting_since_ms=START_MS - 200_000 + number,
        arrival=number,
        state="waiting" if agent is None else "assigned",
        rule=f"{name} {kind}",
        skills=tuple(sorted(needs(name, kind), key=lambda need: need.skill)),
        needs=tuple(sorted(needs(name, kind), key=lambda need: need.skill)),
        agent=None if agent is None else f"ag_{agent:05d}",
    )


def _facts(number: int) -> Facts:
    name, kind = QUEUES[number % 30], number // 30 % KINDS
    return Facts(
        channel="webchat",
        account=f"{name}/{kind}",
        channel_class="chat",
        contact=f"ct_{number % 16:02d}_{number}",
        language="ja",
        text=TEXT,
    )


def take_over(agents: int, waiting: int) -> float:
    """Seconds a new owner needs from the rows' bytes to a desk that can decide."""
    stored = {
        table: [(id, encode(value)) for id, value in kept.items()]
        for table, kept in rows(agents, "busy", waiting).items()
    }
    kinds: dict[str, Any] = {"agents": AgentState, "work": Work, "policy": Policy}
    begin = perf_counter()
    loaded = {table: {id: decode(data, kinds[table]) for id, data in kept} for table, kept in stored.items()}
    handler = DispatchHandler()
    handler.load("d:main", 16, loaded)
    return perf_counter() - begin


def idle_agent(agents: int, times: int) -> float:
    """Milliseconds from the word that somebody is there until they are full of the oldest work they can serve, effects
    encoded; the median of so many, each of another agent."""
    floor = Floor(agents, "busy")
    took = []
    for number in range(times):
        new = replace(state(number, ()).agent, id=f"new_{number}")
        floor.do(PutAgent(agent=new))
        floor.do(AgentConnection(agent=new.id, session=new.id, connected=True))
        begin = perf_counter()
        turn = floor.do(DeclarePresence(agent=new.id, declared="online"))
        took.append((perf_counter() - begin) * 1000)
        assert turn.decisions == 5
    return median(took)


def rates(load: Load, sizes: Sequence[int], rounds: int = 15, decisions: int = 2_000) -> dict[int, float]:
    """Decisions a second of one core by number of agents. The sizes take turns, and the median of each counts, so that
    what else the machine does falls on all alike."""
    floors = {agents: Floor(agents, load) for agents in sizes}
    took: dict[int, list[float]] = {agents: [] for agents in sizes}
    for floor in floors.values():
        floor.drive(3 * decisions)
    gc.freeze()
    for _ in range(rounds):
        for agents, floor in floors.items():
            begin = process_time()
            made = floor.drive(decisions)
            took[agents].append((process_time() - begin) / made)
    gc.unfreeze()
    return {agents: 1 / median(times) for agents, times in took.items()}


def main() -> None:
    for load in ("quiet", "busy"):
        found = rates(load, (100, 1_000, 10_000))  # type: ignore[arg-type]
        dearer = found[100] / found[10_000]
        print(f"{load}:", ", ".join(f"{agents:,} agents {rate:,.0f}/s" for agents, rate in found.items()), end="")
        print(f"; {dearer:.2f} times dearer at 10,000 than at 100")
    print(f"an agent who comes to 10,000 has the oldest five of 100,000 after {idle_agent(10_000, 100):.2f} ms")
    print(f"a new owner has 10,000 agents and 100,000 waiting after {take_over(10_000, 100_000):.2f} s")


if __name__ == "__main__":
    main()
