"""The list of agents: declared, changed, removed."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.agent import AgentState
from contracts.commands import PutAgent, RemoveAgent
from contracts.events import AgentChanged
from router.domain.dispatch.attend import GRACE, drop_session, known, leave, settle
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.shift import in_shift, off_roster
from router.domain.dispatch.tables import AGENTS
from router.domain.dispatch.told import tell_of_bot


def put_agent(moves: Moves, command: PutAgent) -> None:
    """Declares an agent, or changes one: what they hold they keep, unless they are disabled."""
    before = moves.desk.seats.get(command.agent.id)
    if before is not None and before.agent == command.agent:
        return
    was = before.blocked if before else "offline"
    state = replace(before.state(), agent=command.agent) if before else AgentState(command.agent)
    seat = moves.desk.seat(in_shift(moves, state))
    if was is not None and seat.blocked is None:
        seat.idle_ms = moves.turn.at_ms
    moves.touch(seat)
    _changed(moves, seat.id, seat.state())
    tell_of_bot(moves, seat.agent)
    settle(moves, seat, left=not seat.agent.enabled)


def remove_agent(moves: Moves, command: RemoveAgent) -> None:
    """The agent's work goes to others first, and then there is no such agent."""
    seat = known(moves, command.agent)
    seat.agent = replace(seat.agent, enabled=False)
    moves.touch(seat)
    leave(moves, seat)
    for session in sorted(moves.desk.connections.get(seat.id, ())):
        drop_session(moves, session)
    moves.desk.connections.pop(seat.id, None)
    moves.turn.clear_timer(GRACE + seat.id)
    off_roster(moves, seat.agent)
    moves.desk.stand_up(seat.id)
    moves.forget_seat(seat.id)
    moves.turn.drop(AGENTS, seat.id)
    tell_of_bot(moves, seat.agent, removed=True)
    _changed(moves, seat.id, None)


def _changed(moves: Moves, agent: str, state: AgentState | None) -> None:
    moves.turn.emit(
        AgentChanged(id=moves.turn.event_id(), at=moves.turn.at, agent=agent, cause=moves.cause, state=state)
    )
