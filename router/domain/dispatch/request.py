"""A conversation asks for an agent, says more about itself, is transferred, or needs nobody any more."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.codec import milliseconds
from contracts.commands import Facts, ReleaseWork, RequestAgent, TagConversation
from contracts.events import OfferWithdrawn
from contracts.ids import shard_of
from router.domain.dispatch.classify import Classified
from router.domain.dispatch.desk import Desk
from router.domain.dispatch.drain import drain
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.work import Work


def request(moves: Moves, command: RequestAgent) -> None:
    """New work is placed; known work is transferred if it says where to, and otherwise brought up to date."""
    shard_of(command.conversation)
    known = moves.desk.work.get(command.conversation)
    if known is None:
        _arrive(moves, command)
    elif command.queue or command.agent or command.trigger == "transferred":
        _transfer(moves, command, known)
    elif known.state == "waiting":
        _update(moves, command, known)
    else:
        moves.keep(_noted(known, command.facts))


def _noted(known: Work, facts: Facts) -> Work:
    """Somebody has it already; what was learnt counts if it comes back."""
    text = facts.text if known.state == "offered" else ""
    priority = known.priority if facts.priority is None else facts.priority
    return replace(known, facts=replace(facts, text=text), priority=priority)


def release(moves: Moves, command: ReleaseWork) -> None:
    """Frees whatever is held; asked twice, or for unknown work, it does nothing."""
    work = moves.desk.work.get(command.conversation)
    if work is None:
        return
    if work.state == "waiting":
        moves.leave_line(work)
        moves.forget(work)
        return
    seat = moves.desk.seats[work.agent or ""]
    if work.state == "offered":
        moves.event(OfferWithdrawn, work, seat.id, queue=work.queue, reason=command.reason)
    moves.free(work)
    moves.forget(work)
    drain(moves, seat, "capacity_freed")


def routed(desk: Desk, work: Work) -> tuple[Work, tuple[str, ...]]:
    """The work as the present policy has it, and notes on what could not be done as asked. Its age never changes."""
    said = desk.rules.classifier.classify(work.facts)
    if work.asked_queue:
        said = Classified(work.asked_queue, None, said.priority, ())
    name = desk.rules.queue(said.queue).name
    notes = (f"unknown_queue:{said.queue}",) if said.queue not in (None, name) else ()
    channel_class = desk.rules.costs.class_of(work.facts.channel_class)
    work = replace(
        work,
        queue=name,
        rule=said.rule,
        priority=said.priority,
        channel_class=channel_class,
        weight=desk.rules.costs.weight(channel_class),
        tags=said.tags or work.tags,
    )
    return work, notes


def _arrive(moves: Moves, command: RequestAgent) -> None:
    work = Work(
        conversation=command.conversation,
        facts=command.facts,
        queue="",
        channel_class="",
        weight=0,
        waiting_since_ms=milliseconds(command.waiting_since),
        arrival=_arrival(moves.turn.entry),
        excluded=command.exclude,
        asked_queue=command.queue,
    )
    work, notes = routed(moves.desk, work)
    tag(moves, work, ())
    moves.place(work, command.trigger, command.agent, notes)


def _transfer(moves: Moves, command: RequestAgent, known: Work) -> None:
    """The holder gives it up first. It keeps its age and place; earlier declines are let go."""
    freed, taken = None, known
    if known.state == "waiting":
        moves.leave_line(known)
    else:
        taken, freed = moves.take_back(known, "transferred")
    work = replace(
        taken,
        facts=command.facts,
        asked_queue=command.queue or known.queue,
        excluded=tuple(dict.fromkeys((*command.exclude, *_giver(known, command)))),
        declined={},
        attempts=0,
    )
    work, notes = routed(moves.desk, work)
    moves.place(work, command.trigger, command.agent, notes)
    if freed is not None:
        drain(moves, freed, "capacity_freed")


def _giver(known: Work, command: RequestAgent) -> tuple[str, ...]:
    """Whoever had it does not get it back, unless that is what was asked for."""
    return (known.agent,) if known.agent and known.agent != command.agent else ()


def _update(moves: Moves, command: RequestAgent, known: Work) -> None:
    """Something was learnt of waiting work: it may belong to another queue now, or further in front."""
    excluded = command.exclude or known.excluded
    work, notes = routed(moves.desk, replace(known, facts=command.facts, excluded=excluded))
    tag(moves, work, known.tags)
    if work.requirement == known.requirement and work.line_key == known.line_key and work.excluded == known.excluded:
        moves.keep(work)
        moves.retry(work, command.trigger)
        return
    moves.leave_line(known)
    moves.place(work, command.trigger, notes=notes)


def tag(moves: Moves, work: Work, had: tuple[str, ...]) -> None:
    """Tells the conversation the tags that are new."""
    new = tuple(name for name in work.tags if name not in had)
    if new:
        moves.tell(work, TagConversation(conversation=work.conversation, add=new, by="policy"))


def _arrival(entry: str) -> int:
    """A stream entry id (``ms-n``) as one number that sorts like it."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds) * 1_000_000 + int(number)
