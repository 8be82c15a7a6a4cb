"""Answers to an offer: accepted, declined, timed out; and work taken from the line by hand."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.commands import AcceptOffer, AddNote, ClaimWork, DeclineOffer, TakeOver, TimerDue
from contracts.content import Text
from contracts.events import OfferAccepted, OfferDeclined, OfferExpired, WorkEscalated
from contracts.ids import message_id
from router.domain.dispatch.attend import known, send_away
from router.domain.dispatch.choose import Choice
from router.domain.dispatch.drain import drain, hand_on
from router.domain.dispatch.moves import FORGET, OFFER, UNASKED, Asked, Moves
from router.domain.dispatch.presence import signed_in
from router.domain.dispatch.seat import ELIGIBLE, Seat
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
    _pass_on(moves, work, "timed_out", away=moves.desk.rules.queue(work.queue).missed_sets_away)


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
    moves.give(replace(work, declined={}, excluded=()), Choice(seat, "claimed"), Asked("claimed"), at_once=True)


def take_over(moves: Moves, command: TakeOver) -> None:
    """A supervisor's word: whoever has it, and whatever the agent holds. Who had it is told, and why stays as a note.

    Raises:
        Refusal: ``not_found``; ``conflict``: the agent is not there, or the conversation is over.
    """
    seat, work = known(moves, command.agent), moves.desk.work.get(command.conversation)
    if work is None:
        raise Refusal("not_found", "The conversation neither waits for an agent nor has one.")
    if work.state == "wrap_up":
        raise Refusal("conflict", "The conversation is over.")
    if not signed_in(seat.agent, seat.presence):
        raise Refusal("conflict", "Only an agent who is signed in and connected can be given a conversation.")
    if work.agent == seat.id and work.state == "assigned":
        return
    freed = None
    if work.state == "waiting":
        moves.leave_line(work)
    else:
        work, freed = moves.take_back(work, "taken_over")
    work = moves.fresh(replace(work, declined={}, excluded=(), only=()))
    if command.why:
        note = message_id("take_over", moves.turn.entry)
        moves.tell(
            work, AddNote(conversation=work.conversation, message=note, parts=(Text(command.why),), by=command.by)
        )
    moves.give(work, Choice(seat, "taken_over"), Asked("taken_over"), at_once=True)
    if freed is not None and freed is not seat:
        drain(moves, freed, "capacity_freed")


def _claimable(moves: Moves, command: ClaimWork) -> tuple[Work, Seat]:
    seat = moves.desk.seats.get(command.agent)
    if seat is None:
        raise Refusal("not_found", f"There is no agent {command.agent}.")
    work = moves.desk.work.get(command.conversation)
    if work is None:
        raise Refusal("not_found", "The conversation does not wait for an agent.")
    if work.state != "waiting":
        raise Refusal("conflict", "Somebody else has the conversation, or it is on offer to them.")
    if seat.agent.kind == "bot" and seat.id not in moves.desk.room(work):
        raise Refusal("conflict", "A bot takes work of its own queues only.")
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


def _pass_on(moves: Moves, work: Work, trigger: str, away: bool = False) -> None:
    """To the next, or up, when too many did not want it. ``away``: who missed it is gone, it seems."""
    seat = moves.desk.seats[work.agent or ""]
    until = moves.turn.at_ms + moves.desk.rules.policy.forget_decline_s * 1000
    freed = moves.free(work)
    freed = replace(freed, declined={**freed.declined, seat.id: until}, refusals=freed.refusals + 1)
    if freed.refusals == moves.desk.rules.queue(work.queue).declines:
        freed, trigger = _escalated(moves, freed), "escalated"
    if away and seat.blocked is None:
        send_away(moves, seat, freed, Asked(trigger))
    else:
        hand_on(moves, freed, Asked(trigger), seat)


def _escalated(moves: Moves, work: Work) -> Work:
    """To the queue for such cases, or further in front in its own. Who declined it is not asked there either."""
    queue = moves.desk.rules.queue(work.queue)
    moves.event(WorkEscalated, work, None, queue=queue.escalate or queue.name, reason="declined")
    if queue.escalate is None:
        return replace(work, escalated=queue.escalate_priority, policy=UNASKED)
    return replace(work, asked_queue=queue.escalate, refusals=0, policy=UNASKED)
