"""What a rule's ``Match`` asks of some work, each part a small function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from contracts.codec import milliseconds
from contracts.commands import Facts
from contracts.policy import Match
from router.domain.dispatch.patterns import any_pattern, folded
from router.domain.hours.compiled import Hours


class Question:
    """Some work that the rules are asked about, at one moment. Its text is folded once, and only if a rule reads it."""

    __slots__ = ("_bytes", "_text", "at_ms", "facts")

    def __init__(self, facts: Facts, at_ms: int) -> None:
        self.facts = facts
        self.at_ms = at_ms
        self._text: str | None = None
        self._bytes: bytes | None = None

    @property
    def text(self) -> str:
        """Folded."""
        if self._text is None:
            self._text = folded(self.facts.text)
        return self._text

    @property
    def bytes(self) -> bytes:
        """The folded text in UTF-8, as patterns read it."""
        if self._bytes is None:
            self._bytes = self.text.encode("utf-8", "replace")
        return self._bytes


Condition = Callable[[Question], bool]


def holds_at(when: Match, channel: str, account: str) -> bool:
    """Whether it may hold for work of this account. What else it asks is in :func:`conditions`."""
    return (not when.channels or channel in when.channels) and (not when.accounts or account in when.accounts)


def conditions(when: Match, hours: Mapping[str, Hours]) -> tuple[Condition, ...]:
    """All that it asks beside channel and account, cheapest first; nothing at all always holds.

    Raises:
        ValueError: a pattern cannot be used.
    """
    return tuple(_conditions(when, hours))


def _conditions(when: Match, hours: Mapping[str, Hours]) -> Iterator[Condition]:
    if when.tags:
        yield _tag(when.tags)
    if when.languages:
        yield _language(when.languages)
    for name, values in when.attributes.items():
        yield _attribute(name, values)
    if when.earlier_at_least is not None or when.earlier_at_most is not None:
        yield _earlier(when.earlier_at_least, when.earlier_at_most)
    if when.earlier_within_s is not None:
        yield _lately(when.earlier_within_s)
    if when.open:
        yield _calendar(when.open, hours, True)
    if when.closed:
        yield _calendar(when.closed, hours, False)
    if when.words:
        yield _word(when.words)
    if when.patterns:
        yield _pattern(when.patterns)


def _tag(values: tuple[str, ...]) -> Condition:
    wanted = frozenset(values)
    return lambda asked: not wanted.isdisjoint(asked.facts.tags)


def _language(values: tuple[str, ...]) -> Condition:
    """``ja`` also stands for ``ja-JP``; case does not matter (RFC 4647 basic filtering)."""
    wanted = frozenset(value.lower() for value in values)
    stems = tuple(f"{value}-" for value in wanted)

    def holds(asked: Question) -> bool:
        language = (asked.facts.language or "").lower()
        return language in wanted or language.startswith(stems)

    return holds


def _attribute(name: str, values: tuple[str, ...]) -> Condition:
    """``*``: it is there, whatever it is."""
    if "*" in values:
        return lambda asked: name in asked.facts.attributes
    wanted = frozenset(values)
    return lambda asked: asked.facts.attributes.get(name) in wanted


def _earlier(least: int | None, most: int | None) -> Condition:
    low, high = least or 0, most
    return lambda asked: low <= asked.facts.earlier and (high is None or asked.facts.earlier <= high)


def _lately(within_s: int) -> Condition:
    def holds(asked: Question) -> bool:
        last = asked.facts.last_at
        return last is not None and asked.at_ms - milliseconds(last) <= within_s * 1000

    return holds


def _calendar(names: tuple[str, ...], hours: Mapping[str, Hours], is_open: bool) -> Condition:
    """A calendar that is declared nowhere is neither open nor closed; the check of policies refuses it."""
    calendars = tuple(hours[name] for name in names if name in hours)
    return lambda asked: any(calendar.is_open(asked.at_ms) is is_open for calendar in calendars)


def _word(values: tuple[str, ...]) -> Condition:
    """Anywhere in the text, within a longer word too: Japanese has no spaces to tell words by."""
    wanted = tuple(folded(value) for value in values)

    def holds(asked: Question) -> bool:
        text = asked.text
        for word in wanted:  # noqa: SIM110 - a generator costs more than the search
            if word in text:
                return True
        return False

    return holds


def _pattern(values: tuple[str, ...]) -> Condition:
    search = any_pattern(values)
    return lambda asked: search.search(asked.bytes) is not None
