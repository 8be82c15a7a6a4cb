"""The policy's rules asked in order: which queue, with what priority, and with which tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from unicodedata import normalize

from contracts.commands import Facts
from contracts.policy import Match, Policy, Rule

Condition = Callable[[Facts, str], bool]


class Classified(NamedTuple):
    """What the rules said; ``queue`` and ``rule`` are None when none decided."""

    queue: str | None
    rule: str | None
    priority: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    rule: Rule
    conditions: tuple[Condition, ...]

    def holds(self, facts: Facts, text: str) -> bool:
        return all(condition(facts, text) for condition in self.conditions)


class Classifier:
    """A policy's rules, made ready to be asked often."""

    def __init__(self, policy: Policy) -> None:
        self._rules = [_Prepared(rule, conditions(rule.when)) for rule in policy.rules]
        self._reads_text = any(rule.when.words for rule in policy.rules)

    def classify(self, facts: Facts) -> Classified:
        """The first rule with a queue that holds decides. Those before it that hold add their tags, and their
        priority unless a later one says another; a priority in the facts (set by hand) comes before all."""
        text = folded(facts.text) if self._reads_text else ""
        priority = 0
        tags: dict[str, None] = {}
        decided: Rule | None = None
        for prepared in self._rules:
            if not prepared.holds(facts, text):
                continue
            tags.update(dict.fromkeys(prepared.rule.tags))
            priority = priority if prepared.rule.priority is None else prepared.rule.priority
            if prepared.rule.queue is not None:
                decided = prepared.rule
                break
        priority = priority if facts.priority is None else facts.priority
        if decided is None:
            return Classified(None, None, priority, tuple(tags))
        return Classified(decided.queue, decided.name, priority, tuple(tags))


def folded(text: str) -> str:
    """Text for comparing: full-width and half-width, upper and lower case are the same (NFKC and case folding)."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


def conditions(when: Match) -> tuple[Condition, ...]:
    """The conditions that were given, cheapest first; none at all always holds."""
    makers: Sequence[tuple[tuple[str, ...], Callable[[tuple[str, ...]], Condition]]] = (
        (when.channels, _channel),
        (when.accounts, _account),
        (when.tags, _tag),
        (when.languages, _language),
        (when.words, _word),
    )
    return tuple(maker(values) for values, maker in makers if values)


def _channel(values: tuple[str, ...]) -> Condition:
    return lambda facts, text: facts.channel in values


def _account(values: tuple[str, ...]) -> Condition:
    return lambda facts, text: facts.account in values


def _tag(values: tuple[str, ...]) -> Condition:
    wanted = frozenset(values)
    return lambda facts, text: not wanted.isdisjoint(facts.tags)


def _language(values: tuple[str, ...]) -> Condition:
    """``ja`` also stands for ``ja-JP``; case does not matter (RFC 4647 basic filtering)."""
    wanted = tuple(value.lower() for value in values)
    stems = tuple(f"{value}-" for value in wanted)

    def holds(facts: Facts, text: str) -> bool:
        language = (facts.language or "").lower()
        return language in wanted or language.startswith(stems)

    return holds


def _word(values: tuple[str, ...]) -> Condition:
    """Anywhere in the text, within a longer word too: Japanese has no spaces to tell words by."""
    wanted = tuple(folded(value) for value in values)
    return lambda facts, text: any(word in text for word in wanted)
