"""What is promised, said from the rows alone and checked after every command for what that command touched.

Nothing here asks the rules' own data in memory: capacity, skills, limits and order are worked out again, plainly.
"""

from __future__ import annotations

from typing import Any

from contracts.agent import AgentState
from contracts.commands import RequestAgent, TakeOver, WakeWork
from contracts.decision import Decision
from contracts.policy import ChannelClass, Policy, Queue
from router.domain.dispatch.work import Work
from tests.proof.world import Step, World

CLASSES = {
    "chat": ChannelClass(20),
    "social": ChannelClass(20),
    "sms": ChannelClass(20),
    "email": ChannelClass(10),
    "voice": ChannelClass(100, exclusive=True),
    "custom": ChannelClass(20),
}
BY_ORDER = ("longest_idle", "most_spare", "round_robin", "least_today", "most_proficient", "nearest_skilled")


class Judge:
    """Looks at a world after each step.

    Raises:
        AssertionError: a promise was broken, and which.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._policy: Policy | None = None

    def look(self, step: Step) -> None:
        if step.refused:
            return
        self._read_policy()
        for id, (before, after) in step.work.items():
            if after is not None:
                self.keeps_its_age(step.command, before, after)
                self.has_one_holder(id, after)
                self.wait_has_an_end(after)
        for agent, (_, after) in step.agents.items():
            if after is not None:
                self.capacity_is_exact(step, agent, after)
                self.nobody_idles_while_they_could_work(after)
        for _, after in step.work.values():
            if after is not None and after.state == "waiting":
                self.nobody_could_take(after)
        for decision in step.decisions:
            if decision.agent is not None and decision.reason in BY_ORDER:
                self.nobody_longer_waiting_was_passed_over(step, decision)
                self.the_choice_was_right_and_fair(step, decision)

    # -- promises --------------------------------------------------------------------------------------------------

    def keeps_its_age(self, command: Any, before: Work | None, after: Work) -> None:
        woken = isinstance(command, WakeWork) and command.conversation == after.conversation
        reborn = before is not None and before.state == "wrap_up" and isinstance(command, RequestAgent)
        if before is not None and not woken and not reborn:
            assert (before.waiting_since_ms, before.arrival) == (after.waiting_since_ms, after.arrival), "age"
            anew = after.waits_since_ms != before.waits_since_ms
            came_back = before.state in ("assigned", "idle") or isinstance(command, RequestAgent)
            assert not anew or (came_back and after.waits_since_ms > before.waits_since_ms), ("waits anew", command)

    def has_one_holder(self, id: str, work: Work) -> None:
        for agent, state in self.world.agents.items():
            if id in state.work or id in state.offers or id in state.wrap_up or id in state.idle:
                assert agent == work.agent, ("holder", id, agent)
        if work.agent is not None:
            state = self.world.agents[work.agent]
            hands = {"assigned": state.work, "offered": state.offers, "wrap_up": state.wrap_up, "idle": state.idle}
            assert [kind for kind, held in hands.items() if id in held] == [work.state], ("hands", id)

    def capacity_is_exact(self, step: Step, agent: str, state: AgentState) -> None:
        """Who was given something new is within capacity, limits and exclusiveness, unless it was by force."""
        held = self.held(state)
        assert state.used == sum(work.weight for work in held), ("used", agent, state.used)
        new = [work for work in held if self._is_new(step, work)]
        if not new or _by_force(step.command):
            return
        primary = [work for work in held if not self.costs(work).interruptible]
        if any(work in primary for work in new):
            assert sum(work.weight for work in primary) <= state.agent.capacity, ("capacity", agent)
        else:
            assert state.used <= state.agent.capacity, ("capacity of what can be interrupted", agent)
        if any(self.costs(work).exclusive for work in new):
            assert len(primary) == 1 or not any(work in primary for work in new), ("exclusive", agent)
        for work in new:
            limit = state.agent.limits.get(work.channel_class, self.costs(work).limit)
            assert limit is None or sum(w.channel_class == work.channel_class for w in held) <= limit, ("limit", agent)

    def nobody_idles_while_they_could_work(self, state: AgentState) -> None:
        if self.here(state):
            held = self.held(state)
            for work in self.waiting():
                can = self.serves(state, work) and self.fits(state, work, held)
                assert not can, ("could work", state.agent.id, work)

    def nobody_could_take(self, work: Work) -> None:
        for state in self.world.agents.values():
            assert not self.can(state, work), ("could take", state.agent.id, work)

    def wait_has_an_end(self, work: Work) -> None:
        timers, id, waits = self.world.timers, work.conversation, work.state == "waiting"
        assert timers.get(f"offer:{id}") == (work.expires_ms if work.state == "offered" else None), ("offer", id)
        assert timers.get(f"wrap_up:{id}") == (work.expires_ms if work.state == "wrap_up" else None), ("wrap-up", id)
        forget = min(work.declined.values()) if waits and work.declined else None
        assert timers.get(f"forget:{id}") == forget, ("forget", id)
        assert timers.get(f"prefer:{id}") == (work.only_until_ms if waits and work.only else None), ("prefer", id)
        steps = [work.waits_since_ms + step.after_s * 1000 for step in work.relax]
        following = steps[work.relaxed] if waits and work.relaxed < len(steps) else None
        assert timers.get(f"relax:{id}") == following, ("relax", id)

    def nobody_longer_waiting_was_passed_over(self, step: Step, decision: Decision) -> None:
        """The bound on overtaking: whatever waits still, and the agent could have had instead, came later than what
        they got, by the rate at which priority is worth waiting."""
        given = self.world.work.get(decision.conversation)
        state = self.world.agents.get(decision.agent or "")
        if given is None or state is None or given.agent != decision.agent or not self.here(state):
            return
        rate = self.policy.aging_s * 1000
        for work in self.waiting():
            alike = (work.channel_class, work.weight) == (given.channel_class, given.weight)
            if not alike or not self.serves(state, work) or work.only:
                continue
            ahead, lead = given.priority - work.priority, given.waiting_since_ms - work.waiting_since_ms
            if rate == 0:
                assert ahead >= 0, ("priority", decision, work)
                assert ahead > 0 or lead <= 0, ("age", decision, work)
            else:
                assert lead <= rate * ahead, ("bound", decision, work)

    def the_choice_was_right_and_fair(self, step: Step, decision: Decision) -> None:
        """New work went to the first in the queue's order, and of those who are alike to the one who was given work
        least recently. Looked at where one piece of work came and nothing else happened."""
        given = self.world.work.get(decision.conversation)
        alone = len(step.decisions) == len(step.work) == len(step.agents) == 1
        is_new = step.work.get(decision.conversation, (given, given))[0] is None
        if decision.trigger != "work_arrived" or given is None or not alone or not is_new:
            return
        queue = self.queues[given.queue]
        before = {id: step.agents[id][0] if id in step.agents else state for id, state in self.world.agents.items()}
        able = [state for state in before.values() if state and self.can(state, given, but=given.conversation)]
        best = min(able, key=lambda state: (*self.rank(state, given, queue), state.given, state.agent.id))
        assert best.agent.id == decision.agent, ("choice", decision, best.agent.id)

    # -- small words -----------------------------------------------------------------------------------------------

    def rank(self, state: AgentState, work: Work, queue: Queue) -> tuple[int, int, int]:
        levels = [(need.level, state.agent.skills.get(need.skill, 0)) for need in work.needs]
        missing = sum(level < asked for asked, level in levels)
        above = sum(max(level - asked, 0) for asked, level in levels)
        skill = {"any": 0, "most": -sum(level for _, level in levels), "nearest": above}[queue.proficiency]
        since = round(state.idle_since.timestamp() * 1000) if state.idle_since else 0
        today = state.taken_today if state.day == self.day() else 0
        turns = {
            "longest_idle": since,
            "most_spare": state.used - state.agent.capacity,
            "round_robin": state.turns.get(queue.name, 0),
            "least_today": today,
        }
        return (missing, skill, turns[queue.order])

    def day(self) -> str:
        return str(self.world.handler.desk.day)

    def waiting(self) -> list[Work]:
        return [work for work in self.world.work.values() if work.state == "waiting"]

    def held(self, state: AgentState) -> list[Work]:
        work = self.world.work
        return [work[id] for id in (*state.work, *state.offers, *state.wrap_up)]

    def can(self, state: AgentState, work: Work, but: str | None = None) -> bool:
        """Whether the agent, as the row has them, could be given the work; ``but``: as if they did not hold that."""
        if not self.here(state) or not self.serves(state, work):
            return False
        return self.fits(state, work, [other for other in self.held(state) if other.conversation != but])

    def here(self, state: AgentState) -> bool:
        presence = state.presence
        reachable = presence.connected or presence.disconnected_at is not None
        return state.agent.enabled and presence.declared == "online" and reachable

    def serves(self, state: AgentState, work: Work) -> bool:
        agent = state.agent
        if work.only or agent.id in work.declined:
            return agent.id in work.only and agent.id not in work.declined
        if work.queue not in agent.queues and not self._widely(state, work):
            return False
        for need in work.needs:  # noqa: SIM110 - a generator costs more
            if need.required and agent.skills.get(need.skill, 0) < need.level:
                return False
        return True

    def fits(self, state: AgentState, work: Work, held: list[Work]) -> bool:
        primary = [other for other in held if not self.costs(other).interruptible]
        costs = self.costs(work)
        if any(self.costs(other).exclusive for other in held) or (costs.exclusive and primary):
            return False
        load = sum(other.weight for other in (held if costs.interruptible else primary))
        limit = state.agent.limits.get(work.channel_class, costs.limit)
        count = sum(other.channel_class == work.channel_class for other in held)
        return load + work.weight <= state.agent.capacity and (limit is None or count < limit)

    def costs(self, work: Work) -> ChannelClass:
        return self.classes.get(work.channel_class) or self.classes["custom"]

    def _widely(self, state: AgentState, work: Work) -> bool:
        """By one of the queues that are asked too, or by a team."""
        queues, teams = state.agent.queues, state.agent.teams
        return any(
            name in queues or (name in self.queues and not set(self.queues[name].teams).isdisjoint(teams))
            for name in (work.queue, *work.also)
        )

    def _is_new(self, step: Step, work: Work) -> bool:
        before, _ = step.work.get(work.conversation, (work, work))
        given = any(decision.conversation == work.conversation and decision.agent for decision in step.decisions)
        return given or before is None or before.agent != work.agent

    def _read_policy(self) -> None:
        policy = self.world.rows["policy"]["current"]
        if policy is not self._policy:
            self._policy = self.policy = policy
            self.queues = {queue.name: queue for queue in policy.queues}
            self.classes = {**CLASSES, **policy.classes}


def _by_force(command: Any) -> bool:
    return isinstance(command, TakeOver) or (isinstance(command, RequestAgent) and command.force)
