"""Decisions as sentences: pure functions of what was recorded when they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from contracts.codec import iso
from contracts.decision import Considered, Decision
from contracts.policy import Need
from contracts.sla import Clock, SlaState
from router.domain.why.english import ENGLISH
from router.domain.why.japanese import JAPANESE
from router.domain.why.words import Words

FIRST: Final = 5
"""So many of those who were considered are told; the counts speak of all."""


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One decision: what happened in a sentence, and what lay behind it in some more."""

    at: datetime
    sentence: str
    details: tuple[str, ...]
    decision: Decision


def words_for(language: str | None) -> Words:
    """Japanese for ``ja`` and its kin, otherwise English."""
    return JAPANESE if (language or "").lower().replace("_", "-").partition("-")[0] == "ja" else ENGLISH


def story(decisions: Sequence[Decision], language: str | None = None) -> list[Step]:
    """A step for each decision, in their order."""
    words = words_for(language)
    return [
        Step(one.at, told(one, words), tuple(part for part in details(one, words) if part), one) for one in decisions
    ]


def told(decision: Decision, words: Words) -> str:
    """What made us look, where that led, and what came of it."""
    trigger = words.trigger.get(decision.trigger, f"{decision.trigger}.")
    return words.space.join((trigger, _queue(decision, words), _outcome(decision, words)))


def details(decision: Decision, words: Words) -> Iterator[str]:
    """The rest, a sentence each; empty ones for what does not apply."""
    yield _rules_before(decision, words)
    yield _asked(decision, words)
    yield _relaxed(decision, words)
    yield _overflow(decision, words)
    yield from (_note(note, words) for note in decision.notes)
    yield _considered(decision, words)
    yield _counts(decision, words)
    yield _line(decision, words)
    yield words.waited.format(time=_span(decision.waited_s, words)) if decision.waited_s else ""
    yield words.weight.format(weight=decision.weight, priority=decision.priority)
    yield _policy(decision, words)


def promises(sla: SlaState | None, language: str | None = None) -> list[str]:
    """What was promised of the conversation, and how that stands now."""
    words = words_for(language)
    if sla is None:
        return []
    said = [_clock(sla.name, clock, words) for clock in sla.clocks]
    said += [words.promise_met.format(name=sla.name, target=_of(words.target, one)) for one in sla.met]
    return said + [words.promise_breached.format(name=sla.name, target=_of(words.target, one)) for one in sla.breached]


# -- what happened ---------------------------------------------------------------------------------------------------


def _queue(decision: Decision, words: Words) -> str:
    if decision.rule is None:
        return words.no_rule.format(queue=decision.queue)
    return words.rule.format(rule=decision.rule, queue=decision.queue)


def _outcome(decision: Decision, words: Words) -> str:
    form = words.outcome.get(decision.outcome, decision.outcome)
    outcome = form.format(agent=decision.agent, queue=decision.queue)
    if decision.reason is None:
        return words.plain.format(outcome=outcome)
    return words.because.format(outcome=outcome, reason=_of(words.reason, decision.reason))


# -- what lay behind it ----------------------------------------------------------------------------------------------


def _rules_before(decision: Decision, words: Words) -> str:
    before = [rule for rule in decision.rules if rule != decision.rule]
    pattern = words.rules_held if decision.rule is None else words.rules_before
    return pattern.format(rules=words.comma.join(before)) if before else ""


def _asked(decision: Decision, words: Words) -> str:
    if not decision.skills and not decision.relaxed:
        return ""
    needs = words.comma.join(_need(need, words) for need in decision.skills)
    return words.asked.format(needs=needs or words.everything_dropped)


def _need(need: Need, words: Words) -> str:
    return (words.need if need.required else words.wish).format(skill=need.skill, level=need.level)


def _relaxed(decision: Decision, words: Words) -> str:
    if decision.relaxed <= 1:
        return words.relaxed_once if decision.relaxed else ""
    return words.relaxed.format(steps=decision.relaxed)


def _overflow(decision: Decision, words: Words) -> str:
    if decision.overflow is None:
        return ""
    when, _, rest = decision.overflow.partition(":")
    do, _, to = rest.partition(":")
    done = words.overflow_do.get(do, do).format(to=to or decision.queue)
    return words.overflow.format(when=_of(words.overflow_when, when), do=done)


def _note(note: str, words: Words) -> str:
    kind, _, rest = note.partition(":")
    name, _, why = rest.partition(":")
    form = words.note.get(kind)
    return note if form is None else form.format(name=name, why=_of(words.ruled_out, why))


def _considered(decision: Decision, words: Words) -> str:
    if not decision.considered:
        return words.nobody
    first = [_one(row, words) for row in decision.considered[:FIRST]]
    more = [words.more] if decision.truncated or len(decision.considered) > FIRST else []
    return words.plain.format(outcome=words.comma.join(first + more))


def _one(row: Considered, words: Words) -> str:
    return words.considered.format(agent=row.agent, why=_of(words.ruled_out, row.ruled_out or "eligible"))


def _counts(decision: Decision, words: Words) -> str:
    if not decision.counts:
        return ""
    order = sorted(decision.counts, key=lambda reason: (reason != "eligible", -decision.counts[reason], reason))
    parts = [words.count.format(number=decision.counts[reason], what=_of(words.ruled_out, reason)) for reason in order]
    return words.counts.format(counts=words.comma.join(parts))


def _line(decision: Decision, words: Words) -> str:
    return words.space.join(_place(decision, words))


def _place(decision: Decision, words: Words) -> Iterable[str]:
    if decision.position is not None:
        yield words.position.format(position=decision.position, queue=decision.queue)
    if decision.estimate_s is not None:
        minutes = round(decision.estimate_s / 60)
        yield words.estimate.format(minutes=minutes) if minutes else words.estimate_soon


def _policy(decision: Decision, words: Words) -> str:
    if decision.policy_number:
        return words.policy.format(number=decision.policy_number, name=decision.policy)
    return words.policy_unnumbered.format(name=decision.policy)


def _clock(name: str, clock: Clock, words: Words) -> str:
    target = _of(words.target, clock.target)
    if clock.due_at is None:
        return words.promise_paused.format(name=name, target=target, left=_span(clock.left_s or 0, words))
    return words.promise.format(name=name, target=target, due=iso(clock.due_at))


def _span(seconds: int, words: Words) -> str:
    """In the two largest units that say something."""
    parts = ((words.hours, seconds // 3600), (words.minutes, seconds // 60 % 60), (words.seconds, seconds % 60))
    told = [form.format(number=number) for form, number in parts if number][:2]
    return words.space.join(told or [words.seconds.format(number=0)])


def _of(table: dict[str, str], word: str) -> str:
    """A word that is newer than this table is told as it is."""
    return table.get(word, word)
