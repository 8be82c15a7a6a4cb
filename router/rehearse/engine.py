"""A day rehearsed: the real dispatch rules on a stage, and a clock that jumps from one happening to the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection
from heapq import merge
from typing import Any, Final

from contracts.commands import DeclarePresence, PutAgent, TimerDue
from contracts.events import AgentPresenceChanged
from contracts.policy import Policy
from contracts.streams import DISPATCH
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.tables import CURRENT, HISTORY, POLICY
from router.domain.policy.versions import History
from router.domain.turn import Refusal
from router.rehearse.agenda import Agenda
from router.rehearse.conversations import Conversations
from router.rehearse.day import Act, Case, Day
from router.rehearse.moves import COUNTED, QuickMoves
from router.rehearse.outcome import AgentDay, Moment, Outcome
from router.rehearse.stage import Stage

SAMPLE_MS: Final = 15 * 60_000
BACK_MS: Final = 5 * 60_000
"""An agent who was declared away for a missed offer is back after so long, unless the day says when."""
REPORT: Final = 500
"""Progress is told after so many acts and cases."""

Progress = Callable[[int, int], None]


class Rehearsal:
    """One policy's day. ``watched``: conversations whose decisions are explained."""

    def __init__(
        self, day: Day, policy: Policy, watched: Collection[str] = (), moves: type[Moves] = QuickMoves
    ) -> None:
        self._day = day
        self._agenda = Agenda()
        self._stage = Stage(self._set_timer, frozenset(watched))
        self._stage.rows = {POLICY.name: {CURRENT: policy}, HISTORY.name: {CURRENT: History(1)}}
        self._handler = DispatchHandler(moves)
        self._handler.load(DISPATCH, 1, self._stage.rows)
        self._conversations = Conversations(day, policy, self._agenda, self._handler.desk, self._do)
        self._declared: dict[str, list[tuple[int, str]]] = {}
        self._teams: dict[str, tuple[str, ...]] = {}
        self._moments: list[Moment] = []
        self._commands = self._refused = 0
        for act in day.acts:
            if isinstance(act.command, DeclarePresence):
                self._declared.setdefault(act.command.agent, []).append((act.at_ms, act.command.declared))

    def run(self, progress: Progress | None = None) -> Outcome:
        """The whole day; ``progress`` hears how much of how much is done."""
        day, agenda = self._day, self._agenda
        total = len(day.acts) + len(day.cases)
        agenda.now_ms = day.begin_ms
        agenda.put(day.begin_ms, self._sample, None)
        script: Any = merge(day.acts, day.cases, key=_at)
        for done, item in enumerate(script):
            agenda.run_until(item.at_ms)
            if isinstance(item, Case):
                self._conversations.arrive(item)
            else:
                self._act(item)
            if progress is not None and done % REPORT == 0:
                progress(done, total)
        agenda.run_until(day.end_ms)
        self._conversations.close(day.end_ms)
        self._stage.ledger.close(day.end_ms)
        return self._outcome()

    def _act(self, act: Act) -> None:
        if isinstance(act.command, PutAgent):
            self._teams[act.command.agent.id] = act.command.agent.teams
        self._do(act.command)

    def _do(self, command: Any) -> bool:
        """Carries out one command now; whether it was not refused."""
        stage = self._stage
        stage.begin(self._agenda.now_ms)
        self._commands += 1
        try:
            self._handler.handle(stage, command)
        except Refusal:
            self._refused += 1
            return False
        told, events = stage.told, stage.events
        for each in told:
            self._conversations.hear(each)
        for event in events:
            kind = type(event)
            if kind in COUNTED:
                self._conversations.happened(event)
            elif kind is AgentPresenceChanged and type(command) is TimerDue:
                self._sent_away(event)
        return True

    # -- time ------------------------------------------------------------------------------------------------------

    def _set_timer(self, key: str, at_ms: int) -> None:
        self._agenda.put(at_ms, self._due, (key, at_ms))

    def _due(self, subject: tuple[str, int]) -> None:
        key, at_ms = subject
        if self._stage.timers.get(key) == at_ms:
            del self._stage.timers[key]
            self._do(TimerDue(timer=key, due=at_ms))

    def _sample(self, subject: None) -> None:
        desk, at_ms = self._handler.desk, self._agenda.now_ms
        used, room = self._stage.ledger.in_use()
        waiting = sum(desk.lines.length(name) for name in desk.rules.queues)
        self._moments.append(Moment(at_ms, waiting, used, room))
        self._agenda.put(at_ms + SAMPLE_MS, self._sample, None)

    # -- agents whom the rules declared away -----------------------------------------------------------------------

    def _sent_away(self, event: AgentPresenceChanged) -> None:
        if event.presence.declared == "away" and event.agent is not None and not self._comes_back(event.agent):
            self._agenda.put(self._agenda.now_ms + BACK_MS, self._back, event.agent)

    def _comes_back(self, agent: str) -> bool:
        """Whether the day itself says next that they are online."""
        declared = self._declared.get(agent, [])
        place = bisect_right(declared, self._agenda.now_ms, key=lambda one: one[0])
        return place < len(declared) and declared[place][1] == "online"

    def _back(self, agent: str) -> None:
        seat = self._handler.desk.seats.get(agent)
        if seat is not None and seat.presence.declared == "away":
            self._do(DeclarePresence(agent=agent, declared="online"))

    # -- the end ---------------------------------------------------------------------------------------------------

    def _outcome(self) -> Outcome:
        given = self._conversations.given
        agents = [
            AgentDay(
                agent,
                self._teams.get(agent, ()),
                hours.here_ms,
                given.get(agent, 0),
                hours.used_ms / hours.room_ms if hours.room_ms else None,
            )
            for agent, hours in sorted(self._stage.ledger.agents.items())
        ]
        decisions = {
            conversation: [event.decision for event in events] for conversation, events in self._stage.decisions.items()
        }
        lives = [talk.life for talk in self._conversations.all]
        return Outcome(
            lives, agents, self._moments, decisions, self._day.end_ms, self._commands, self._refused,
            self._conversations.notices,
        )  # fmt: skip


def _at(item: Act | Case) -> int:
    return item.at_ms
