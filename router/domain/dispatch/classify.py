"""The policy's rules asked in order: which queue, how urgent, what it needs, what was promised, and with which tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from contracts.commands import Facts
from contracts.policy import Match, Need, Policy, Relax, Rule
from router.domain.dispatch.conditions import Condition, Question, conditions, holds_at
from router.domain.dispatch.patterns import Search, any_pattern, folded, literal
from router.domain.hours.compiled import Hours

_MOST_PLACES: Final = 1_000
"""Pairs of channel and account whose rules are kept sorted out; more than any installation has."""


class Classified(NamedTuple):
    """What the rules said; ``queue`` and ``rule`` are None when none decided."""

    queue: str | None
    rule: str | None
    """The one that decided."""
    priority: int
    tags: tuple[str, ...]
    rules: tuple[str, ...] = ()
    """Every rule that held, in order; the one that decided is the last."""
    skills: tuple[Need, ...] = ()
    relax: tuple[Relax, ...] = ()
    sla: str | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A rule with what is left to look at when the account is known."""

    rule: Rule
    conditions: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    """Together they speak against it; none: nothing does."""
    reads_text: bool
    """It does not hold unless one of its words or patterns is in the text."""

    def holds(self, asked: Question) -> bool:
        for condition in self.conditions:
            if not condition(asked):
                return False
        return not self.unless or not all(condition(asked) for condition in self.unless)


@dataclass(frozen=True, slots=True)
class _Shortlist:
    """The rules that may hold for one account, in order, up to the first that decides in any case."""

    rules: tuple[_Prepared, ...]
    wordless: tuple[_Prepared, ...]
    """Those that may hold for a text in which nothing is found."""
    prefilter: Search | None
    """Finds any word or pattern of any of them: what most texts have none of. None: each is looked for by itself."""

    def for_text(self, asked: Question) -> tuple[_Prepared, ...]:
        """Those that may hold for this text."""
        if self.prefilter is None or self.prefilter.search(asked.bytes) is not None:
            return self.rules
        return self.wordless


class Classifier:
    """A policy's rules, made ready to be asked often.

    Raises:
        ValueError: a pattern cannot be used; the check of policies says so before.
    """

    def __init__(self, policy: Policy) -> None:
        hours = {name: Hours(calendar) for name, calendar in policy.calendars.items()}
        self._rules = [
            (rule, conditions(rule.when, hours), conditions(rule.unless, hours) if rule.unless else ())
            for rule in policy.rules
        ]
        self._places: dict[tuple[str, str], _Shortlist] = {}

    def classify(self, facts: Facts, at_ms: int = 0) -> Classified:
        """The first rule with a queue that holds decides. What those before it that hold say counts too, unless a later
        one says another; tags add up, and so do skills, each as it was said last. A priority in the facts (set by hand)
        comes before all. ``at_ms``: the moment that calendars are asked about."""
        shortlist = self._places.get((facts.channel, facts.account)) or self._shortlist(facts)
        asked = Question(facts, at_ms)
        held: list[Rule] = []
        for prepared in shortlist.for_text(asked):
            if prepared.holds(asked):
                held.append(prepared.rule)
                if prepared.rule.queue is not None:
                    break
        return _together(held, facts.priority)

    def _shortlist(self, facts: Facts) -> _Shortlist:
        if len(self._places) >= _MOST_PLACES:
            self._places.clear()
        made = self._places[facts.channel, facts.account] = self._sorted_out(facts.channel, facts.account)
        return made

    def _sorted_out(self, channel: str, account: str) -> _Shortlist:
        rules: list[_Prepared] = []
        for rule, when, unless in self._rules:
            against = rule.unless is not None and holds_at(rule.unless, channel, account)
            if not holds_at(rule.when, channel, account) or (against and not unless):
                continue
            reads_text = bool(rule.when.words or rule.when.patterns)
            rules.append(_Prepared(rule, when, unless if against else (), reads_text))
            if rule.queue is not None and not when and not against:
                break
        wordless = tuple(prepared for prepared in rules if not prepared.reads_text)
        return _Shortlist(tuple(rules), wordless, _prefilter(prepared.rule.when for prepared in rules))


def _prefilter(matches: Iterable[Match]) -> Search | None:
    patterns = [pattern for when in matches for pattern in (*map(literal, map(folded, when.words)), *when.patterns)]
    try:
        return any_pattern(patterns) if patterns else None
    except ValueError:
        return None  # too large together


def _together(held: Sequence[Rule], by_hand: int | None) -> Classified:
    """What rules say that hold together, in order; the last one decides if it has a queue."""
    if not held:
        return Classified(None, None, by_hand or 0, ())
    last = held[-1]
    priority = 0
    sla: str | None = None
    weight: int | None = None
    relax: tuple[Relax, ...] = ()
    tags: dict[str, None] = {}
    skills: dict[str, Need] = {}
    for rule in held:
        priority = priority if rule.priority is None else rule.priority
        sla = rule.sla or sla
        weight = weight if rule.weight is None else rule.weight
        relax = rule.relax or relax
        tags.update(dict.fromkeys(rule.tags))
        skills.update({need.skill: need for need in rule.skills})
    return Classified(
        queue=last.queue,
        rule=None if last.queue is None else last.name,
        priority=priority if by_hand is None else by_hand,
        tags=tuple(tags),
        rules=tuple([rule.name for rule in held]),
        skills=tuple(skills.values()),
        relax=relax,
        sla=sla,
        weight=weight,
    )
