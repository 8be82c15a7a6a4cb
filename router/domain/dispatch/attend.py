"""Agents come and go: declared status, connections with their grace, and what happens to the work of who leaves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from contracts.agent import Presence
from contracts.commands import AgentConnection, DeclarePresence, TimerDue
from contracts.events import AgentPresenceChanged
from router.domain.dispatch.drain import drain
from router.domain.dispatch.moves import Asked, Moves
from router.domain.dispatch.presence import connected, cut_off, declared, gone
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.tables import SESSIONS, Session
from router.domain.dispatch.work import Work
from router.domain.turn import Refusal

GRACE: Final = "grace:"
SESSION: Final = "session:"
SILENCE_MS: Final = 150_000
"""A session that was not announced again for so long is dropped: api copies announce theirs every 60 s, so that one
which crashed leaves nobody connected for ever."""


def declare(moves: Moves, command: DeclarePresence) -> None:
    """``away`` and ``busy`` keep what they have and are offered nothing; ``offline`` gives everything back at once."""
    seat = known(moves, command.agent)
    if seat.presence.declared != command.declared:
        change(moves, seat, declared(seat.presence, command.declared, moves.turn.at))


def connect(moves: Moves, command: AgentConnection) -> None:
    """A session opened, still stands, or closed. Counting sessions by id makes repeats harmless."""
    seat = known(moves, command.agent)
    if command.connected:
        _open(moves, seat, command.session)
    else:
        _close(moves, command.session)


def silence(moves: Moves, command: TimerDue) -> None:
    """A session was not announced for too long; a timer that was moved since does nothing."""
    session = command.timer.removeprefix(SESSION)
    row = moves.desk.sessions.get(session)
    if row is not None and row.seen_ms + SILENCE_MS <= command.due:
        _close(moves, session)


def grace_over(moves: Moves, command: TimerDue) -> None:
    """Nobody came back: the agent is gone, and others take over the work. The grace is that of the moment of the cut;
    coming back clears the timer."""
    seat = moves.desk.seats.get(command.timer.removeprefix(GRACE))
    if seat is None or seat.presence.connected or seat.presence.disconnected_at is None:
        return
    change(moves, seat, gone(seat.presence), left=True)


def change(moves: Moves, seat: Seat, presence: Presence, left: bool = False) -> None:
    """The new presence takes effect, on offers and work too. ``left``: the connection is gone for good."""
    stand(moves, seat, presence)
    settle(moves, seat, left or presence.declared == "offline")


def send_away(moves: Moves, seat: Seat, missed: Work, asked: Asked) -> None:
    """Declares an agent away who did not react to an offer; it goes to others with the rest of their offers."""
    stand(moves, seat, declared(seat.presence, "away", moves.turn.at))
    vacate(moves, seat, list(seat.offers), [(missed, asked)])


def settle(moves: Moves, seat: Seat, left: bool) -> None:
    """What the agent may still hold, as they stand now, and what they may have in addition."""
    if left:
        leave(moves, seat)
    elif seat.blocked is not None:
        vacate(moves, seat, list(seat.offers))
    else:
        drain(moves, seat, "agent_available")


def leave(moves: Moves, seat: Seat) -> None:
    """Everything goes to others, wrap-ups end. What is idle stays with them as long as they may come back: nobody is
    needed for it now."""
    for conversation in list(seat.wrap_up):
        moves.end_wrap_up(moves.desk.work[conversation])
    idle = () if seat.agent.enabled else tuple(seat.idle)
    vacate(moves, seat, [*seat.work, *seat.offers, *idle])


def vacate(
    moves: Moves,
    seat: Seat,
    conversations: Iterable[str],
    missed: Iterable[tuple[Work, Asked]] = (),
    trigger: str = "agent_left",
) -> None:
    """Takes these out of the agent's hands and finds others, the longest waiting first; each keeps its age. What waits
    for the agent (and what they ``missed``) asks others too."""
    homeless = list(missed)
    for conversation in conversations:
        work, _ = moves.take_back(moves.desk.work[conversation], trigger)
        homeless.append((work, Asked(trigger)))
    for conversation in moves.desk.lines.reserved(seat.id):
        moves.leave_line(moves.desk.work[conversation])
        homeless.append((moves.desk.work[conversation], Asked("preferred_over")))
    ready = [(moves.fresh(work), asked) for work, asked in homeless]
    for work, asked in sorted(ready, key=lambda one: one[0].line_key):
        moves.place(work, asked)


def known(moves: Moves, agent: str) -> Seat:
    seat = moves.desk.seats.get(agent)
    if seat is None:
        raise Refusal("not_found", f"There is no agent {agent}.")
    return seat


def drop_session(moves: Moves, session: str) -> str | None:
    """Forgets a session; the agent whose it was."""
    row = moves.desk.sessions.pop(session, None)
    if row is None:
        return None
    moves.desk.connections[row.agent].discard(session)
    moves.turn.drop(SESSIONS, session)
    moves.turn.clear_timer(SESSION + session)
    return row.agent


def _open(moves: Moves, seat: Seat, session: str) -> None:
    before = moves.desk.sessions.get(session)
    if before is not None and before.agent != seat.id:
        _close(moves, session)
    row = Session(seat.id, moves.turn.at_ms)
    moves.desk.sessions[session] = row
    moves.desk.connections.setdefault(seat.id, set()).add(session)
    moves.turn.put(SESSIONS, session, row)
    moves.turn.timer(SESSION + session, moves.turn.at_ms + SILENCE_MS)
    if not seat.presence.connected:
        moves.turn.clear_timer(GRACE + seat.id)
        change(moves, seat, connected(seat.presence))


def _close(moves: Moves, session: str) -> None:
    agent = drop_session(moves, session)
    seat = moves.desk.seats.get(agent or "")
    if seat is None or moves.desk.connections.get(seat.id) or not seat.presence.connected:
        return
    grace_ms = moves.desk.rules.policy.presence_grace_s * 1000
    moves.turn.timer(GRACE + seat.id, moves.turn.at_ms + grace_ms)
    change(moves, seat, cut_off(seat.presence, moves.turn.at))


def stand(moves: Moves, seat: Seat, presence: Presence) -> None:
    """The agent stands so from now on, and everybody knows."""
    was = seat.blocked
    seat.presence = presence
    if was is not None and seat.blocked is None:
        seat.idle_ms = moves.turn.at_ms
    moves.touch(seat)
    moves.turn.emit(
        AgentPresenceChanged(
            id=moves.turn.event_id(),
            at=moves.turn.at,
            agent=seat.id,
            cause=moves.cause,
            presence=presence,
            available=seat.blocked is None,
        )
    )
