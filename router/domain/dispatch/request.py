"""A conversation asks for an agent, says more about itself, is transferred, falls silent, or needs nobody any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from contracts.codec import milliseconds
from contracts.commands import Facts, FinishWrapUp, PauseWork, ReleaseWork, RequestAgent, TimerDue, WakeWork
from contracts.events import OfferWithdrawn
from contracts.ids import shard_of
from router.domain.dispatch.choose import PREVIOUS, Choice
from router.domain.dispatch.drain import drain, hand_on
from router.domain.dispatch.moves import PREFER, RELAX, UNASKED, WRAP_UP, Asked, Moves
from router.domain.dispatch.room import ABSENT
from router.domain.dispatch.route import routed
from router.domain.dispatch.seat import ELIGIBLE, Seat
from router.domain.dispatch.skill import next_step_ms
from router.domain.dispatch.work import Work
from router.domain.turn import Refusal

HANDED_OVER: Final = ("transferred", "unanswered")
"""Triggers that take the work from whoever has it, be it without a word on where to."""


def request(moves: Moves, command: RequestAgent) -> None:
    """New work is placed; known work is transferred if it says where to, and otherwise brought up to date."""
    shard_of(command.conversation)
    known = moves.desk.work.get(command.conversation)
    if known is not None and known.state == "wrap_up":
        _arrive(moves, command, moves.end_wrap_up(known))
    elif known is None:
        _arrive(moves, command, None)
    elif command.queue or command.agent or command.trigger in HANDED_OVER:
        _transfer(moves, command, known)
    elif known.state == "waiting":
        _update(moves, command, known)
    else:
        moves.keep(replace(_told(known, command), policy=UNASKED))


def release(moves: Moves, command: ReleaseWork) -> None:
    """Frees whatever is held, after the wrap-up; asked twice, or for unknown work, it does nothing."""
    work = moves.desk.work.get(command.conversation)
    if work is None or work.state == "wrap_up":
        return
    if work.state == "waiting":
        moves.leave_line(work)
        moves.forget(work)
    elif work.state == "assigned" and (seconds := _wrap_up_s(moves, work)):
        moves.wrap_up(work, seconds)
    else:
        if work.state == "offered":
            moves.event(OfferWithdrawn, work, work.agent, queue=work.queue, reason=command.reason)
        seat = moves.let_go(work)
        moves.forget(work)
        drain(moves, seat, "capacity_freed")


def finish_wrap_up(moves: Moves, command: FinishWrapUp) -> None:
    """The agent has finished up; said twice, it does nothing.

    Raises:
        Refusal: ``conflict``: it is somebody else's, or not over yet.
    """
    work = moves.desk.work.get(command.conversation)
    if work is None:
        return
    if work.state != "wrap_up" or work.agent != command.agent:
        raise Refusal("conflict", "You are not finishing up this conversation.")
    drain(moves, moves.end_wrap_up(work), "capacity_freed")


def wrap_up_over(moves: Moves, command: TimerDue) -> None:
    work = moves.desk.work.get(command.timer.removeprefix(WRAP_UP))
    if work is not None and work.state == "wrap_up" and (work.expires_ms or 0) <= command.due:
        drain(moves, moves.end_wrap_up(work), "capacity_freed")


def pause(moves: Moves, command: PauseWork) -> None:
    """The customer is silent: the agent keeps it, and its units are free."""
    work = moves.desk.work.get(command.conversation)
    if work is not None and work.state == "assigned":
        drain(moves, moves.pause(work), "capacity_freed")


def wake(moves: Moves, command: WakeWork) -> None:
    """Back to its agent, if they are there (busy or not) and it fits; otherwise it waits, first for them."""
    work = moves.desk.work.get(command.conversation)
    if work is None or work.state != "idle":
        return
    since_ms = milliseconds(command.waiting_since)
    seat = moves.desk.seats[work.agent or ""]
    anew = replace(work, waiting_since_ms=since_ms, again_ms=None, keeper=seat.id, declined={}, excluded=(), refusals=0)
    awake = moves.fresh(anew)
    room = moves.desk.rules.costs.room(seat, awake.channel_class, awake.weight)
    if seat.blocked in (None, "busy") and room == ELIGIBLE:
        _resume(moves, work, awake)
        return
    moves.take_back(work, "woken")
    moves.place(replace(awake, state="waiting", agent=None), Asked("woken"))


def relax(moves: Moves, command: TimerDue) -> None:
    """It waited so long that less is asked for. A timer that was moved or cleared since does nothing."""
    work = moves.desk.work.get(command.timer.removeprefix(RELAX))
    if work is None or work.state != "waiting":
        return
    step_ms = next_step_ms(work)
    if step_ms is not None and step_ms <= command.due:
        moves.leave_line(work)
        moves.place(work, Asked("relaxed"))


def prefer_no_more(moves: Moves, command: TimerDue) -> None:
    """It waited long enough for certain agents: everybody is asked."""
    work = moves.desk.work.get(command.timer.removeprefix(PREFER))
    if work is not None and work.state == "waiting" and work.only and (work.only_until_ms or 0) <= command.due:
        moves.leave_line(work)
        moves.place(work, Asked("preferred_over"))


def _arrive(moves: Moves, command: RequestAgent, freed: Seat | None) -> None:
    work = Work(
        conversation=command.conversation,
        facts=command.facts,
        queue="",
        channel_class="",
        weight=0,
        waiting_since_ms=milliseconds(command.waiting_since),
        arrival=_arrival(moves.turn.entry),
        raised=command.raised,
        asked_queue=command.queue,
        asked_skills=command.skills,
    )
    work, notes = routed(moves.desk, work, moves.turn.at_ms)
    moves.classified(work, None)
    _go(moves, _kept_from(moves, work, command.exclude), _asked(command, notes), freed)


def _transfer(moves: Moves, command: RequestAgent, known: Work) -> None:
    """The holder gives it up first. It keeps its age and place; earlier declines are let go. Whoever was answered waits
    anew from now on, whoever was not since the first message without an answer."""
    freed, taken = None, known
    if known.state == "waiting":
        moves.leave_line(known)
    else:
        taken, freed = moves.take_back(known, command.trigger if command.trigger in HANDED_OVER else "transferred")
    work = replace(
        _told(taken, command),
        again_ms=max(known.waits_since_ms, milliseconds(command.waiting_since)),
        asked_queue=command.queue or known.queue,
        declined={},
        excluded=(),
        refusals=0,
        keeper=None,
        only=(),
        only_until_ms=None,
        attempts=0,
        entered=None,
        looks_ms=None,
        passed=(),
        spent=(),
        diverted=None,
    )
    work, notes = routed(moves.desk, work, moves.turn.at_ms)
    moves.classified(work, known)
    _go(moves, _kept_from(moves, work, (*command.exclude, *_giver(known, command))), _asked(command, notes), freed)


def _go(moves: Moves, work: Work, asked: Asked, freed: Seat | None) -> None:
    if freed is None:
        moves.place(work, asked)
    else:
        hand_on(moves, work, asked, freed)


def _update(moves: Moves, command: RequestAgent, known: Work) -> None:
    """Something was learnt of waiting work: it may belong to another queue now, or further in front."""
    work, notes = routed(moves.desk, _told(known, command), moves.turn.at_ms)
    moves.classified(work, known)
    work = _kept_from(moves, work, command.exclude) if command.exclude else work
    if _same_place(work, known):
        moves.keep(work)
        moves.retry(work, command.trigger)
        return
    moves.leave_line(known)
    moves.place(work, _asked(command, notes))


def _same_place(work: Work, known: Work) -> bool:
    return (
        work.requirement == known.requirement
        and work.line_key == known.line_key
        and work.declined == known.declined
        and next_step_ms(work) == next_step_ms(known)
    )


def _told(known: Work, command: RequestAgent) -> Work:
    """With what the command says; a text once known stays known."""
    facts: Facts = command.facts
    if not facts.text and known.facts.text:
        facts = replace(facts, text=known.facts.text)
    return replace(known, facts=facts, raised=command.raised, asked_skills=command.skills or known.asked_skills)


def _giver(known: Work, command: RequestAgent) -> tuple[str, ...]:
    """Whoever gave it away does not get it back, unless that is what was asked for."""
    if command.trigger == "unanswered" or known.agent is None or known.agent == command.agent:
        return ()
    return (known.agent,)


def _kept_from(moves: Moves, work: Work, agents: Iterable[str]) -> Work:
    """Work that these agents are not asked to take for as long as declines are remembered: if there is anybody else
    signed in who could be asked. Otherwise it would wait for nobody."""
    agents = tuple(dict.fromkeys(agents))
    if not agents:
        return work
    room, place = moves.desk.room(work), moves.desk.place(work)
    seats = [moves.desk.seats[agent] for agent in agents if agent in room]
    if room.signed_in(place) <= sum(seat.standing.verdicts[place] not in ABSENT for seat in seats):
        return work
    until = moves.turn.at_ms + moves.desk.rules.policy.forget_decline_s * 1000
    return replace(work, declined={**work.declined, **dict.fromkeys(agents, until)}, excluded=agents)


def _resume(moves: Moves, idle: Work, awake: Work) -> None:
    seat = moves.desk.seats[idle.agent or ""]
    decision = moves.decide(awake, "assigned", Choice(seat, PREVIOUS), Asked("woken"))
    moves.let_go(idle)
    moves.assign(replace(awake, state="assigned", keeper=None), decision)


def _wrap_up_s(moves: Moves, work: Work) -> int:
    own = moves.desk.rules.queue(work.queue).wrap_up_s
    return moves.desk.rules.costs.of(work.channel_class).wrap_up_s if own is None else own


def _asked(command: RequestAgent, notes: tuple[str, ...]) -> Asked:
    return Asked(command.trigger, command.agent, command.force, notes)


def _arrival(entry: str) -> int:
    """A stream entry id (``ms-n``) as one number that sorts like it."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds) * 1_000_000 + int(number)
