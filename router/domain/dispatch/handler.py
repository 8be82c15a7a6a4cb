"""The dispatch shard's handler: one rule for each command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from contracts.commands import (
    AcceptOffer,
    AgentConnection,
    ClaimWork,
    DeclarePresence,
    DeclineOffer,
    FinishWrapUp,
    PauseWork,
    PublishPolicy,
    PutAgent,
    ReleaseWork,
    RemoveAgent,
    RequestAgent,
    RollbackPolicy,
    TakeOver,
    TimerDue,
    WakeWork,
)
from contracts.policy import Policy
from router.domain.dispatch.announce import announce_due
from router.domain.dispatch.attend import GRACE, SESSION, connect, declare, grace_over, silence
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.hall import Hall
from router.domain.dispatch.hours import OPENING, hours_due, keep_hours
from router.domain.dispatch.moves import FORGET, OFFER, PREFER, RELAX, WRAP_UP, Moves
from router.domain.dispatch.offer import accept, claim, decline, expire, remember_no_more, take_over
from router.domain.dispatch.publish import publish, rollback, wanted_policies
from router.domain.dispatch.request import (
    finish_wrap_up,
    pause,
    prefer_no_more,
    relax,
    release,
    request,
    wake,
    wrap_up_over,
)
from router.domain.dispatch.roster import put_agent, remove_agent
from router.domain.dispatch.shift import SHIFT, shift_due
from router.domain.dispatch.spill import overflow_due
from router.domain.dispatch.tables import (
    AGENTS,
    CURRENT,
    DECISIONS,
    HISTORY,
    HOURS,
    NEWS,
    PACES,
    POLICIES,
    POLICY,
    SESSIONS,
    TOLD,
    WORK,
)
from router.domain.dispatch.told import tell_terms
from router.domain.dispatch.watch import ANNOUNCE, OVERFLOW
from router.domain.policy.versions import History
from router.domain.turn import Handler, Reader, Table, Turn

Rule = Callable[[Moves, Any], None]


class DispatchHandler(Handler):
    """Rules over a :class:`Desk` that is derived from the rows at take-over and kept in step from then on.

    Every row a rule reads is preloaded, but for earlier policies, which are read before anything moved: no rule meets
    ``Missing`` half-way. Every refusal is raised before anything moved. ``moves``: rehearsals write less down.
    """

    tables: Sequence[Table[Any]] = (
        *(AGENTS, WORK, POLICY, HISTORY, SESSIONS, TOLD, HOURS, PACES, NEWS),
        *(DECISIONS, POLICIES),
    )

    def __init__(self, moves: type[Moves] = Moves) -> None:
        self._moves = moves
        self.desk = Desk(Policy(), {}, {}, {})
        self._new = True
        self._rules: dict[type, Rule] = {
            RequestAgent: request,
            ReleaseWork: release,
            PauseWork: pause,
            WakeWork: wake,
            FinishWrapUp: finish_wrap_up,
            TakeOver: take_over,
            AcceptOffer: accept,
            DeclineOffer: decline,
            ClaimWork: claim,
            DeclarePresence: declare,
            AgentConnection: connect,
            PutAgent: put_agent,
            RemoveAgent: remove_agent,
            PublishPolicy: publish,
            RollbackPolicy: rollback,
            TimerDue: self._timer,
        }
        self._timers: dict[str, Rule] = {
            OFFER: expire,
            FORGET: remember_no_more,
            RELAX: relax,
            PREFER: prefer_no_more,
            WRAP_UP: wrap_up_over,
            GRACE: grace_over,
            SESSION: silence,
            OPENING: hours_due,
            SHIFT: shift_due,
            OVERFLOW: overflow_due,
            ANNOUNCE: announce_due,
        }

    def load(self, shard: str, shards: int, rows: dict[str, dict[str, Any]]) -> None:
        policy = rows.get(POLICY.name, {}).get(CURRENT, Policy())
        history = rows.get(HISTORY.name, {}).get(CURRENT, History())
        agents, work, sessions = (rows.get(table.name, {}) for table in (AGENTS, WORK, SESSIONS))
        hall = Hall(*(rows.get(table.name, {}) for table in (HOURS, PACES, NEWS)))
        self.desk = Desk(policy, agents, work, sessions, history.number, hall)
        self._new = True

    def needs(self, reader: Reader, command: Any) -> None:
        """Earlier policies; all else that the rules read is preloaded."""
        for number in wanted_policies(reader, command):
            reader.get(POLICIES, number)

    def handle(self, turn: Turn, command: Any) -> None:
        """Carries out one command.

        Raises:
            Refusal: ``conflict``, ``not_found`` or ``invalid``.
            TypeError: a command that is not for dispatch.
        """
        rule = self._rules.get(type(command))
        if rule is None:
            raise TypeError(f"{type(command).__name__} is no command for dispatch")
        moves = self._moves(turn, self.desk, command)
        if self._new:
            tell_terms(moves)
            if self.desk.hall.openings.keys() != self.desk.rules.hours.keys():
                keep_hours(moves)
        rule(moves, command)
        moves.finish()
        self._new = False

    def resume(self) -> Iterable[object]:
        """Nothing: what must happen outside happens in other shards, and is told to them."""
        return ()

    def _timer(self, moves: Moves, command: TimerDue) -> None:
        rule = self._timers.get(command.timer.partition(":")[0] + ":")
        if rule is not None:
            rule(moves, command)
