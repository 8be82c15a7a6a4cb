"""How well the predicted wait meets the real one, on simulated floors that are busier than they can bear.

The real rules in a virtual time: customers come at random, agents take some time for each, everybody waits to the end.
Each prediction is that of the decision by which somebody began to wait. ``bias``: all predicted waits together over all
real ones, less one; ``spread``: the tenth and the ninetieth percentile of predicted over real, of waits over a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple

from contracts.agent import Agent
from contracts.codec import moment
from contracts.commands import (
    AgentConnection,
    DeclarePresence,
    Facts,
    PublishPolicy,
    PutAgent,
    ReleaseWork,
    RequestAgent,
)
from contracts.decision import Decision
from contracts.events import DecisionMade
from contracts.policy import Announce, Policy, Queue
from router.domain.dispatch.handler import DispatchHandler
from tests.bench.dispatch import BenchTurn

START_MS = 1_800_000_000_000
POLICY = Policy(queues=(Queue("default", auto_accept=True, announce=Announce(first_after_s=10**6)),))
LONG_MS = 60_000


@dataclass(frozen=True)
class Shop:
    """``slots``: conversations at once per agent. ``load``: of what they can bear, at the busiest; the first and the
    last fifth of the customers come at half of that. ``shape``: of the handling time, which is ``handle_s`` on average:
    ``memoryless``, ``even`` (half to one and a half) or ``long`` (a few take very long). ``leave``: so many agents go
    home half-way."""

    name: str
    agents: int
    slots: int = 1
    handle_s: float = 300
    load: float = 1.15
    shape: str = "memoryless"
    leave: int = 0
    customers: int = 1_500


SHOPS = (
    Shop("5 telephones", 5),
    Shop("20 telephones", 20),
    Shop("4 agents with 5 chats each", 4, slots=5),
    Shop("20 agents with 3 chats each", 20, slots=3),
    Shop("10 telephones, even times", 10, shape="even"),
    Shop("10 telephones, long tails", 10, shape="long"),
    Shop("10 telephones, 5 go home half-way", 10, leave=5),
    Shop("10 telephones, just busy", 10, load=1.0),
)


class Accuracy(NamedTuple):
    waits: int
    mean_s: float
    bias: float
    low: float
    high: float


class Turn(BenchTurn):
    """A turn at a moment of its own."""

    def __init__(self, at_ms: int, number: int) -> None:
        super().__init__(0)
        self.at_ms, self.at, self.entry = at_ms, moment(at_ms), f"{at_ms}-{number}"


class Simulation:
    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.random = shop, Random(seed)
        self.handler = DispatchHandler()
        self.handler.load("d:main", 1, {})
        self.events: list[tuple[int, int, Any]] = []
        self.number = 0
        self.came: dict[str, int] = {}
        self.predicted: dict[str, int] = {}
        self.pairs: list[tuple[int, int]] = []
        self.plan(START_MS, PublishPolicy(policy=POLICY))
        for agent in range(shop.agents):
            name = f"ag_{agent}"
            self.plan(START_MS, PutAgent(agent=Agent(name, name, capacity=20 * shop.slots)))
            self.plan(START_MS, AgentConnection(agent=name, session=name, connected=True))
            self.plan(START_MS, DeclarePresence(agent=name, declared="online"))
        self._plan_customers()

    def plan(self, at_ms: int, command: Any) -> None:
        self.number += 1
        heappush(self.events, (at_ms, self.number, command))

    def run(self) -> Accuracy:
        while self.events:
            at_ms, number, command = heappop(self.events)
            turn = Turn(at_ms, number)
            self.handler.handle(turn, command)
            self._note(turn)
        return self._accuracy()

    def _plan_customers(self) -> None:
        shop, at = self.shop, float(START_MS + 1000)
        busiest = shop.agents * shop.slots / shop.handle_s * shop.load
        for customer in range(shop.customers):
            part = customer / shop.customers
            at += self.random.expovariate(busiest if 0.2 < part < 0.8 else busiest / 2) * 1000
            facts = Facts(channel="webchat", account="site", channel_class="chat", contact=f"ct_00_{customer}")
            self.plan(
                int(at), RequestAgent(conversation=f"cv_00_{customer}", facts=facts, waiting_since=moment(int(at)))
            )
            if customer == shop.customers // 2:
                for agent in range(shop.leave):
                    self.plan(int(at), DeclarePresence(agent=f"ag_{agent}", declared="away"))

    def _note(self, turn: Turn) -> None:
        for event in turn.out:
            if isinstance(event, DecisionMade):
                self._decided(turn, event.decision)

    def _decided(self, turn: Turn, decision: Decision) -> None:
        id = decision.conversation
        if decision.outcome == "waiting":
            self.came[id] = turn.at_ms
            if decision.estimate_s is not None:
                self.predicted[id] = decision.estimate_s * 1000
            return
        if id in self.predicted:
            self.pairs.append((self.predicted[id], turn.at_ms - self.came[id]))
        self.plan(turn.at_ms + self._handled_ms(), ReleaseWork(conversation=id, reason="resolved"))

    def _handled_ms(self) -> int:
        mean = self.shop.handle_s * 1000
        if self.shop.shape == "even":
            return int(self.random.uniform(0.5, 1.5) * mean)
        if self.shop.shape == "long":
            return int(self.random.lognormvariate(-0.72, 1.2) * mean)
        return int(self.random.expovariate(1 / mean))

    def _accuracy(self) -> Accuracy:
        predicted, real = (sum(values) for values in zip(*self.pairs, strict=True))
        ratios = sorted(one / other for one, other in self.pairs if other > LONG_MS)
        low, high = ratios[len(ratios) // 10], ratios[len(ratios) * 9 // 10]
        return Accuracy(len(self.pairs), real / len(self.pairs) / 1000, predicted / real - 1, low, high)


def measured(shop: Shop, seed: int = 1) -> Accuracy:
    """One run; the same for the same seed."""
    return Simulation(shop, seed).run()


def main() -> None:
    print("| floor | waits | mean wait | bias | spread |\n|---|---|---|---|---|")
    for shop in SHOPS:
        runs = [measured(shop, seed) for seed in range(1, 6)]
        waits, mean_s, bias, low, high = (sum(values) / len(runs) for values in zip(*runs, strict=True))
        print(f"| {shop.name} | {waits:.0f} | {mean_s:.0f} s | {bias:+.0%} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
