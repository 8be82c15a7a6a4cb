"""The policy: published, or an earlier one put in force again. What waits is looked at again, with its age kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from contracts.commands import PublishPolicy, RollbackPolicy
from contracts.events import PolicyPublished
from contracts.policy import Policy
from router.domain.dispatch.choose import CLOSED, NOBODY, WAITS, Choice
from router.domain.dispatch.desk import Rulebook
from router.domain.dispatch.drain import drain_all
from router.domain.dispatch.hours import keep_hours
from router.domain.dispatch.moves import Asked, Moves
from router.domain.dispatch.route import routed
from router.domain.dispatch.shift import keep_shifts, vacate_off_shift
from router.domain.dispatch.spill import watch_anew
from router.domain.dispatch.tables import CURRENT, HISTORY, POLICIES, POLICY
from router.domain.dispatch.told import tell_terms
from router.domain.dispatch.work import Work, line_key
from router.domain.policy.check import errors
from router.domain.policy.stands import standing_rules
from router.domain.policy.versions import KEPT, History, Note, digest, is_news
from router.domain.turn import Reader, Refusal, Turn


def publish(moves: Moves, command: PublishPolicy) -> None:
    """Takes effect at once; what is held keeps its weight. What the configuration says at each start counts only when
    it is not what it said before.

    Raises:
        Refusal: ``invalid``, with the first thing that is wrong and where; ``stale``, another number is in force.
    """
    history = _history(moves.turn)
    _expect(history, command.expected)
    _sound(command.policy)
    if command.source == "config":
        if not is_news(history, command.policy):
            return
        history = _heard(moves.turn, history, command.policy)
    if history.number and command.policy == moves.desk.rules.policy:
        moves.turn.result["number"] = str(history.number)
        return
    note = Note(history.number + 1, moves.turn.at, command.by, command.source, command.why)
    _put_in_force(moves, history, command.policy, note)


def rollback(moves: Moves, command: RollbackPolicy) -> None:
    """An earlier policy in force again, under a number of its own.

    Raises:
        Refusal: ``not_found``, ``stale``, or ``invalid``: it was good once, and is not any more.
    """
    history = _history(moves.turn)
    _expect(history, command.expected)
    number = _target(history, command)
    policy = moves.turn.get(POLICIES, str(number)) if history.note(number) else None
    if policy is None:
        raise Refusal("not_found", _not_kept(history, number))
    _sound(policy)
    if number == history.number:
        moves.turn.result["number"] = str(number)
        return
    note = Note(history.number + 1, moves.turn.at, command.by, "api", command.why, number)
    _put_in_force(moves, history, policy, note)


def wanted_policies(reader: Reader, command: object) -> Sequence[str]:
    """The numbers that the command will read."""
    if not isinstance(command, RollbackPolicy):
        return ()
    return (str(_target(reader.get(HISTORY, CURRENT) or History(), command)),)


def _history(turn: Turn) -> History:
    """What was published; a policy of a time without numbers counts as the first."""
    history = turn.get(HISTORY, CURRENT) or History()
    present = turn.get(POLICY, CURRENT)
    if history.number or present is None:
        return history
    turn.put(POLICIES, "1", present)
    return history.with_next(Note(1, turn.at, why="it was in force before policies had numbers"))


def _expect(history: History, expected: int | None) -> None:
    if expected is not None and expected != history.number:
        raise Refusal("stale", f"policy {history.number} is in force, not {expected}; look at what changed first")


def _sound(policy: Policy) -> None:
    wrong = errors(policy)
    if wrong:
        raise Refusal("invalid", str(wrong[0]))


def _heard(turn: Turn, history: History, policy: Policy) -> History:
    """The configuration's word is remembered even if it says what is in force already."""
    heard = History(history.number, history.notes, digest(policy))
    turn.put(HISTORY, CURRENT, heard)
    return heard


def _target(history: History, command: RollbackPolicy) -> int:
    return history.number - 1 if command.number is None else command.number


def _not_kept(history: History, number: int) -> str:
    if not history.notes:
        return "no policy was published yet, so there is nothing to go back to"
    return f"policy {number} is not kept; there are {history.notes[0].number} to {history.number}"


def _put_in_force(moves: Moves, history: History, policy: Policy, note: Note) -> None:
    turn, before = moves.turn, moves.desk.rules.policy
    turn.put(POLICY, CURRENT, policy)
    turn.put(HISTORY, CURRENT, history.with_next(note))
    turn.put(POLICIES, str(note.number), policy)
    if note.number > KEPT:
        turn.drop(POLICIES, str(note.number - KEPT))
    turn.emit(
        PolicyPublished(
            id=turn.event_id(),
            at=turn.at,
            cause=moves.cause,
            policy=policy,
            by=note.by,
            number=note.number,
            rolled_back_to=note.rolled_back_to,
        )
    )
    turn.result["number"] = str(note.number)
    _rearrange(moves, before, policy, note.number)


def _rearrange(moves: Moves, before: Policy, policy: Policy, number: int) -> None:
    """The desk by the new rules: who waits where, and who gets what of it."""
    moves.desk.rules = Rulebook(policy, number)
    tell_terms(moves)
    keep_hours(moves)
    keep_shifts(moves)
    moved = list(_rerouted(moves, standing_rules(before, policy)))
    moves.desk.arrange()
    drain_all(moves, "policy_changed")
    vacate_off_shift(moves)
    for conversation, notes, elsewhere in moved:
        work = moves.desk.work[conversation]
        if work.state == "waiting":
            _settle(moves, work, Asked("policy_changed", notes=notes), elsewhere)
    watch_anew(moves, before)


def _settle(moves: Moves, work: Work, asked: Asked, elsewhere: bool) -> None:
    """It waits further in front or back, or in another queue: where there are overflows, it comes like any other."""
    reason = CLOSED if work.queue in moves.desk.hall.closed else WAITS if work.only else NOBODY
    choice = Choice(None, reason, work.only)
    if elsewhere and (work.entered is not None or work.queue in moves.desk.rules.watched):
        moves.leave_line(work)
        moves.come(work, choice, asked)
    else:
        moves.say_waiting(work, choice, asked)


def _rerouted(moves: Moves, standing: frozenset[str | None]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Asks the new rules about all that waits by rules that may say something else now; those whose queue or place
    changed, with notes, and whether it was the queue."""
    waiting = [work for work in moves.desk.work.values() if work.state == "waiting" and work.rule not in standing]
    for before in sorted(waiting, key=line_key):
        work, notes = routed(moves.desk, before, moves.turn.at_ms)
        # The number alone is not worth a row of each: what comes back by an old one is asked about again then.
        if replace(work, policy=before.policy) == before:
            continue
        moves.rewrite(before, work)
        if (work.queue, work.priority) != (before.queue, before.priority):
            yield work.conversation, notes, work.queue != before.queue
