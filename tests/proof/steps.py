"""Random commands that make sense: what is on offer is answered, what is held ends, people come and go."""

from __future__ import annotations

from random import Random
from typing import Any

from contracts.agent import Agent
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
from contracts.policy import ChannelClass, Match, Need, Policy, Queue, Relax, Rule
from tests.proof.world import World

AGENTS = tuple("abcdefgh")
CONVERSATIONS = tuple(f"cv_01_{number}" for number in range(36))
QUEUES = ("sales", "help", "team", "night")
ACCOUNTS = ("shop", "site", "team", "else")
CLASSES = ("chat", "chat", "chat", "email", "email", "voice", "fax")
SKILLS = ("ja", "en", "vip")

POLICIES = (
    Policy(
        version="a",
        queues=(
            Queue("sales", prefer_wait_s=20, declines=2, escalate="help", wrap_up_s=4),
            Queue("help", order="most_spare", offer_timeout_s=10, proficiency="nearest", declines=1, priority=3),
            Queue("team", order="least_today", teams=("blue",), auto_accept=True, proficiency="most"),
        ),
        rules=(
            Rule("shop", Match(accounts=("shop",)), queue="sales", priority=5, skills=(Need("ja", 3), Need("vip"))),
            Rule(
                "site",
                Match(accounts=("site",)),
                queue="help",
                skills=(Need("ja", 2), Need("en", 1, required=False)),
                relax=(Relax(5, levels={"ja": 1}), Relax(12, drop=("*",), queues=("sales",))),
                weight=15,
            ),
            Rule("team", Match(accounts=("team",)), queue="team"),
        ),
        classes={"email": ChannelClass(10, interruptible=True), "voice": ChannelClass(30, exclusive=True)},
        default_queue="help",
        forget_decline_s=40,
        aging_s=1,
    ),
    Policy(
        version="b",
        queues=(
            Queue("help", prefer_previous=False, order="round_robin", missed_sets_away=True),
            Queue("night", auto_accept=True, prefer_wait_s=8),
        ),
        rules=(Rule("shop", Match(accounts=("shop",)), queue="night", skills=(Need("en", 4, required=False),)),),
        default_queue="help",
        classes={"chat": ChannelClass(30, limit=1, wrap_up_s=6), "fax": ChannelClass(5, interruptible=True)},
        presence_grace_s=5,
        forget_decline_s=15,
        aging_s=0,
    ),
    Policy(
        version="c",
        queues=tuple(Queue(name, order="longest_idle", auto_accept=True, wrap_up_s=2) for name in QUEUES),
        rules=tuple(
            Rule(name, Match(accounts=(name,)), queue=queue, skills=(Need(skill, 2),), relax=(Relax(8, drop=("*",)),))
            for name, queue, skill in zip(ACCOUNTS, QUEUES, (*SKILLS, "ja"), strict=True)
        ),
        default_queue="sales",
        aging_s=10,
    ),
)


class Steps:
    """An endless sequence, the same for the same seed."""

    def __init__(self, seed: str, world: World) -> None:
        self.random = Random(seed)
        self.world = world

    def opening(self) -> list[Any]:
        """A policy, and half of the agents at work."""
        commands: list[Any] = [PublishPolicy(policy=POLICIES[0])]
        for name in AGENTS[::2]:
            commands += [PutAgent(agent=self.agent(name)), self.session(name), self.declared(name, "online")]
        return commands

    def next(self) -> Any:
        """The next command; time has passed."""
        self.world.now_ms += int(self.random.expovariate(1 / 250))
        if self.random.random() < 0.001:
            return PublishPolicy(policy=self.random.choice(POLICIES))
        if self.random.random() < 0.16:
            return self._of_agent(self.random.choice(AGENTS))
        return self._of_conversation(self.random.choice(CONVERSATIONS))

    # -- agents ----------------------------------------------------------------------------------------------------

    def agent(self, name: str) -> Agent:
        pick = self.random
        return Agent(
            id=name,
            name=name,
            queues=tuple(pick.sample(QUEUES, pick.randint(1, 3))),
            capacity=pick.choice((20, 40, 60, 100)),
            limits=pick.choice(({}, {}, {}, {"chat": 1}, {"email": 2})),
            skills={skill: pick.randint(1, 5) for skill in SKILLS if pick.random() < 0.7},
            teams=pick.choice(((), ("blue",))),
            enabled=pick.random() < 0.97,
        )

    def session(self, name: str) -> AgentConnection:
        return AgentConnection(agent=name, session=f"s-{name}", connected=True)

    def declared(self, name: str, status: Any) -> DeclarePresence:
        return DeclarePresence(agent=name, declared=status)

    def _of_agent(self, name: str) -> Any:
        dice = self.random.random()
        if name not in self.world.agents or dice < 0.1:
            return PutAgent(agent=self.agent(name))
        if dice < 0.55:
            return self.session(name)
        if dice < 0.62:
            return AgentConnection(agent=name, session=f"s-{name}", connected=False)
        if dice < 0.63:
            return RemoveAgent(agent=name)
        away = self.random.random() < 0.25
        return self.declared(name, self.random.choice(("away", "busy", "offline")) if away else "online")

    # -- conversations ---------------------------------------------------------------------------------------------

    def _of_conversation(self, id: str) -> Any:
        work, dice = self.world.work.get(id), self.random.random()
        if work is None:
            return self.request(id)
        agent = work.agent or self.random.choice(AGENTS)
        if dice < 0.02:
            agent = self.random.choice(AGENTS)
        elif dice < 0.08:
            return self.transfer(id)
        elif dice < 0.1:
            return self.request(id, raised=4)
        return self._in_turn(id, work.state, agent)

    def _in_turn(self, id: str, state: str, agent: str) -> Any:
        dice, now = self.random.random(), moment(self.world.now_ms)
        if state == "offered":
            return (AcceptOffer if dice < 0.7 else DeclineOffer)(conversation=id, agent=agent)
        if state == "wrap_up" and dice < 0.7:
            return FinishWrapUp(conversation=id, agent=agent)
        if state == "idle" and dice < 0.8:
            return WakeWork(conversation=id, waiting_since=now)
        if state == "assigned" and dice < 0.25:
            return PauseWork(conversation=id)
        if dice < 0.3:
            return TakeOver(conversation=id, agent=self.random.choice(AGENTS))
        if state == "waiting" and dice < 0.85:
            return ClaimWork(conversation=id, agent=agent) if dice < 0.4 else self.request(id)
        return ReleaseWork(conversation=id, reason="resolved")

    def request(self, id: str, raised: int = 0) -> RequestAgent:
        pick = self.random
        skills = (Need("en", 2), Need("vip", 1, required=False)) if pick.random() < 0.1 else ()
        since = moment(self.world.now_ms - pick.choice((0, 0, 0, 3_000, 8_000)))
        return RequestAgent(conversation=id, facts=self.facts(), waiting_since=since, skills=skills, raised=raised)

    def transfer(self, id: str) -> RequestAgent:
        pick = self.random
        return RequestAgent(
            conversation=id,
            facts=self.facts(),
            waiting_since=moment(self.world.now_ms),
            queue=pick.choice((None, *QUEUES)),
            agent=pick.choice((None, None, *AGENTS[:3])),
            exclude=pick.choice(((), ("a",))),
            trigger=pick.choice(("transferred", "transferred", "unanswered")),
            force=pick.random() < 0.3,
        )

    def facts(self) -> Facts:
        pick = self.random
        return Facts(
            channel="webchat",
            account=pick.choice(ACCOUNTS),
            channel_class=pick.choice(CLASSES),
            contact="ct_01_x",
            previous_agent=pick.choice((None, None, *AGENTS[:4])),
            preferred=pick.choice(((), (), (), ("c", "a"), ("h",))),
            priority=pick.choice((None, None, None, 0, 9)),
        )
