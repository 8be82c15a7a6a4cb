"""The list of agents and the policy: declared, changed, removed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from contracts.agent import AgentState
from contracts.commands import PublishPolicy, PutAgent, RemoveAgent
from contracts.events import AgentChanged, PolicyPublished
from router.domain.dispatch.attend import GRACE, drop_session, known, settle, vacate
from router.domain.dispatch.desk import Rulebook
from router.domain.dispatch.drain import drain_all
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.policy_check import errors
from router.domain.dispatch.request import routed, tag
from router.domain.dispatch.tables import AGENTS, CURRENT, POLICY
from router.domain.dispatch.work import line_key
from router.domain.turn import Refusal


def put_agent(moves: Moves, command: PutAgent) -> None:
    """Declares an agent, or changes one: what they hold they keep, unless they are disabled."""
    before = moves.desk.seats.get(command.agent.id)
    if before is not None and before.agent == command.agent:
        return
    was = before.blocked if before else "offline"
    state = replace(before.state(), agent=command.agent) if before else AgentState(command.agent)
    seat = moves.desk.seat(state)
    if was is not None and seat.blocked is None:
        seat.idle_ms = moves.turn.at_ms
    moves.touch(seat)
    _changed(moves, seat.id, seat.state())
    settle(moves, seat, left=not seat.agent.enabled)


def remove_agent(moves: Moves, command: RemoveAgent) -> None:
    """The agent's work goes to others first, and then there is no such agent."""
    seat = known(moves, command.agent)
    seat.agent = replace(seat.agent, enabled=False)
    moves.touch(seat)
    vacate(moves, seat, [*seat.work, *seat.offers])
    for session in sorted(moves.desk.connections.get(seat.id, ())):
        drop_session(moves, session)
    moves.desk.connections.pop(seat.id, None)
    moves.turn.clear_timer(GRACE + seat.id)
    moves.desk.stand_up(seat.id)
    moves.forget_seat(seat.id)
    moves.turn.drop(AGENTS, seat.id)
    _changed(moves, seat.id, None)


def publish(moves: Moves, command: PublishPolicy) -> None:
    """Takes effect at once: what waits is looked at again, with its age kept. What is held keeps its weight.

    Raises:
        Refusal: ``invalid``, with the first thing that is wrong and where.
    """
    wrong = errors(command.policy)
    if wrong:
        raise Refusal("invalid", str(wrong[0]))
    if command.policy == moves.desk.rules.policy and moves.turn.get(POLICY, CURRENT) is not None:
        return
    moves.turn.put(POLICY, CURRENT, command.policy)
    moves.turn.emit(
        PolicyPublished(
            id=moves.turn.event_id(), at=moves.turn.at, cause=moves.cause, policy=command.policy, by=command.by
        )
    )
    moves.desk.rules = Rulebook(command.policy)
    moved = list(_rerouted(moves))
    moves.desk.arrange()
    drain_all(moves, "policy_changed")
    for conversation, notes in moved:
        work = moves.desk.work[conversation]
        if work.state == "waiting":
            moves.say_waiting(work, "policy_changed", notes=notes)


def _rerouted(moves: Moves) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Asks the new rules about all that waits; those whose queue or place changed, with notes."""
    waiting = [work for work in moves.desk.work.values() if work.state == "waiting"]
    for before in sorted(waiting, key=line_key):
        work, notes = routed(moves.desk, before)
        if work == before:
            continue
        moves.keep(work)
        tag(moves, work, before.tags)
        if (work.queue, work.priority) != (before.queue, before.priority):
            yield work.conversation, notes


def _changed(moves: Moves, agent: str, state: AgentState | None) -> None:
    moves.turn.emit(
        AgentChanged(id=moves.turn.event_id(), at=moves.turn.at, agent=agent, cause=moves.cause, state=state)
    )
