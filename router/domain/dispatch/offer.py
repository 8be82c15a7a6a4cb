"""Answers to an offer: accepted, declined, timed out; and work taken from the line by hand."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import AcceptOffer, ClaimWork, DeclineOffer, TimerDue
from contracts.events import OfferAccepted, OfferDeclined, OfferExpired
from router.domain.dispatch.drain import drain
from router.domain.dispatch.moves import FORGET, OFFER, Moves
from router.domain.dispatch.presence import signed_in
from router.domain.dispatch.room import ELIGIBLE
from router.domain.dispatch.seat import Seat
from router.domain.dispatch.work import Work
from router.domain.turn import Refusal


def accept(moves: Moves, command: AcceptOffer) -> None:
    """Exactly one wins, whoever asks, however often."""
    work = _offered(moves, command.conversation, command.agent)
    if moves.turn.at_ms >= (work.expires_ms or 0):
        raise Refusal("conflict", "The offer has expired; the conversation goes to somebody else.")
    moves.event(OfferAccepted, work, command.agent, queue=work.queue)
    moves.accept(work)


def decline(moves: Moves, command: DeclineOffer) -> None:
    """The next is looked for at once; the conversation keeps its place."""
    work = _offered(moves, command.conversation, command.agent)
    moves.event(OfferDeclined, work, command.agent, queue=work.queue, reason=command.reason)
    _pass_on(moves, work, "declined")


def expire(moves: Moves, command: TimerDue) -> None:
    """An offer nobody answered counts as declined. A timer that was moved or cleared since does nothing."""
    work = moves.desk.work.get(command.timer.removeprefix(OFFER))
    if work is None or work.state != "offered" or (work.expires_ms or 0) > command.due:
        return
    moves.event(OfferExpired, work, work.agent, queue=work.queue)
    _pass_on(moves, work, "timed_out")


def remember_no_more(moves: Moves, command: TimerDue) -> None:
    """A decline of waiting work is forgotten: who declined may be asked again."""
    work = moves.desk.work.get(command.timer.removeprefix(FORGET))
    if work is None or work.state != "waiting" or not work.declined:
        return
    work = work.recalled(moves.turn.at_ms)
    moves.keep(work)
    if work.declined:
        moves.turn.timer(command.timer, min(work.declined.values()))
    moves.retry(work, "decline_forgotten")


def claim(moves: Moves, command: ClaimWork) -> None:
    """An agent helps themselves, out of any queue, if they are there and it fits."""
    work, seat = _claimable(moves, command)
    if not signed_in(seat.agent, seat.presence):
        raise Refusal("conflict", "Only an agent who is signed in and connected can take a conversation.")
    if moves.desk.rules.costs.room(seat, work.channel_class, work.weight) != ELIGIBLE:
        raise Refusal("conflict", f"There is no room: it needs {work.weight} units and {seat.spare} are left.")
    moves.leave_line(work)
    moves.give(replace(work, declined={}), seat, "claimed", "claimed", at_once=True)


def _claimable(moves: Moves, command: ClaimWork) -> tuple[Work, Seat]:
    seat = moves.desk.seats.get(command.agent)
    if seat is None:
        raise Refusal("not_found", f"There is no agent {command.agent}.")
    work = moves.desk.work.get(command.conversation)
    if work is None:
        raise Refusal("not_found", "The conversation does not wait for an agent.")
    if work.state != "waiting":
        raise Refusal("conflict", "Somebody else has the conversation, or it is on offer to them.")
    return work, seat


def _offered(moves: Moves, conversation: str, agent: str) -> Work:
    work = moves.desk.work.get(conversation)
    if work is None:
        raise Refusal("conflict", "The conversation is not on offer any more.")
    if work.state == "assigned" and work.agent == agent:
        raise Refusal("conflict", "You have this conversation already.")
    if work.state != "offered" or work.agent != agent:
        raise Refusal("conflict", "The conversation is not on offer to you; somebody else may have it.")
    return work


def _pass_on(moves: Moves, work: Work, trigger: str) -> None:
    seat = moves.desk.seats[work.agent or ""]
    until = moves.turn.at_ms + moves.desk.rules.policy.forget_decline_s * 1000
    freed = moves.free(work)
    moves.place(replace(freed, declined={**freed.declined, seat.id: until}), trigger)
    drain(moves, seat, "capacity_freed")
